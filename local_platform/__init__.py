"""The crypto price platform on this machine: the local AWS with what the platform needs, and a complete Airflow."""
