# A platform with default values: names, encryption, access, and the configuration that the bundle relies on.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  bundle_path = "tests/bundle"
  environment = "dev"
  sources = {
    binance   = { symbols = ["BTCUSDT"], markets = { BTCUSDT = "BTC/USDT" } }
    coingecko = { symbols = ["bitcoin"], connection_id = "coingecko", requests_per_second = 0.45, markets = { bitcoin = "BTC/USD" } }
  }
}

run "a_platform_with_default_values" {
  command = plan

  # Everything is named after the platform and its environment.
  assert {
    condition = (
      { for key, bucket in aws_s3_bucket.this : key => bucket.bucket } ==
      { lake = "crypto-prices-dev-lake-123456789012", bundle = "crypto-prices-dev-bundle-123456789012" }
    )
    error_message = "The buckets are not named <name>-lake-<account> and <name>-bundle-<account>."
  }
  assert {
    condition = (
      [aws_mwaa_environment.this.name, aws_redshiftserverless_namespace.this.namespace_name, aws_redshiftserverless_workgroup.this.workgroup_name] ==
      ["crypto-prices-dev", "crypto-prices-dev", "crypto-prices-dev"]
    )
    error_message = "The environment, the namespace or the workgroup has the wrong name."
  }
  assert {
    condition     = aws_glue_job.curate.name == "crypto-prices-dev-curate" && aws_glue_catalog_database.this.name == "crypto_prices_dev"
    error_message = "The Glue job or the catalog database has the wrong name."
  }
  assert {
    condition = (
      [aws_iam_role.mwaa.name, aws_iam_role.glue.name, aws_iam_role.copy.name] ==
      ["crypto-prices-dev-mwaa", "crypto-prices-dev-glue", "crypto-prices-dev-copy"]
    )
    error_message = "A role has the wrong name."
  }
  assert {
    condition     = aws_secretsmanager_secret.settings.name == "airflow/crypto-prices-dev/variables/crypto_prices_settings"
    error_message = "The settings are not below the environment's own prefix."
  }

  # The .env file for Docker contains the names.
  assert {
    condition = (
      { for name, value in local.compose_environment : name => value if !contains(["REDSHIFT_SECRET_ARN", "REDSHIFT_COPY_ROLE"], name) } == {
        API_URL              = "https://data-api.binance.vision"
        AWS_ENDPOINT_URL     = ""
        AWS_REGION           = "us-east-1"
        COMPOSE_PROFILES     = ""
        COMPOSE_PROJECT_NAME = "crypto-prices-dev"
        GLUE_DATABASE        = "crypto_prices_dev"
        GLUE_JOB_NAME        = "crypto-prices-dev-curate"
        GLUE_TABLE           = "crypto_prices"
        MARKETS              = "{\"BTCUSDT\":\"BTC/USDT\"}"
        REDSHIFT_DATABASE    = "crypto"
        REDSHIFT_WORKGROUP   = "crypto-prices-dev"
        S3_BUCKET            = "crypto-prices-dev-lake-123456789012"
        SECRETS_PREFIX       = "airflow/crypto-prices-dev"
        SYMBOLS              = "[\"BTCUSDT\"]"
      }
    )
    error_message = "The .env file for Docker-compose.yaml has wrong values."
  }

  # All data at rest is encrypted with the platform's key.
  assert {
    condition     = aws_kms_key.this[0].enable_key_rotation
    error_message = "The key is not rotated."
  }
  assert {
    condition = alltrue([for encryption in aws_s3_bucket_server_side_encryption_configuration.this :
      one(encryption.rule).apply_server_side_encryption_by_default[0].kms_master_key_id == aws_kms_key.this[0].arn && one(encryption.rule).bucket_key_enabled
    ])
    error_message = "A bucket is not encrypted with the key, or calls KMS for each object."
  }
  assert {
    condition     = alltrue([for object in aws_s3_object.bundle : object.kms_key_id == aws_kms_key.this[0].arn])
    error_message = "A deployed file is not encrypted with the key."
  }
  assert {
    condition     = length(aws_cloudwatch_log_group.this) == 11 && alltrue([for group in aws_cloudwatch_log_group.this : group.kms_key_id == aws_kms_key.this[0].arn])
    error_message = "A log group is missing or not encrypted with the key. Expected: five of MWAA, two of Glue, three of Redshift, and the flow log."
  }
  assert {
    condition     = alltrue([for secret in concat([aws_secretsmanager_secret.settings], values(aws_secretsmanager_secret.connection)) : secret.kms_key_id == aws_kms_key.this[0].arn])
    error_message = "A secret is not encrypted with the key."
  }
  assert {
    condition = (
      aws_redshiftserverless_namespace.this.kms_key_id == aws_kms_key.this[0].arn &&
      aws_redshiftserverless_namespace.this.admin_password_secret_kms_key_id == aws_kms_key.this[0].arn
    )
    error_message = "The warehouse or its password is not encrypted with the key."
  }
  assert {
    condition     = aws_mwaa_environment.this.kms_key == aws_kms_key.this[0].arn && aws_sns_topic.alarms.kms_master_key_id == aws_kms_key.this[0].arn
    error_message = "The environment or the alarm topic is not encrypted with the key."
  }
  assert {
    condition = (
      aws_glue_job.curate.security_configuration == aws_glue_security_configuration.this.name &&
      aws_glue_security_configuration.this.encryption_configuration[0].s3_encryption[0].s3_encryption_mode == "SSE-KMS" &&
      aws_glue_security_configuration.this.encryption_configuration[0].cloudwatch_encryption[0].cloudwatch_encryption_mode == "SSE-KMS" &&
      aws_glue_security_configuration.this.encryption_configuration[0].s3_encryption[0].kms_key_arn == aws_kms_key.this[0].arn &&
      aws_glue_security_configuration.this.encryption_configuration[0].cloudwatch_encryption[0].kms_key_arn == aws_kms_key.this[0].arn
    )
    error_message = "The Glue job does not encrypt its output and its logs with the key."
  }

  # No access from outside.
  override_resource {
    target          = aws_security_group.mwaa
    override_during = plan
    values          = { id = "sg-of-mwaa" }
  }

  assert {
    condition = alltrue([for block in aws_s3_bucket_public_access_block.this :
      block.block_public_acls && block.block_public_policy && block.ignore_public_acls && block.restrict_public_buckets
    ]) && keys(aws_s3_bucket_public_access_block.this) == keys(aws_s3_bucket.this)
    error_message = "A bucket can become public."
  }
  assert {
    condition     = alltrue([for ownership in aws_s3_bucket_ownership_controls.this : one(ownership.rule).object_ownership == "BucketOwnerEnforced"])
    error_message = "A bucket allows ACLs."
  }
  assert {
    condition     = keys(aws_s3_bucket_policy.this) == keys(aws_s3_bucket.this)
    error_message = "A bucket has no policy, so it can be read without TLS."
  }
  assert {
    condition     = !aws_redshiftserverless_workgroup.this.publicly_accessible
    error_message = "The warehouse is publicly accessible."
  }
  assert {
    condition     = one([for parameter in aws_redshiftserverless_workgroup.this.config_parameter : parameter.parameter_value if parameter.parameter_key == "require_ssl"]) == "true"
    error_message = "The warehouse accepts connections without TLS."
  }
  assert {
    condition     = aws_mwaa_environment.this.webserver_access_mode == "PRIVATE_ONLY"
    error_message = "Airflow's web server is public by default."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.mwaa_itself.referenced_security_group_id == "sg-of-mwaa" && aws_vpc_security_group_ingress_rule.mwaa_itself.cidr_ipv4 == null
    error_message = "The environment accepts connections from outside its own security group."
  }

  # Each bucket keeps versions, and the lake never expires published days.
  assert {
    condition     = alltrue([for versioning in aws_s3_bucket_versioning.this : versioning.versioning_configuration[0].status == "Enabled"])
    error_message = "A bucket keeps no versions."
  }
  assert {
    condition = alltrue(flatten([for rule in aws_s3_bucket_lifecycle_configuration.lake.rule :
      [for expiration in rule.expiration : expiration.expired_object_delete_marker] if rule.filter[0].prefix != "quarantine/"
    ]))
    error_message = "A rule expires current objects outside quarantine/. In curated/, these can be published days."
  }
  assert {
    condition = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.lake.rule :
      length(rule.noncurrent_version_expiration) == 0 if rule.filter[0].prefix == "" || startswith(rule.filter[0].prefix, "loads")
    ])
    error_message = "A rule deletes older versions of load records, which prove that one was changed."
  }
  assert {
    condition     = anytrue([for rule in aws_s3_bucket_lifecycle_configuration.lake.rule : rule.filter[0].prefix == "" && length(rule.abort_incomplete_multipart_upload) == 1])
    error_message = "Incomplete multipart uploads are never deleted and cost money."
  }

  # The bundle is uploaded unchanged and pinned by version.
  assert {
    condition = keys(aws_s3_object.bundle) == [
      "SHA256SUMS", "VERSION", "catalog_table.json", "dags/crypto_prices_audit.py", "dags/crypto_prices_backfill.py", "dags/crypto_prices_daily.py", "dags/crypto_prices_marts.py", "dags/crypto_prices_window.py",
      "dags/sql/a_statement.sql", "glue/crypto_prices_etl.zip", "glue/curate_crypto_prices.py", "plugins.zip", "requirements.txt",
    ]
    error_message = "The uploaded files are not exactly the bundle's files."
  }
  assert {
    condition     = setunion(["SHA256SUMS"], [for line in split("\n", trimspace(file("tests/bundle/SHA256SUMS"))) : split("  ", line)[1]]) == toset(keys(aws_s3_object.bundle))
    error_message = "SHA256SUMS names files that the bundle's bucket does not have, or does not name some that it has."
  }
  # The trigger forms offer the sources and symbols of the settings.
  assert {
    condition = aws_s3_object.choices.key == "dags/crypto_prices_choices.json" && jsondecode(aws_s3_object.choices.content) == {
      binance = ["BTCUSDT"], coingecko = ["bitcoin"]
    }
    error_message = "The choices of the trigger forms are not the symbols of the settings, or not beside the DAG files."
  }
  assert {
    condition     = output.bundle_version == "1.2.3"
    error_message = "The output does not name the version of the bundle."
  }
  assert {
    condition     = alltrue([for key, object in aws_s3_object.bundle : object.source_hash == filemd5("tests/bundle/${key}")])
    error_message = "A changed file would not appear in the plan."
  }
  assert {
    condition = (
      aws_mwaa_environment.this.plugins_s3_object_version == aws_s3_object.bundle["plugins.zip"].version_id &&
      aws_mwaa_environment.this.requirements_s3_object_version == aws_s3_object.bundle["requirements.txt"].version_id
    )
    error_message = "The environment does not pin the versions of plugins.zip and requirements.txt."
  }

  # The catalog table has the bundle's columns.
  assert {
    condition = [for column in aws_glue_catalog_table.crypto_prices.storage_descriptor[0].columns : "${column.name} ${column.type}: ${column.comment}"] == [
      "source string: Exchange API the candle came from", "open_price decimal(38,18): First price of the interval",
    ]
    error_message = "The columns differ from catalog_table.json, or have a different order."
  }
  assert {
    condition     = [for key in aws_glue_catalog_table.crypto_prices.partition_keys : "${key.name} ${key.type}: ${key.comment}"] == ["year string: Year of observed_at"]
    error_message = "The partition keys differ from catalog_table.json."
  }
  assert {
    condition     = aws_glue_catalog_table.crypto_prices.description == "Candles of crypto markets"
    error_message = "The description is not that of catalog_table.json."
  }

  # A Glue run has the default size and logs to its own groups.
  assert {
    condition = (
      aws_glue_job.curate.glue_version == "6.0" && aws_glue_job.curate.worker_type == "G.1X" && aws_glue_job.curate.number_of_workers == 2 &&
      aws_glue_job.curate.timeout == 60 && aws_glue_job.curate.max_retries == 0 && aws_glue_job.curate.execution_class == "STANDARD"
    )
    error_message = "The Glue job's size does not match the variables' defaults."
  }
  assert {
    condition     = aws_glue_job.curate.execution_property[0].max_concurrent_runs == 10
    error_message = "A backfill cannot curate windows in parallel."
  }
  assert {
    condition     = aws_glue_job.curate.default_arguments["--job-bookmark-option"] == "job-bookmark-disable"
    error_message = "Bookmarks are on: cleared tasks and backfills would skip data."
  }
  assert {
    condition = alltrue([for stream in ["error", "output"] :
      aws_cloudwatch_log_group.this["glue_${stream}"].name ==
      "${aws_glue_job.curate.default_arguments["--custom-logGroup-prefix"]}/${aws_glue_job.curate.security_configuration}-role/${aws_iam_role.glue.name}/${stream}"
    ])
    error_message = "Glue would not write to the log groups that have a retention and a key."
  }

  # The warehouse ends statements before a task gives up.
  assert {
    condition     = one([for parameter in aws_redshiftserverless_workgroup.this.config_parameter : parameter.parameter_value if parameter.parameter_key == "max_query_execution_time"]) == "1100"
    error_message = "A statement could outlive the 20 minutes of the task that waits for it."
  }
  assert {
    condition     = aws_redshiftserverless_namespace.this.manage_admin_password && aws_redshiftserverless_namespace.this.db_name == "crypto"
    error_message = "Redshift does not manage the password, or the database has the wrong name."
  }
  assert {
    condition     = one(aws_redshiftserverless_namespace.this.iam_roles) == aws_iam_role.copy.arn && aws_redshiftserverless_namespace.this.default_iam_role_arn == aws_iam_role.copy.arn
    error_message = "COPY's role is not the warehouse's only role and its default role."
  }
  assert {
    condition     = length(local.redshift_subnet_ids) == 3
    error_message = "The warehouse is not in three subnets."
  }

  # Airflow has the configuration that the bundle needs.
  assert {
    condition     = aws_mwaa_environment.this.airflow_version == "3.3.1"
    error_message = "The Airflow version is not the one that the bundle is built for."
  }
  assert {
    condition = nonsensitive({ for option, value in aws_mwaa_environment.this.airflow_configuration_options : option => value if !startswith(option, "secrets.") }) == {
      "core.default_timezone"          = "utc"
      "core.lazy_load_plugins"         = "False"
      "triggerer.capacity"             = "1000"
      "workers.min_heartbeat_interval" = "1"
      "workers.socket_cleanup_timeout" = "2"
    }
    error_message = "An option that the bundle needs is missing or wrong."
  }
  assert {
    condition = jsondecode(nonsensitive(aws_mwaa_environment.this.airflow_configuration_options["secrets.backend_kwargs"])) == {
      connections_prefix         = "airflow/crypto-prices-dev/connections"
      connections_lookup_pattern = "^(?!aws_default$)"
      variables_prefix           = "airflow/crypto-prices-dev/variables"
    }
    error_message = "Airflow would look for its secrets in the wrong place."
  }
  assert {
    condition = (
      aws_mwaa_environment.this.logging_configuration[0].dag_processing_logs[0].enabled && aws_mwaa_environment.this.logging_configuration[0].scheduler_logs[0].enabled &&
      aws_mwaa_environment.this.logging_configuration[0].task_logs[0].enabled && aws_mwaa_environment.this.logging_configuration[0].webserver_logs[0].enabled &&
      aws_mwaa_environment.this.logging_configuration[0].worker_logs[0].enabled
    )
    error_message = "An Airflow component writes no logs."
  }

  # The settings have the format that the bundle reads without nulls.
  assert {
    condition = jsondecode(nonsensitive(aws_secretsmanager_secret_version.settings.secret_string)) == {
      s3_bucket              = "crypto-prices-dev-lake-123456789012"
      glue_job_name          = "crypto-prices-dev-curate"
      catalog_database       = "crypto_prices_dev"
      catalog_table          = "crypto_prices"
      redshift_workgroup     = "crypto-prices-dev"
      redshift_database      = "crypto"
      redshift_secret_arn    = "arn:aws:secretsmanager:us-east-1:123456789012:secret:redshift!admin-AbCdEf"
      redshift_copy_role_arn = "arn:aws:iam::123456789012:role/a-role"
      candle_interval        = "1h"
      max_rejected_share     = 0.01
      restatement_sample     = 20
      sources = {
        binance   = { symbols = ["BTCUSDT"], markets = { BTCUSDT = "BTC/USDT" } }
        coingecko = { symbols = ["bitcoin"], connection_id = "coingecko", requests_per_second = 0.45, markets = { bitcoin = "BTC/USD" } }
      }
      quality_rules    = {}
      audit_limit_days = 7
      runbook_url      = "docs/how-to/troubleshoot.md"
      freshness_hours  = 30
      prices           = { glue_dpu_hour = 0.44, redshift_rpu_hour = 0.375, redshift_rpus = 8, warehouse_minutes = 5 }
    }
    error_message = "The settings secret does not have the format that plugins/crypto_prices/settings.py reads."
  }

  # An API key never goes through Terraform.
  assert {
    condition     = [for secret in aws_secretsmanager_secret.connection : secret.name] == ["airflow/crypto-prices-dev/connections/coingecko"]
    error_message = "A source's connection has no secret, or its secret is not where Airflow looks for it."
  }
  assert {
    condition     = strcontains(output.api_key_commands["coingecko"], "put-secret-value") && strcontains(output.api_key_commands["coingecko"], "airflow/crypto-prices-dev/connections/coingecko")
    error_message = "The output api_key_commands does not store the key in its secret."
  }

  # Each alarm has a recipient, and missing data raises an alarm.
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : one(alarm.alarm_actions) == aws_sns_topic.alarms.arn])
    error_message = "An alarm does not publish to the alarm topic."
  }
  assert {
    condition     = alltrue([for source in ["binance", "coingecko"] : aws_cloudwatch_metric_alarm.this["stale-${source}"].treat_missing_data == "breaching"])
    error_message = "A source that is no longer loaded would not raise an alarm."
  }
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["stale-binance"].dimensions == tomap({ Dag = "crypto_prices_daily", Source = "binance" }) &&
      aws_cloudwatch_metric_alarm.this["stale-binance"].namespace == "CryptoPrices" && aws_cloudwatch_metric_alarm.this["stale-binance"].metric_name == "RecordsFetched"
    )
    error_message = "The freshness alarm does not watch the metric that reconcile publishes."
  }
  assert {
    condition = (
      aws_cloudwatch_metric_alarm.this["marts-stale"].dimensions == tomap({ Dag = "crypto_prices_marts" }) &&
      aws_cloudwatch_metric_alarm.this["marts-stale"].namespace == "CryptoPrices" && aws_cloudwatch_metric_alarm.this["marts-stale"].metric_name == "MartsLoadsBehind" &&
      aws_cloudwatch_metric_alarm.this["marts-stale"].treat_missing_data == "breaching"
    )
    error_message = "Marts that are no longer refreshed would not raise an alarm."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.this["scheduler-silent"].treat_missing_data == "breaching"
    error_message = "A scheduler that has stopped would not raise an alarm."
  }
  assert {
    condition = alltrue([for dag in ["crypto_prices_daily", "crypto_prices_window"] :
      aws_cloudwatch_metric_alarm.this["load-does-not-add-up-${replace(dag, "_", "-")}"].metric_name == "LoadsReconciled" &&
      aws_cloudwatch_metric_alarm.this["load-does-not-add-up-${replace(dag, "_", "-")}"].dimensions == tomap({ Dag = dag })
    ])
    error_message = "The alarm for loads that do not add up does not watch the metric that reconcile publishes."
  }
  assert {
    condition = (
      aws_redshiftserverless_usage_limit.daily.period == "daily" && aws_redshiftserverless_usage_limit.daily.breach_action == "emit-metric" &&
      aws_redshiftserverless_usage_limit.daily.amount == aws_cloudwatch_metric_alarm.this["warehouse-expensive"].threshold &&
      aws_cloudwatch_metric_alarm.this["warehouse-expensive"].metric_name == "UsageLimitConsumed" && aws_cloudwatch_metric_alarm.this["warehouse-expensive"].statistic == "Maximum" &&
      aws_cloudwatch_metric_alarm.this["warehouse-expensive"].dimensions == tomap({
        UsageLimitId = aws_redshiftserverless_usage_limit.daily.id, UsageType = "SERVERLESS_COMPUTE", Workgroup = "crypto-prices-dev"
      })
    )
    error_message = "The alarm for the warehouse's costs does not watch the RPU-hours of the daily usage limit."
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.this : alarm.period * alarm.evaluation_periods <= (alarm.period >= 3600 ? 604800 : 86400)])
    error_message = "An alarm looks back further than CloudWatch allows."
  }
  assert {
    condition = jsondecode(aws_cloudwatch_event_rule.glue_failed.event_pattern) == {
      source = ["aws.glue"], detail-type = ["Glue Job State Change"], detail = { jobName = ["crypto-prices-dev-curate"], state = ["FAILED", "TIMEOUT"] }
    }
    error_message = "The rule does not match failed runs of the job."
  }
  assert {
    condition     = length(distinct([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : "${widget.x} ${widget.y}"])) == 14
    error_message = "Widgets of the dashboard overlap."
  }
}
