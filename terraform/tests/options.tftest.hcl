# The effect of each option.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  bundle_path = "tests/bundle"
  environment = "dev"
  sources     = { binance = { symbols = ["BTCUSDT"] } }
}

run "one_nat_gateway_serves_both_zones_of_airflow_by_default" {
  command = plan

  assert {
    condition     = keys(aws_nat_gateway.this) == ["use1-az1"] && keys(aws_subnet.public) == ["use1-az1"]
    error_message = "There is not exactly one NAT gateway."
  }
  assert {
    condition     = keys(aws_route.private_to_nat) == ["use1-az1", "use1-az2"]
    error_message = "Outbound access does not cover exactly the two zones of Airflow."
  }
  assert {
    condition     = { for zone, subnet in aws_subnet.private : zone => subnet.cidr_block } == { use1-az1 = "10.42.0.0/20", use1-az2 = "10.42.16.0/20", use1-az4 = "10.42.32.0/20" }
    error_message = "The warehouse does not have three private subnets in three zones."
  }
  assert {
    condition     = alltrue([for subnets in [aws_subnet.private, aws_subnet.public] : alltrue([for zone, subnet in subnets : subnet.availability_zone_id == zone])])
    error_message = "A subnet is not selected by the ID of its zone."
  }
  assert {
    condition     = aws_vpc_endpoint.s3[0].vpc_endpoint_type == "Gateway" && length(aws_vpc_endpoint.interface) == 0
    error_message = "S3 has no free gateway endpoint, or billed endpoints are created by default."
  }
  assert {
    condition     = length(aws_flow_log.this) == 1 && length(aws_default_security_group.closed) == 1
    error_message = "The traffic is not recorded, or the default security group is open."
  }
}

run "a_nat_gateway_in_each_zone_of_airflow" {
  command = plan

  variables {
    nat_gateways = "per_zone"
  }

  assert {
    condition     = keys(aws_nat_gateway.this) == ["use1-az1", "use1-az2"]
    error_message = "Not each zone of Airflow has a NAT gateway."
  }
}

run "chosen_availability_zones" {
  command = plan

  variables {
    availability_zone_ids = ["use1-az2", "use1-az5", "use1-az6"]
  }

  assert {
    condition     = [for subnet in aws_subnet.private : subnet.availability_zone_id] == ["use1-az2", "use1-az5", "use1-az6"] && keys(aws_route.private_to_nat) == ["use1-az2", "use1-az5"]
    error_message = "The subnets are not in the chosen zones."
  }
}

run "a_zone_that_eks_refuses_is_used_if_there_are_not_three_others" {
  command = plan

  override_data {
    target = data.aws_availability_zones.available
    values = { zone_ids = ["cac1-az3", "cac1-az2", "cac1-az1"] }
  }

  assert {
    condition     = keys(aws_subnet.private) == ["cac1-az1", "cac1-az2", "cac1-az3"] && keys(aws_route.private_to_nat) == ["cac1-az1", "cac1-az2"]
    error_message = "The subnets are not in the region's three zones."
  }
}

run "two_zones_are_too_few_for_a_new_vpc" {
  command = plan

  override_data {
    target = data.aws_availability_zones.available
    values = { zone_ids = ["usw1-az3", "usw1-az1"] }
  }

  expect_failures = [data.aws_availability_zones.available]
}

run "interface_endpoints_for_every_called_service" {
  command = plan

  variables {
    interface_endpoints = true
  }

  assert {
    condition = keys(aws_vpc_endpoint.interface) == [
      "airflow.api", "airflow.env", "glue", "kms", "logs", "monitoring", "redshift-data", "secretsmanager", "sqs", "sts",
    ]
    error_message = "The set of endpoints is wrong."
  }
  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.private_dns_enabled && endpoint.vpc_endpoint_type == "Interface"])
    error_message = "An endpoint is not an interface endpoint with private DNS."
  }
}

