# The warehouse: Redshift Serverless, accessed only through the Redshift Data API.

locals {
  # AWS returns all of these parameters. Any that is left out here would appear as a difference in every plan.
  redshift_parameters = {
    auto_mv                          = "true"
    datestyle                        = "ISO, MDY"
    enable_case_sensitive_identifier = "false"
    enable_user_activity_logging     = "true"
    # In seconds, below the 20 minutes that a task waits. The limit applies to each statement of a batch. A task that
    # times out cancels its batch (plugins/crypto_prices/aws/run_statements.py).
    # https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-workgroup-query-limits.html
    max_query_execution_time = "1100"
    query_group              = "default"
    require_ssl              = "true"
    search_path              = "$user, public"
    use_fips_ssl             = "false"
  }
  redshift_logs = ["connectionlog", "useractivitylog", "userlog"]
}

resource "aws_redshiftserverless_namespace" "this" {
  namespace_name = local.name
  db_name        = local.redshift_database
  kms_key_id     = local.kms_key_arn
  log_exports    = local.redshift_logs

  # Redshift creates the password, stores it in its own secret and rotates it. It is not in Terraform's state.
  admin_username                   = local.redshift_admin
  manage_admin_password            = true
  admin_password_secret_kms_key_id = local.kms_key_arn

  # This role is also the default, so that COPY … IAM_ROLE default uses it, too.
  iam_roles            = [aws_iam_role.copy.arn]
  default_iam_role_arn = aws_iam_role.copy.arn

  # The log groups, with their retention, must exist before the first log entry.
  depends_on = [aws_cloudwatch_log_group.this]
}

resource "aws_redshiftserverless_workgroup" "this" {
  workgroup_name      = local.name
  namespace_name      = aws_redshiftserverless_namespace.this.namespace_name
  base_capacity       = var.redshift.base_capacity
  max_capacity        = var.redshift.max_capacity
  publicly_accessible = false
  subnet_ids          = local.redshift_subnet_ids
  security_group_ids  = [aws_security_group.redshift.id]

  dynamic "config_parameter" {
    for_each = local.redshift_parameters

    content {
      parameter_key   = config_parameter.key
      parameter_value = config_parameter.value
    }
  }
}

resource "aws_redshiftserverless_usage_limit" "monthly" {
  resource_arn  = aws_redshiftserverless_workgroup.this.arn
  usage_type    = "serverless-compute"
  period        = "monthly"
  amount        = var.redshift.monthly_rpu_hours
  breach_action = var.redshift.breach_action
}

# Publishes the RPU-hours of the day for the alarm warehouse-expensive. It never stops a query.
resource "aws_redshiftserverless_usage_limit" "daily" {
  resource_arn  = aws_redshiftserverless_workgroup.this.arn
  usage_type    = "serverless-compute"
  period        = "daily"
  amount        = var.alarms.daily_rpu_hours
  breach_action = "emit-metric"
}
