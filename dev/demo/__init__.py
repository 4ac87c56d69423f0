"""``make demo``: one day of crypto_prices_daily on the local AWS, shown to a person while and after it runs."""
