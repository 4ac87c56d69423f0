"""A complete Airflow on this machine: metadata database, scheduler, dag processor, triggerer and API server."""
