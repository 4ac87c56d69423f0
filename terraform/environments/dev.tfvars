# A small platform for experiments. `terraform destroy` leaves nothing behind, and the names can be reused immediately.
region      = "us-east-1"
environment = "dev"

sources = {
  binance = { symbols = ["BTCUSDT", "ETHUSDT"] }
}

destroy_data         = true
secret_recovery_days = 0
log_retention_days   = 30

mwaa     = { max_workers = 2 }
redshift = { base_capacity = 8, max_capacity = 8, monthly_rpu_hours = 60, breach_action = "deactivate" }
alarms   = { daily_rpu_hours = 6 }
