"""``python -m dev demo``: run one day of crypto_prices_daily on the local AWS and show its progress and result."""
