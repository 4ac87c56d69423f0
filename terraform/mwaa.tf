# The Airflow environment. Creating it takes 20 to 40 minutes and updating it 10 to 30. Changes to DAG files need no update.

locals {
  mwaa_log_modules = ["DAGProcessing", "Scheduler", "Task", "WebServer", "Worker"]

  airflow_options = {
    # MWAA needs this for plugins. https://docs.aws.amazon.com/mwaa/latest/userguide/configuring-dag-import-plugins.html
    "core.lazy_load_plugins" = "False"
    # Days are UTC. With another time zone, dates without one, such as those of the CLI, would mean other days.
    "core.default_timezone" = "utc"
    # Under load, Airflow 3.3.1 notices late that a deferred task has ended. It then considers the task killed and runs it twice.
    "workers.min_heartbeat_interval" = "1"
    "workers.socket_cleanup_timeout" = "2"
    # Deferred tasks beyond this number wait although their work has ended. Airflow's own default, which MWAA need not keep. The
    # DAGs together have at most 25 runs at a time.
    "triggerer.capacity" = "1000"
    # https://docs.aws.amazon.com/mwaa/latest/userguide/connections-secrets-manager.html
    "secrets.backend" = "airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend"
    "secrets.backend_kwargs" = jsonencode({
      connections_prefix = local.connections_prefix
      # Every task looks up aws_default, which MWAA provides itself (as the environment's role). This saves the call.
      connections_lookup_pattern = "^(?!aws_default$)"
      variables_prefix           = local.variables_prefix
    })
  }
}

resource "aws_mwaa_environment" "this" {
  #checkov:skip=CKV2_AWS_66:private unless mwaa.public_web_server is set; IAM controls access either way

  name              = local.name
  airflow_version   = "3.3.1"
  environment_class = var.mwaa.environment_class
  min_workers       = var.mwaa.min_workers
  max_workers       = var.mwaa.max_workers
  schedulers        = var.mwaa.schedulers

  execution_role_arn = aws_iam_role.mwaa.arn
  kms_key            = local.kms_key_arn

  source_bucket_arn              = aws_s3_bucket.this["bundle"].arn
  dag_s3_path                    = "dags"
  plugins_s3_path                = aws_s3_object.bundle["plugins.zip"].key
  plugins_s3_object_version      = aws_s3_object.bundle["plugins.zip"].version_id
  requirements_s3_path           = aws_s3_object.bundle["requirements.txt"].key
  requirements_s3_object_version = aws_s3_object.bundle["requirements.txt"].version_id

  webserver_access_mode           = var.mwaa.public_web_server ? "PUBLIC_ONLY" : "PRIVATE_ONLY"
  weekly_maintenance_window_start = var.mwaa.maintenance_window
  airflow_configuration_options   = merge(var.mwaa.configuration_options, local.airflow_options)

  network_configuration {
    security_group_ids = [aws_security_group.mwaa.id]
    subnet_ids         = local.mwaa_subnet_ids
  }

  logging_configuration {
    dag_processing_logs {
      enabled   = true
      log_level = var.mwaa.log_level
    }
    scheduler_logs {
      enabled   = true
      log_level = var.mwaa.log_level
    }
    task_logs {
      enabled   = true
      log_level = "INFO" # contains the row accounting
    }
    webserver_logs {
      enabled   = true
      log_level = var.mwaa.log_level
    }
    worker_logs {
      enabled   = true
      log_level = var.mwaa.log_level
    }
  }

  # When it starts, the environment uses its role, reads the bucket, installs requirements from the internet and writes logs.
  depends_on = [
    aws_cloudwatch_log_group.this,
    aws_iam_role_policy.mwaa,
    aws_route.private_to_nat,
    aws_route.public_to_internet,
    aws_route_table_association.private,
    aws_route_table_association.public,
    aws_s3_bucket_public_access_block.this, # MWAA rejects a bucket that could become public
    aws_s3_object.bundle,
    aws_vpc_endpoint.interface,
    aws_vpc_endpoint.s3,
    aws_vpc_security_group_egress_rule.mwaa_https,
    aws_vpc_security_group_egress_rule.mwaa_itself,
    aws_vpc_security_group_ingress_rule.mwaa_itself,
  ]
}
