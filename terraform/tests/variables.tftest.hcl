# Invalid inputs that are refused before anything is planned, one at a time. The runs with valid inputs show that the shared
# inputs are valid, so each refusal is caused by the one input that its run sets. Most runs use the variables alone, because a
# run of the whole platform takes seconds.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  bundle_path = "../bundle" # from tests/variables
  environment = "dev"
  sources     = { binance = { symbols = ["BTCUSDT"] } }
}

run "refuses_a_malformed_region" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    region = "Frankfurt"
  }

  expect_failures = [var.region]
}

run "refuses_a_name_with_capitals" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    name = "Crypto"
  }

  expect_failures = [var.name]
}

run "refuses_a_name_too_long_for_a_bucket" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    name = "a-name-of-more-than-24-chars"
  }

  expect_failures = [var.name]
}

run "refuses_an_environment_with_a_dash" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    environment = "dev-1"
  }

  expect_failures = [var.environment]
}

run "refuses_a_tag_reserved_by_aws" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    tags = { "aws:owner" = "me" }
  }

  expect_failures = [var.tags]
}

run "refuses_the_platform_tag" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    tags = { platform = "mine" }
  }

  expect_failures = [var.tags]
}

run "refuses_more_tags_than_an_s3_object_can_have" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    tags = { for number in range(10) : "tag${number}" => "value" }
  }

  expect_failures = [var.tags]
}

run "refuses_a_folder_without_a_bundle" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    bundle_path = "tests"
  }

  expect_failures = [var.bundle_path]
}

run "refuses_a_permissions_boundary_that_is_no_policy" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:role/admin"
  }

  expect_failures = [var.permissions_boundary_arn]
}

run "refuses_the_permissions_boundary_of_another_environment" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/crypto-prices-github-boundary-prod"
  }

  expect_failures = [var.permissions_boundary_arn]
}

run "refuses_a_catalog_database_that_the_permissions_boundary_does_not_allow" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/crypto-prices-github-boundary-dev"
    catalog_database         = "lake"
  }

  expect_failures = [var.permissions_boundary_arn]
}

run "accepts_a_catalog_database_with_a_boundary_of_the_users_own" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/our-boundary"
    catalog_database         = "lake"
  }
}

run "refuses_an_empty_map_of_sources" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    sources = {}
  }

  expect_failures = [var.sources]
}

run "refuses_a_source_name_with_a_capital" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    sources = { Binance = { symbols = ["BTCUSDT"] } }
  }

  expect_failures = [var.sources]
}

run "refuses_a_source_without_symbols" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    sources = { binance = { symbols = [] } }
  }

  expect_failures = [var.sources]
}

run "refuses_a_symbol_that_is_listed_twice" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    sources = { binance = { symbols = ["BTCUSDT", "BTCUSDT"] } }
  }

  expect_failures = [var.sources]
}

run "accepts_the_spelling_of_each_exchange" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    sources = { bitfinex = { symbols = ["tBTCUSD", "tDOGE:USD"] }, coinbase = { symbols = ["BTC-USD"] }, poloniex = { symbols = ["BTC_USDT"] } }
  }
}

run "refuses_a_malformed_symbol" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    sources = { binance = { symbols = ["BTC/USDT"] } }
  }

  expect_failures = [var.sources]
}

run "refuses_an_api_url_with_a_query" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    sources = { binance = { symbols = ["BTCUSDT"], api_url = "https://api.example.com?key=1" } }
  }

  expect_failures = [var.sources]
}

run "refuses_a_connection_id_with_a_slash" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    sources = { binance = { symbols = ["BTCUSDT"], connection_id = "a/b" } }
  }

  expect_failures = [var.sources]
}

run "refuses_a_market_without_a_quote_currency" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    sources = { binance = { symbols = ["BCCUSDT"], markets = { BCCUSDT = "BCCUSDT" } } }
  }

  expect_failures = [var.sources]
}

run "refuses_a_market_of_a_symbol_that_is_not_listed" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    sources = { binance = { symbols = ["BTCUSDT"], markets = { BCCUSDT = "BCC/USDT" } } }
  }

  expect_failures = [var.sources]
}

run "refuses_zero_requests_per_second" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    sources = { binance = { symbols = ["BTCUSDT"], requests_per_second = 0 } }
  }

  expect_failures = [var.sources]
}

run "refuses_a_candle_interval_without_a_number" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    candle_interval = "hour"
  }

  expect_failures = [var.candle_interval]
}

run "refuses_a_share_above_one" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    max_rejected_share = 1.5
  }

  expect_failures = [var.max_rejected_share]
}

run "refuses_a_negative_number_of_days_that_an_audit_loads" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    audit_limit_days = -1
  }

  expect_failures = [var.audit_limit_days]
}

run "refuses_a_part_of_a_day" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    restatement_sample = 0.5
  }

  expect_failures = [var.restatement_sample]
}

