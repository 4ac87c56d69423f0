"""The laptop's exchange: Binance's, Coinbase's and CoinGecko's APIs, with faults and limits that can be switched on."""