run "an_existing_vpc_is_used_and_none_is_created" {
  command = plan

  # Northern California, which is why the variable must also work with two zones.
  override_data {
    target = data.aws_availability_zones.available
    values = { zone_ids = ["usw1-az3", "usw1-az1"] }
  }

  variables {
    interface_endpoints = true
    existing_network = {
      vpc_id              = "vpc-1"
      mwaa_subnet_ids     = ["subnet-1", "subnet-2"]
      redshift_subnet_ids = ["subnet-1", "subnet-2", "subnet-3"]
    }
  }

  assert {
    condition = length(concat(
      aws_vpc.this, aws_internet_gateway.this, aws_default_security_group.closed, aws_flow_log.this, aws_vpc_endpoint.s3, values(aws_subnet.private), values(aws_subnet.public),
      values(aws_nat_gateway.this), values(aws_eip.nat), values(aws_route.private_to_nat), values(aws_vpc_endpoint.interface), aws_iam_role.flow_logs,
    )) == 0
    error_message = "Network resources are created although existing_network is set."
  }
  assert {
    condition     = aws_security_group.mwaa.vpc_id == "vpc-1" && aws_security_group.redshift.vpc_id == "vpc-1"
    error_message = "A security group is not in the existing VPC."
  }
  assert {
    condition     = aws_mwaa_environment.this.network_configuration[0].subnet_ids == toset(["subnet-1", "subnet-2"])
    error_message = "Airflow is not in the given subnets."
  }
  assert {
    condition     = aws_redshiftserverless_workgroup.this.subnet_ids == toset(["subnet-1", "subnet-2", "subnet-3"])
    error_message = "The warehouse is not in the given subnets."
  }
}

run "an_existing_key_is_used_and_none_is_created" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }

  assert {
    condition     = length(aws_kms_key.this) == 0 && length(aws_kms_alias.this) == 0
    error_message = "A key is created although kms_key_arn is set."
  }
  assert {
    condition = alltrue(concat(
      [for group in aws_cloudwatch_log_group.this : group.kms_key_id == "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"],
      [aws_mwaa_environment.this.kms_key == "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab", aws_redshiftserverless_namespace.this.kms_key_id == "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"],
    ))
    error_message = "A log group, the environment or the warehouse is not encrypted with the given key."
  }
}

run "access_logs_go_to_a_separate_bucket" {
  command = plan

  variables {
    access_logs = true
  }

  assert {
    condition     = aws_s3_bucket.this["access_logs"].bucket == "crypto-prices-dev-access-logs-123456789012"
    error_message = "The access log bucket is missing or has the wrong name."
  }
  assert {
    condition     = { for key, logging in aws_s3_bucket_logging.this : key => logging.target_prefix } == { bundle = "bundle/", lake = "lake/" }
    error_message = "Access logging does not cover exactly the lake and the bundle, each below its own prefix."
  }
  assert {
    condition     = one(aws_s3_bucket_server_side_encryption_configuration.this["access_logs"].rule).apply_server_side_encryption_by_default[0].sse_algorithm == "AES256"
    error_message = "The access log bucket does not use SSE-S3, which S3 requires for access logs."
  }
  assert {
    condition     = aws_s3_bucket_public_access_block.this["access_logs"].restrict_public_buckets && length(aws_s3_bucket_lifecycle_configuration.access_logs) == 1
    error_message = "The access log bucket can become public, or keeps its logs forever."
  }
}

run "no_access_logs_and_no_budget_by_default" {
  command = plan

  assert {
    condition     = length(aws_s3_bucket.this) == 2 && length(aws_s3_bucket_logging.this) == 0 && length(aws_budgets_budget.monthly) == 0
    error_message = "Access logging or a budget is created by default."
  }
}

