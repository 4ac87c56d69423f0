"""``python -m dev airflow``: the local AWS and a complete Airflow against it."""