run "refuses_an_unknown_quality_rule" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    quality_rules = { nice = { action = "warn" } }
  }

  expect_failures = [var.quality_rules]
}

run "refuses_an_unknown_quality_rule_action" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    quality_rules = { price_jump = { action = "delete" } }
  }

  expect_failures = [var.quality_rules]
}

run "refuses_a_negative_threshold" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    quality_rules = { price_jump = { threshold = -1 } }
  }

  expect_failures = [var.quality_rules]
}

run "refuses_an_alias_instead_of_a_key" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:alias/ours"
  }

  expect_failures = [var.kms_key_arn]
}

run "refuses_three_subnets_for_airflow" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    existing_network = { vpc_id = "vpc-1", mwaa_subnet_ids = ["a", "b", "c"], redshift_subnet_ids = ["a", "b", "c"] }
  }

  expect_failures = [var.existing_network]
}

run "refuses_the_same_subnet_twice_for_airflow" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    existing_network = { vpc_id = "vpc-1", mwaa_subnet_ids = ["a", "a"], redshift_subnet_ids = ["a", "b", "c"] }
  }

  expect_failures = [var.existing_network]
}

run "refuses_two_subnets_for_the_warehouse" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    existing_network = { vpc_id = "vpc-1", mwaa_subnet_ids = ["a", "b"], redshift_subnet_ids = ["a", "b"] }
  }

  expect_failures = [var.existing_network]
}

run "refuses_a_network_too_small_for_its_subnets" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    vpc_cidr = "10.0.0.0/24"
  }

  expect_failures = [var.vpc_cidr]
}

run "refuses_two_zones" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    availability_zone_ids = ["use1-az1", "use1-az2"]
  }

  expect_failures = [var.availability_zone_ids]
}

run "refuses_names_of_zones" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    availability_zone_ids = ["us-east-1a", "us-east-1b", "us-east-1c"]
  }

  expect_failures = [var.availability_zone_ids]
}

run "refuses_another_number_of_nat_gateways" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    nat_gateways = "two"
  }

  expect_failures = [var.nat_gateways]
}

run "refuses_a_retention_of_half_a_day" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    lake_retention = { quarantine_days = 0.5 }
  }

  expect_failures = [var.lake_retention]
}

run "refuses_a_catalog_database_with_a_dash" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    catalog_database = "crypto-prices"
  }

  expect_failures = [var.catalog_database]
}

run "refuses_an_unknown_glue_worker_type" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    glue = { worker_type = "G.3X" }
  }

  expect_failures = [var.glue]
}

run "refuses_a_single_glue_worker" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    glue = { workers = 1 }
  }

  expect_failures = [var.glue]
}

run "refuses_a_glue_run_that_outlives_its_task" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    glue = { timeout_minutes = 480 }
  }

  expect_failures = [var.glue]
}

run "refuses_zero_concurrent_glue_runs" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    glue = { max_concurrent_runs = 0 }
  }

  expect_failures = [var.glue]
}

run "refuses_a_capacity_that_redshift_does_not_offer" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    redshift = { base_capacity = 12 }
  }

  expect_failures = [var.redshift]
}

run "refuses_a_maximum_capacity_below_the_base_capacity" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    redshift = { base_capacity = 32, max_capacity = 16 }
  }

  expect_failures = [var.redshift]
}

run "refuses_a_usage_limit_of_zero" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    redshift = { monthly_rpu_hours = 0 }
  }

  expect_failures = [var.redshift]
}

run "refuses_a_usage_limit_of_half_an_hour" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    redshift = { monthly_rpu_hours = 100.5 }
  }

  expect_failures = [var.redshift]
}

run "refuses_an_unknown_breach_action" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    redshift = { breach_action = "stop" }
  }

  expect_failures = [var.redshift]
}

run "refuses_an_environment_class_that_is_too_small" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    mwaa = { environment_class = "mw1.micro" }
  }

  expect_failures = [var.mwaa]
}

run "refuses_a_maximum_of_workers_below_the_minimum" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    mwaa = { min_workers = 5, max_workers = 2 }
  }

  expect_failures = [var.mwaa]
}

run "refuses_a_single_scheduler" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    mwaa = { schedulers = 1 }
  }

  expect_failures = [var.mwaa]
}

run "refuses_a_maintenance_window_at_a_quarter_hour" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    mwaa = { maintenance_window = "SUN:03:15" }
  }

  expect_failures = [var.mwaa]
}

run "refuses_an_unknown_log_level" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    mwaa = { log_level = "TRACE" }
  }

  expect_failures = [var.mwaa]
}

run "refuses_an_option_that_the_bundle_depends_on" {
  command = plan

  variables {
    bundle_path = "tests/bundle"
    mwaa        = { configuration_options = { "core.lazy_load_plugins" = "True" } }
  }

  expect_failures = [var.mwaa]
}

