# The cost estimate follows the configured sizes. The expected values are calculated by hand from the list prices in
# variables.tf.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  bundle_path = "tests/bundle"
  environment = "dev"
  sources     = { binance = { symbols = ["BTCUSDT"] } }
}

run "a_small_platform" {
  command = plan

  variables {
    mwaa     = { environment_class = "mw1.small", min_workers = 1, schedulers = 2 }
    redshift = { base_capacity = 8 }
    glue     = { workers = 2 }
  }

  assert {
    # 730 h x 0.49, and 10 GB x 0.10
    condition     = output.estimated_cost_usd.idle_month.airflow == "358.70"
    error_message = "Airflow: ${output.estimated_cost_usd.idle_month.airflow}"
  }
  assert {
    # 730 h x (0.045 + 0.005)
    condition     = output.estimated_cost_usd.idle_month.network == "36.50"
    error_message = "Network: ${output.estimated_cost_usd.idle_month.network}"
  }
  assert {
    # One key and two secrets: the settings and Redshift's password
    condition     = output.estimated_cost_usd.idle_month.keys_and_secrets == "1.80"
    error_message = "Keys and secrets: ${output.estimated_cost_usd.idle_month.keys_and_secrets}"
  }
  assert {
    # 8 RPUs x 5/60 h x 0.375; 2 DPUs x 2/60 h x 0.44
    condition     = output.estimated_cost_usd.daily_run.warehouse == "0.25" && output.estimated_cost_usd.daily_run.glue == "0.03"
    error_message = "A daily run: ${jsonencode(output.estimated_cost_usd.daily_run)}"
  }
}

run "a_large_platform" {
  command = plan

  variables {
    sources = {
      binance   = { symbols = ["BTCUSDT"] }
      coingecko = { symbols = ["bitcoin"], connection_id = "coingecko" }
    }
    mwaa                = { environment_class = "mw1.medium", min_workers = 3, schedulers = 3 }
    nat_gateways        = "per_zone"
    interface_endpoints = true
    kms_key_arn         = "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012"
    redshift            = { base_capacity = 32, max_capacity = 32 }
    glue                = { worker_type = "G.2X", workers = 10 }
    usage               = { glue_minutes = 30, warehouse_minutes = 60, airflow_database_gb = 0 }
  }

  assert {
    # 730 h x (0.74 + 0.11 x (2 more workers + 1 more scheduler))
    condition     = output.estimated_cost_usd.idle_month.airflow == "781.10"
    error_message = "Airflow: ${output.estimated_cost_usd.idle_month.airflow}"
  }
  assert {
    # 730 h x (2 x 0.05 + 10 endpoints x 2 zones x 0.01)
    condition     = output.estimated_cost_usd.idle_month.network == "219.00"
    error_message = "Network: ${output.estimated_cost_usd.idle_month.network}"
  }
  assert {
    # Three secrets; the existing key is not part of the platform's cost
    condition     = output.estimated_cost_usd.idle_month.keys_and_secrets == "1.20"
    error_message = "Keys and secrets: ${output.estimated_cost_usd.idle_month.keys_and_secrets}"
  }
  assert {
    # 32 RPUs x 1 h x 0.375; 10 workers of 2 DPUs x 0.5 h x 0.44
    condition     = output.estimated_cost_usd.daily_run.warehouse == "12.00" && output.estimated_cost_usd.daily_run.glue == "4.40"
    error_message = "A daily run: ${jsonencode(output.estimated_cost_usd.daily_run)}"
  }
}

run "custom_prices" {
  command = plan

  variables {
    prices = { mwaa_environment_hour = { "mw1.small" = 1 }, mwaa_more_hour = { "mw1.small" = 1 }, mwaa_database_gb = 0 }
  }

  assert {
    condition     = output.estimated_cost_usd.idle_month.airflow == "730.00"
    error_message = "Airflow: ${output.estimated_cost_usd.idle_month.airflow}"
  }
}
