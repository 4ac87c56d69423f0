"""The contract between Airflow and the Glue job: the documents and names that both sides use.

Both sides import this package, so each name, key and document is defined once. It uses only the standard library.
"""