run "refuses_a_recovery_of_three_days" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    secret_recovery_days = 3
  }

  expect_failures = [var.secret_recovery_days]
}

run "refuses_a_log_retention_that_cloudwatch_does_not_support" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    log_retention_days = 100
  }

  expect_failures = [var.log_retention_days]
}

run "refuses_a_malformed_email_address" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    alarm_emails = ["on-call"]
  }

  expect_failures = [var.alarm_emails]
}

run "refuses_a_freshness_shorter_than_a_day" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    alarms = { freshness_hours = 12 }
  }

  expect_failures = [var.alarms]
}

run "refuses_an_alarm_threshold_of_zero_failures" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    alarms = { failed_tries = 0 }
  }

  expect_failures = [var.alarms]
}

run "refuses_an_alarm_threshold_of_half_an_rpu_hour" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    alarms = { daily_rpu_hours = 0.5 }
  }

  expect_failures = [var.alarms]
}

run "refuses_a_budget_of_zero" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    monthly_budget_usd = 0
  }

  expect_failures = [var.monthly_budget_usd]
}

run "refuses_results_of_athena_that_are_deleted_at_once" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    athena = { result_days = 0 }
  }

  expect_failures = [var.athena]
}

run "refuses_an_environment_class_without_prices" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    mwaa = { environment_class = "mw1.2xlarge" }
  }

  expect_failures = [var.prices]
}

run "refuses_a_glue_run_of_less_than_a_minute" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    usage = { glue_minutes = 0.5 }
  }

  expect_failures = [var.usage]
}

run "refuses_a_key_in_another_region" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }

  expect_failures = [var.kms_key_arn]
}

run "refuses_a_multi_region_key" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab"
  }

  expect_failures = [var.kms_key_arn]
}

run "refuses_a_pattern_as_the_external_id_of_copy" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    copy_external_ids = ["arn:aws:redshift:us-east-1:123456789012:dbuser:*/admin"]
  }

  expect_failures = [var.copy_external_ids]
}

run "refuses_another_default_time_zone" {
  command = plan

  variables {
    bundle_path = "tests/bundle"
    mwaa        = { configuration_options = { "core.default_timezone" = "Europe/Berlin" } }
  }

  expect_failures = [var.mwaa]
}

run "refuses_a_runbook_url_with_a_quote" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    runbook_url = "https://example.com/\"runbook\""
  }

  expect_failures = [var.runbook_url]
}

run "refuses_a_private_web_server_open_to_all_addresses" {
  command = plan

  module {
    source = "./tests/variables"
  }

  variables {
    mwaa = { web_server_cidrs = ["0.0.0.0/0"] }
  }

  expect_failures = [var.mwaa]
}

run "accepts_the_shared_inputs" {
  command = plan

  module {
    source = "./tests/variables"
  }
}

run "accepts_the_boundary_values_of_each_rule" {
  command = plan

  variables {
    bundle_path          = "tests/bundle"
    name                 = "a-name-of-twenty-four-ch"
    environment          = "qa"
    tags                 = { team = "data" }
    sources              = { coin_gecko2 = { symbols = ["a1"], api_url = "http://localhost:8080/x", connection_id = "a.b-c_d", requests_per_second = 1000, markets = { a1 = "A1/USD" } } }
    candle_interval      = "15m"
    max_rejected_share   = 0
    restatement_sample   = 200
    quality_rules        = { price_jump = { threshold = 0 }, negative_volume = { action = "fail" } }
    audit_limit_days     = 0
    kms_key_arn          = "arn:aws-us-gov:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    vpc_cidr             = "10.0.0.0/20"
    nat_gateways         = "per_zone"
    lake_retention       = { quarantine_days = 1 }
    catalog_database     = "_lake"
    glue                 = { worker_type = "G.8X", workers = 2, timeout_minutes = 5, max_concurrent_runs = 1 }
    redshift             = { base_capacity = 4, max_capacity = 4, monthly_rpu_hours = 1, breach_action = "emit-metric" }
    mwaa                 = { min_workers = 1, max_workers = 25, schedulers = 5, maintenance_window = "MON:23:30", log_level = "DEBUG", web_server_cidrs = ["10.8.0.0/22"] }
    secret_recovery_days = 7
    log_retention_days   = 1
    alarm_emails         = ["on.call+1@data.example.com"]
    runbook_url          = "https://git.example.com/data/-/blob/main/docs/how-to/troubleshoot.md?plain=1"
    alarms               = { failed_tries = 1, freshness_hours = 168, daily_rpu_hours = 1 }
    monthly_budget_usd   = 0.01
    usage                = { glue_minutes = 1, warehouse_minutes = 1, airflow_database_gb = 0, warehouse_gb = 0 }
  }

  assert {
    condition     = aws_s3_bucket.this["lake"].bucket == "a-name-of-twenty-four-ch-qa-lake-123456789012"
    error_message = "The lake bucket does not have the expected name."
  }
}
