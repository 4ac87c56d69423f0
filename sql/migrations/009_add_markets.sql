-- The canonical markets that a load asked for, such as BTC/USDT,ETH/USDT: what it covers, gaps included.
ALTER TABLE crypto.etl_metadata ADD COLUMN markets VARCHAR(16384)
