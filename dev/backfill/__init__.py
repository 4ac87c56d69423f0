"""``make backfill``: many days of crypto_prices_daily on the local Airflow, followed until every run has finished."""
