data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition

  # ARN prefix of each service in this account and region, such as "arn:aws:glue:us-east-1:123456789012".
  arn = { for service in ["airflow", "athena", "cloudwatch", "events", "glue", "kms", "logs", "redshift-serverless", "secretsmanager", "sns"] :
    service => "arn:${local.partition}:${service}:${var.region}:${local.account}"
  }

  buckets = {
    artifacts = "${var.name}-artifacts-${local.account}"
    state     = "${var.name}-terraform-state-${local.account}"
  }
  bucket_arns = { for kind, name in local.buckets : kind => "arn:${local.partition}:s3:::${name}" }

  # The key in terraform/backend.tf.example and .github/scripts/terraform-plan.
  state_prefix = "crypto-prices"

  boundary_arns = { for environment in var.environments :
    environment => "arn:${local.partition}:iam::${local.account}:policy/${var.name}-github-boundary-${environment}"
  }

  # The names that the platform gives its resources (terraform/names.tf), for each role: all environments for the plan role,
  # and one for each apply role.
  scopes = merge({ plan = "*" }, { for environment in var.environments : environment => environment })

  # The default of catalog_database in terraform/names.tf. terraform/variables.tf refuses another name together with a boundary.
  catalog_databases = { for key, environment in local.scopes : key => "${replace(var.name, "-", "_")}_${environment}" }
}
