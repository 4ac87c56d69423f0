data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition

  # ARN prefix of each service in this account and region, such as "arn:aws:glue:us-east-1:123456789012".
  arn = { for service in ["airflow", "cloudwatch", "events", "glue", "kms", "logs", "redshift-serverless", "secretsmanager", "sns"] :
    service => "arn:${local.partition}:${service}:${var.region}:${local.account}"
  }

  buckets = {
    artifacts = "${var.name}-artifacts-${local.account}"
    state     = "${var.name}-terraform-state-${local.account}"
  }
  bucket_arns = { for kind, name in local.buckets : kind => "arn:${local.partition}:s3:::${name}" }

  # The key in terraform/backend.tf.example and .github/scripts/terraform-plan.
  state_prefix = "crypto-prices"

  boundary_arn = "arn:${local.partition}:iam::${local.account}:policy/${var.name}-github-boundary"

  # The names that the platform gives its resources (terraform/names.tf), for each role: all environments for the plan role,
  # and one for each apply role.
  scopes = merge({ plan = "*" }, { for environment in var.environments : environment => environment })
}
