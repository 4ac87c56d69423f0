"""The local exchange: the APIs of Binance, Coinbase and CoinGecko, with optional faults and rate limits."""
