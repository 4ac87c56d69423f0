"""The contract between Airflow and the Glue job: what one side writes and the other reads.

Both sides import this package, so each name, key and document is defined once. It uses only the standard library.
"""
