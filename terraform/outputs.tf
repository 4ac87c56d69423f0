# Names, URLs and commands to work with the platform.

output "airflow_environment" {
  description = "Name of the MWAA environment."
  value       = aws_mwaa_environment.this.name
}

output "airflow_url" {
  description = "URL of the Airflow UI. A private web server is reachable only from within the VPC."
  value       = "https://${aws_mwaa_environment.this.webserver_url}"
}

output "lake_bucket" {
  description = "Bucket that contains raw/, curated/, quarantine/ and loads/."
  value       = aws_s3_bucket.this["lake"].id
}

output "bundle_bucket" {
  description = "Bucket that contains the deployed bundle: DAGs, plugins, requirements and the Glue script."
  value       = aws_s3_bucket.this["bundle"].id
}

output "bundle_version" {
  description = "Version of the deployed bundle: a release such as 1.2.3, or 1.2.3+4.gabc123 for a commit after it."
  value       = local.bundle_version
}

output "catalog_table" {
  description = "Curated table in the Glue Data Catalog, as <database>.<table>."
  value       = "${aws_glue_catalog_database.this.name}.${aws_glue_catalog_table.crypto_prices.name}"
}

output "glue_job" {
  description = "Name of the Glue job."
  value       = aws_glue_job.curate.name
}

output "redshift_workgroup" {
  description = "Workgroup of the warehouse. The namespace has the same name."
  value       = aws_redshiftserverless_workgroup.this.workgroup_name
}

output "redshift_database" {
  description = "Database in the warehouse."
  value       = aws_redshiftserverless_namespace.this.db_name
}

output "redshift_admin_secret_arn" {
  description = "ARN of the secret with the warehouse's admin user and password. Redshift manages it."
  value       = aws_redshiftserverless_namespace.this.admin_password_secret_arn
}

output "settings_secret" {
  description = "Name of the secret with the bundle's settings. To change settings, change the variables and apply; do not edit the secret."
  value       = aws_secretsmanager_secret.settings.name
}

output "role_arns" {
  description = "ARNs of the roles of Airflow (mwaa), the Glue job (glue) and COPY (copy)."
  value       = { mwaa = aws_iam_role.mwaa.arn, glue = aws_iam_role.glue.arn, copy = aws_iam_role.copy.arn }
}

output "kms_key_arn" {
  description = "ARN of the KMS key that encrypts everything."
  value       = local.kms_key_arn
}

output "kms_key_policy" {
  description = "Policy statements that your own key (kms_key_arn) needs."
  value       = data.aws_iam_policy_document.kms_key.json
}

output "alarm_topic_arn" {
  description = "ARN of the SNS topic that receives alarms."
  value       = aws_sns_topic.alarms.arn
}

output "dashboard_url" {
  description = "URL of the CloudWatch dashboard."
  value       = "https://${var.region}.console.aws.amazon.com/cloudwatch/home?region=${var.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.this.dashboard_name}"
}

output "api_key_commands" {
  description = "Commands that store the API key of each connection in its secret. Put the key into API_KEY first (read -rs API_KEY; export API_KEY)."
  value = { for id, secret in aws_secretsmanager_secret.connection :
    id => "jq -n '{conn_type: \"http\", password: env.API_KEY}' | aws secretsmanager put-secret-value --region ${var.region} --secret-id ${secret.name} --secret-string file:///dev/stdin"
  }
}

output "backfill_command" {
  description = "Command that plans a backfill of the days [start, end). The log of plan_backfill shows the plan. Remove dry_run to load the days."
  value       = "aws mwaa invoke-rest-api --region ${var.region} --name ${aws_mwaa_environment.this.name} --method POST --path /dags/crypto_prices_backfill/dagRuns --body '${jsonencode({ logical_date = null, conf = { start = "2024-01-01", end = "2024-02-01", dry_run = true } })}'"
}

output "compose_environment" {
  description = "Env file for docker-compose.yaml, without credentials. It runs Airflow in Docker against this platform (docs/how-to/run-in-docker.md)."
  value       = join("\n", [for name, value in local.compose_environment : "${name}=${value}"])
}

locals {
  compose_environment = {
    COMPOSE_PROJECT_NAME = local.name
    COMPOSE_PROFILES     = ""
    AWS_ENDPOINT_URL     = ""
    AWS_REGION           = var.region
    S3_BUCKET            = local.settings.s3_bucket
    GLUE_JOB_NAME        = local.settings.glue_job_name
    GLUE_DATABASE        = local.settings.catalog_database
    GLUE_TABLE           = local.settings.catalog_table
    REDSHIFT_WORKGROUP   = local.settings.redshift_workgroup
    REDSHIFT_DATABASE    = local.settings.redshift_database
    REDSHIFT_SECRET_ARN  = local.settings.redshift_secret_arn
    REDSHIFT_COPY_ROLE   = local.settings.redshift_copy_role_arn
    SECRETS_PREFIX       = local.secrets_prefix
    # docker-compose.yaml supports only this source. Without it, Airflow does not start and reports an error.
    SYMBOLS = jsonencode(try(var.sources["binance"].symbols, []))
    MARKETS = jsonencode(coalesce(try(var.sources["binance"].markets, null), {}))
    API_URL = coalesce(try(var.sources["binance"].api_url, null), "https://data-api.binance.vision")
  }
}
