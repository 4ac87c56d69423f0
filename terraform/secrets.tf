# Secrets that Airflow reads: the settings, built from variables, and API keys, which users store.

locals {
  # The format that plugins/crypto_prices/settings.py reads: unset keys are omitted rather than null. The settings contain no
  # secrets.
  settings = {
    s3_bucket              = local.lake_bucket
    glue_job_name          = local.glue_job
    catalog_database       = local.catalog_database
    catalog_table          = local.catalog_table
    redshift_workgroup     = aws_redshiftserverless_workgroup.this.workgroup_name
    redshift_database      = local.redshift_database
    redshift_secret_arn    = aws_redshiftserverless_namespace.this.admin_password_secret_arn
    redshift_copy_role_arn = aws_iam_role.copy.arn
    candle_interval        = var.candle_interval
    max_rejected_share     = var.max_rejected_share
    restatement_sample     = var.restatement_sample
    sources                = { for name, source in var.sources : name => { for key, value in source : key => value if value != null } }
    quality_rules          = { for name, rule in var.quality_rules : name => { for key, value in rule : key => value if value != null } }
    audit_limit_days       = var.audit_limit_days
    runbook_url            = var.runbook_url
    freshness_hours        = var.alarms.freshness_hours
    # For the prices in plans.
    prices = {
      glue_dpu_hour     = var.prices.glue_dpu_hour
      redshift_rpu_hour = var.prices.redshift_rpu_hour
      redshift_rpus     = var.redshift.base_capacity
      warehouse_minutes = var.usage.warehouse_minutes
    }
  }

  connection_ids = toset([for source in values(var.sources) : source.connection_id if source.connection_id != null])
}

resource "aws_secretsmanager_secret" "settings" {
  #checkov:skip=CKV2_AWS_57:settings contain no password, so there is nothing to rotate

  name                    = "${local.variables_prefix}/crypto_prices_settings"
  description             = "Airflow Variable crypto_prices_settings of ${local.name}"
  kms_key_id              = local.kms_key_arn
  recovery_window_in_days = var.secret_recovery_days
}

resource "aws_secretsmanager_secret_version" "settings" {
  secret_id     = aws_secretsmanager_secret.settings.id
  secret_string = jsonencode(local.settings)
}

# No value: an API key that passes through Terraform would end up in its state. The output api_key_commands stores the key.
resource "aws_secretsmanager_secret" "connection" {
  for_each = local.connection_ids
  #checkov:skip=CKV2_AWS_57:users rotate an exchange's API key on the exchange's website

  name                    = "${local.connections_prefix}/${each.key}"
  description             = "Airflow connection ${each.key} of ${local.name}: its password is the API key"
  kms_key_id              = local.kms_key_arn
  recovery_window_in_days = var.secret_recovery_days
}
