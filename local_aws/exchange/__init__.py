"""The laptop's exchange: Binance's candles over HTTP, recorded or generated, with faults that can be switched on."""
