# A production platform: a NAT gateway in each of MWAA's zones, AWS API calls within the VPC, access logs.
region      = "us-east-1"
environment = "prod"

sources = {
  binance   = { symbols = ["BTCUSDT", "ETHUSDT", "BNBUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "DOGEUSDT", "LTCUSDT", "BTCUSDC", "ETHUSDC", "USDCUSDT"] }
  bitfinex  = { symbols = ["tBTCUSD", "tETHUSD", "tSOLUSD", "tBTCUST", "tETHUST", "tUSTUSD", "tUDCUSD"] }
  bitstamp  = { symbols = ["btcusd", "ethusd", "solusd", "btcusdt", "ethusdt", "usdtusd", "usdcusd"] }
  coinbase  = { symbols = ["BTC-USD", "ETH-USD", "SOL-USD", "BTC-USDT", "ETH-USDT", "USDT-USD"] }
  coingecko = { symbols = ["bitcoin", "ethereum"], connection_id = "coingecko", requests_per_second = 0.45 }
}

availability_zone_ids = ["use1-az1", "use1-az2", "use1-az4"] # pinned, because neither subnets nor the Airflow environment can move
nat_gateways          = "per_zone"
interface_endpoints   = true
access_logs           = true

mwaa     = { environment_class = "mw1.medium", min_workers = 2, max_workers = 10 }
glue     = { workers = 4 }
redshift = { base_capacity = 16, max_capacity = 64, monthly_rpu_hours = 600 }

# Recipients of alarms. Enter your address; without one, no one receives them.
# alarm_emails     = ["data-platform@your-company"]
monthly_budget_usd = 2500
