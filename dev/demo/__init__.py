"""``python -m dev demo``: one day of crypto_prices_daily on the local AWS, with its progress and its result."""
