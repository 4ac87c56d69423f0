"""Find missing candles and plan the windows that reload them."""
