"""``python -m dev backfill``: loads many days with the local Airflow and follows their runs."""
