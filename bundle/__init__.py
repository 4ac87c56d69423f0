"""Makes what MWAA and Glue are given, and looks at it as they would before they get it.

``python -m bundle build`` writes ``dist/``; ``python -m bundle preflight`` checks it. Only the standard library is
needed, except that the DAGs are parsed with the Airflow of the interpreter that runs the preflight.
"""