run "a_budget_warns_before_it_is_exceeded" {
  command = plan

  variables {
    monthly_budget_usd = 500
  }

  assert {
    condition     = aws_budgets_budget.monthly[0].limit_amount == "500" && aws_budgets_budget.monthly[0].time_unit == "MONTHLY"
    error_message = "The budget is not 500 USD per month."
  }
  assert {
    condition     = toset([for notification in aws_budgets_budget.monthly[0].notification : notification.threshold]) == toset([80, 100])
    error_message = "The budget does not warn at 80 % and 100 %."
  }
  assert {
    condition     = toset(one(aws_budgets_budget.monthly[0].cost_filter).values) == toset([join("$", ["user:platform", "crypto-prices-dev"])])
    error_message = "The budget does not count exactly the costs with the platform's tag."
  }
}

run "each_address_receives_alarms" {
  command = plan

  variables {
    alarm_emails = ["one@example.com", "two@example.com"]
  }

  assert {
    condition     = [for subscription in aws_sns_topic_subscription.email : subscription.endpoint] == ["one@example.com", "two@example.com"]
    error_message = "The subscriptions do not match alarm_emails."
  }
}

run "terraform_destroy_keeps_data_by_default" {
  command = plan

  assert {
    condition     = alltrue([for bucket in aws_s3_bucket.this : !bucket.force_destroy]) && aws_secretsmanager_secret.settings.recovery_window_in_days == 30
    error_message = "terraform destroy would delete data immediately."
  }
}

run "an_experimental_platform_leaves_nothing_behind" {
  command = plan

  variables {
    destroy_data         = true
    secret_recovery_days = 0
  }

  assert {
    condition     = alltrue([for bucket in aws_s3_bucket.this : bucket.force_destroy]) && aws_secretsmanager_secret.settings.recovery_window_in_days == 0
    error_message = "terraform destroy would leave buckets or secrets behind."
  }
}

run "sizes_reach_their_resources" {
  command = plan

  variables {
    glue               = { worker_type = "G.2X", workers = 5, timeout_minutes = 30, max_concurrent_runs = 4 }
    redshift           = { base_capacity = 32, max_capacity = 64, monthly_rpu_hours = 100, breach_action = "deactivate" }
    mwaa               = { environment_class = "mw1.large", min_workers = 2, max_workers = 20, schedulers = 4, public_web_server = true, maintenance_window = "MON:01:00", log_level = "WARNING", configuration_options = { "core.parallelism" = "64" } }
    lake_retention     = { raw_noncurrent_days = 10, quarantine_days = 20, curated_noncurrent_days = 3 }
    log_retention_days = 30
    alarms             = { failed_tries = 9, freshness_hours = 48, daily_rpu_hours = 2 }
    catalog_database   = "lake"
  }

  assert {
    condition = (
      aws_glue_job.curate.worker_type == "G.2X" && aws_glue_job.curate.number_of_workers == 5 && aws_glue_job.curate.timeout == 30 &&
      aws_glue_job.curate.execution_property[0].max_concurrent_runs == 4
    )
    error_message = "The Glue job does not have the configured size."
  }
  assert {
    condition = (
      aws_redshiftserverless_workgroup.this.base_capacity == 32 && aws_redshiftserverless_workgroup.this.max_capacity == 64 &&
      aws_redshiftserverless_usage_limit.monthly.amount == 100 && aws_redshiftserverless_usage_limit.monthly.breach_action == "deactivate"
    )
    error_message = "The warehouse does not have the configured size or limit."
  }
  assert {
    condition = (
      aws_mwaa_environment.this.environment_class == "mw1.large" && aws_mwaa_environment.this.min_workers == 2 && aws_mwaa_environment.this.max_workers == 20 &&
      aws_mwaa_environment.this.schedulers == 4 && aws_mwaa_environment.this.webserver_access_mode == "PUBLIC_ONLY" &&
      aws_mwaa_environment.this.weekly_maintenance_window_start == "MON:01:00" && aws_mwaa_environment.this.logging_configuration[0].worker_logs[0].log_level == "WARNING"
    )
    error_message = "The environment does not have the configured size, access mode, maintenance window or log level."
  }
  assert {
    condition     = nonsensitive(aws_mwaa_environment.this.airflow_configuration_options["core.parallelism"]) == "64"
    error_message = "An additional configuration option does not reach Airflow."
  }
  assert {
    condition     = [for rule in aws_s3_bucket_lifecycle_configuration.lake.rule : rule.noncurrent_version_expiration[0].noncurrent_days if length(rule.noncurrent_version_expiration) > 0] == [10, 3, 3]
    error_message = "The lake does not keep older versions for the configured days."
  }
  assert {
    condition     = one([for rule in aws_s3_bucket_lifecycle_configuration.lake.rule : rule.expiration[0].days if rule.id == "quarantine"]) == 20
    error_message = "Quarantined records are not kept for the configured days."
  }
  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.this : group.retention_in_days == 30])
    error_message = "A log group does not have the configured retention."
  }
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["tasks-failing"].threshold == 9 && aws_cloudwatch_metric_alarm.this["stale-binance"].evaluation_periods == 48 &&
      aws_cloudwatch_metric_alarm.this["warehouse-expensive"].threshold == 2
    )
    error_message = "An alarm does not have the configured threshold."
  }
  assert {
    condition     = aws_glue_catalog_database.this.name == "lake" && aws_glue_catalog_table.crypto_prices.database_name == "lake"
    error_message = "The catalog database does not have the configured name."
  }
}

