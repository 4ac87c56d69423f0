# Names of all resources. They are defined here rather than read from resources, so that policies can refer to a resource
# before it exists and the plan shows the names.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  name      = "${var.name}-${var.environment}"
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition

  # ARN prefix of each service in this account and region, such as "arn:aws:glue:us-east-1:123456789012".
  arn = { for service in ["airflow", "events", "glue", "logs", "redshift", "secretsmanager"] :
    service => "arn:${local.partition}:${service}:${var.region}:${local.account}"
  }

  lake_bucket        = "${local.name}-lake-${local.account}"
  bundle_bucket      = "${local.name}-bundle-${local.account}"
  access_logs_bucket = "${local.name}-access-logs-${local.account}"
  lake_arn           = "arn:${local.partition}:s3:::${local.lake_bucket}"
  bundle_arn         = "arn:${local.partition}:s3:::${local.bundle_bucket}"

  catalog_database = coalesce(var.catalog_database, replace(local.name, "-", "_"))
  catalog_table    = "crypto_prices"
  glue_job         = "${local.name}-curate"

  redshift_database = "crypto"
  redshift_admin    = "admin"

  mwaa_role = "${local.name}-mwaa"
  glue_role = "${local.name}-glue"
  copy_role = "${local.name}-copy"

  # Each environment has its own prefixes, so that one account can contain several.
  secrets_prefix     = "airflow/${local.name}"
  variables_prefix   = "${local.secrets_prefix}/variables"
  connections_prefix = "${local.secrets_prefix}/connections"
}
