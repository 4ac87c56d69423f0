"""Step 1: fetch candles from an exchange and store the responses unchanged in the raw zone."""
