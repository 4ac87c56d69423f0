"""``make airflow``: the local AWS and a complete Airflow against it."""
