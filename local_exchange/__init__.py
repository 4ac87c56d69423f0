"""The local exchange: the APIs of several exchanges and of CoinGecko, with optional faults and rate limits."""