run "roles_have_no_boundary_by_default" {
  command = plan

  assert {
    condition     = alltrue([for role in [aws_iam_role.mwaa, aws_iam_role.glue, aws_iam_role.copy] : role.permissions_boundary == null])
    error_message = "A role has a permissions boundary although none was given."
  }
}

run "every_role_has_the_permissions_boundary" {
  command = plan

  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/crypto-prices-github-boundary-dev"
  }

  assert {
    condition     = alltrue([for role in concat([aws_iam_role.mwaa, aws_iam_role.glue, aws_iam_role.copy], aws_iam_role.flow_logs[*]) : role.permissions_boundary == "arn:aws:iam::123456789012:policy/crypto-prices-github-boundary-dev"])
    error_message = "A role is not limited by the permissions boundary."
  }
}

run "athena_is_an_option" {
  command = plan

  assert {
    condition     = length(aws_athena_workgroup.this) == 0 && length(aws_athena_named_query.this) == 0
    error_message = "There is a workgroup by default."
  }
}

run "athena_limits_each_query_and_deletes_its_results" {
  command = plan

  variables {
    athena = { scan_limit_gb = 2, result_days = 7 }
  }

  assert {
    condition = (
      one(aws_athena_workgroup.this).configuration[0].enforce_workgroup_configuration &&
      one(aws_athena_workgroup.this).configuration[0].bytes_scanned_cutoff_per_query == 2147483648 &&
      one(aws_athena_workgroup.this).configuration[0].result_configuration[0].output_location == "s3://crypto-prices-dev-lake-123456789012/athena/" &&
      one(aws_athena_workgroup.this).configuration[0].result_configuration[0].encryption_configuration[0].encryption_option == "SSE_KMS"
    )
    error_message = "A query can scan more, or its results are elsewhere or not encrypted."
  }
  assert {
    condition = one([for rule in aws_s3_bucket_lifecycle_configuration.lake.rule : [
      for expiration in rule.expiration : expiration.days] if rule.filter[0].prefix == "athena/"
    ]) == [7]
    error_message = "Results are never deleted."
  }
  assert {
    condition     = keys(aws_athena_named_query.this) == ["candles_by_day", "daily_closes", "origin_of_candles"]
    error_message = "A named query is missing."
  }
  assert {
    condition = alltrue([for query in aws_athena_named_query.this :
      query.database == "crypto_prices_dev" && strcontains(query.query, "FROM crypto_prices") && !startswith(query.description, "--")
    ])
    error_message = "A named query does not read the platform's catalog table."
  }
}
