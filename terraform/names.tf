# What everything is called. Names are made here and not read from resources, so that policies can name a thing before it
# exists and a plan shows them.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  name      = "${var.name}-${var.environment}"
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition

  # Where an ARN of a service in this account and region begins, up to the service: "arn:aws:glue:us-east-1:123456789012".
  arn = { for service in ["airflow", "events", "glue", "logs", "redshift-serverless", "secretsmanager"] :
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

  mwaa_role = "${local.name}-mwaa"
  glue_role = "${local.name}-glue"
  copy_role = "${local.name}-copy"

  # Two environments can live in one account: each Airflow looks below prefixes of its own.
  secrets_prefix     = "airflow/${local.name}"
  variables_prefix   = "${local.secrets_prefix}/variables"
  connections_prefix = "${local.secrets_prefix}/connections"
}
