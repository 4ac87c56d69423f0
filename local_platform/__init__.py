"""The crypto price platform on this machine: the local AWS with the platform's resources, and a complete Airflow."""
