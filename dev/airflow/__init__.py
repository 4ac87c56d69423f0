"""``python -m dev airflow``: run the local AWS and a complete Airflow that uses it."""
