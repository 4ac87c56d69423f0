"""The page *Crypto prices*: the data that a load publishes for it, and the app that serves it in Airflow."""
