"""``python -m dev backfill``: load a range of days with the local Airflow and show the progress."""
