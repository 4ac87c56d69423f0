# What a person needs next.

output "airflow_environment" {
  description = "The MWAA environment."
  value       = aws_mwaa_environment.this.name
}

output "airflow_url" {
  description = "Airflow's web UI. With a private web server it opens from within the VPC only."
  value       = "https://${aws_mwaa_environment.this.webserver_url}"
}

output "lake_bucket" {
  description = "Bucket of raw/, curated/ and quarantine/."
  value       = aws_s3_bucket.this["lake"].id
}

output "bundle_bucket" {
  description = "Bucket of what is deployed: DAGs, plugins, requirements, the Glue script."
  value       = aws_s3_bucket.this["bundle"].id
}

output "catalog_table" {
  description = "The curated table in the Glue Data Catalog."
  value       = "${aws_glue_catalog_database.this.name}.${aws_glue_catalog_table.crypto_prices.name}"
}

output "glue_job" {
  description = "The Glue job."
  value       = aws_glue_job.curate.name
}

output "redshift_workgroup" {
  description = "The warehouse's workgroup; its namespace has the same name."
  value       = aws_redshiftserverless_workgroup.this.workgroup_name
}

output "redshift_database" {
  description = "The database in the warehouse."
  value       = aws_redshiftserverless_namespace.this.db_name
}

output "redshift_admin_secret_arn" {
  description = "Secret with the warehouse's user and password, which Redshift manages."
  value       = aws_redshiftserverless_namespace.this.admin_password_secret_arn
}

output "settings_secret" {
  description = "Secret with the bundle's settings; change the variables and apply rather than the secret."
  value       = aws_secretsmanager_secret.settings.name
}

output "role_arns" {
  description = "The roles of Airflow, the Glue job and COPY."
  value       = { mwaa = aws_iam_role.mwaa.arn, glue = aws_iam_role.glue.arn, copy = aws_iam_role.copy.arn }
}

output "kms_key_arn" {
  description = "The key that encrypts everything."
  value       = local.kms_key_arn
}

output "kms_key_policy" {
  description = "What the policy of a key of yours (kms_key_arn) must allow."
  value       = data.aws_iam_policy_document.kms_key.json
}

output "alarm_topic_arn" {
  description = "SNS topic that alarms go to."
  value       = aws_sns_topic.alarms.arn
}

output "dashboard_url" {
  description = "The dashboard of the pipeline."
  value       = "https://${var.region}.console.aws.amazon.com/cloudwatch/home?region=${var.region}#dashboards/dashboard/${aws_cloudwatch_dashboard.this.dashboard_name}"
}

output "api_key_commands" {
  description = "How the API key of each connection gets into its secret: put the key into API_KEY first (read -rs API_KEY; export API_KEY)."
  value = { for id, secret in aws_secretsmanager_secret.connection :
    id => "jq -n '{conn_type: \"http\", password: env.API_KEY}' | aws secretsmanager put-secret-value --region ${var.region} --secret-id ${secret.name} --secret-string file:///dev/stdin"
  }
}

output "backfill_command" {
  description = "How the past is loaded; the days are [start, end), and the log of plan_backfill shows the plan. Leave out dry_run to load."
  value       = "aws mwaa invoke-rest-api --region ${var.region} --name ${aws_mwaa_environment.this.name} --method POST --path /dags/crypto_prices_backfill/dagRuns --body '${jsonencode({ logical_date = null, conf = { start = "2024-01-01", end = "2024-02-01", dry_run = true } })}'"
}

output "compose_environment" {
  description = "Env file of docker-compose.yaml for an Airflow in Docker that works on this platform, but for credentials (docs/docker-compose.md)."
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
    # docker-compose.yaml knows this source only; without it Airflow is not started, and says so.
    SYMBOLS = jsonencode(try(var.sources["binance"].symbols, []))
    API_URL = coalesce(try(var.sources["binance"].api_url, null), "https://data-api.binance.vision")
  }
}
