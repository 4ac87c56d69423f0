"""Airflow operators for the steps that the Amazon provider has none for."""
