"""Builds the files that are deployed to MWAA and Glue, and checks them as MWAA and Glue would.

``python -m bundle build`` writes ``dist/``, and ``python -m bundle preflight`` checks it. This package needs only the
standard library. The preflight also needs Airflow in its interpreter, to parse the DAGs.
"""
