"""What Airflow and the Glue job must agree on. Standard library only."""
