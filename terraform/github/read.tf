# What a plan reads. The plan role and the apply roles have these permissions, the plan role for all environments.
# `make prove` compares them with the calls that Terraform makes.

data "aws_iam_policy_document" "read" {
  for_each = local.scopes
  #checkov:skip=CKV_AWS_356:the actions on "*" support no resource, see the comments

  # ListBucket: Terraform asks whether a bucket exists, which this action covers. It also shows the names of the objects.
  statement {
    sid = "PlanReadsBuckets"
    actions = [
      "s3:GetAccelerateConfiguration", "s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketLogging",
      "s3:GetBucketObjectLockConfiguration", "s3:GetBucketOwnershipControls", "s3:GetBucketPolicy",
      "s3:GetBucketPublicAccessBlock", "s3:GetBucketRequestPayment", "s3:GetBucketTagging", "s3:GetBucketVersioning",
      "s3:GetBucketWebsite", "s3:GetEncryptionConfiguration", "s3:GetLifecycleConfiguration", "s3:GetReplicationConfiguration",
      "s3:ListBucket",
    ]
    resources = ["arn:${local.partition}:s3:::${var.name}-${each.value}-*-${local.account}"]
  }

  statement {
    sid       = "PlanReadsTheBundle"
    actions   = ["s3:GetObject", "s3:GetObjectTagging"]
    resources = ["arn:${local.partition}:s3:::${var.name}-${each.value}-bundle-${local.account}/*"]
  }

  statement {
    sid       = "PlanReadsTheAirflowEnvironment"
    actions   = ["airflow:GetEnvironment"]
    resources = ["${local.arn.airflow}:environment/${var.name}-${each.value}"]
  }

  # A named query is not a resource, its workgroup is.
  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonathena.html
  statement {
    sid       = "PlanReadsQueriesOfAthena"
    actions   = ["athena:GetNamedQuery", "athena:GetWorkGroup", "athena:ListTagsForResource"]
    resources = ["${local.arn.athena}:workgroup/${var.name}-${each.value}"]
  }

  statement {
    sid     = "PlanReadsAlarmsAndTheDashboard"
    actions = ["cloudwatch:DescribeAlarms", "cloudwatch:GetDashboard", "cloudwatch:ListTagsForResource"]
    resources = [
      "${local.arn.cloudwatch}:alarm:${var.name}-${each.value}-*",
      "arn:${local.partition}:cloudwatch::${local.account}:dashboard/${var.name}-${each.value}",
    ]
  }

  statement {
    sid       = "PlanReadsEventRules"
    actions   = ["events:DescribeRule", "events:ListTagsForResource", "events:ListTargetsByRule"]
    resources = ["${local.arn.events}:rule/${var.name}-${each.value}-*"]
  }

  statement {
    sid     = "PlanReadsTheCatalogAndTheGlueJob"
    actions = ["glue:GetDatabase", "glue:GetJob", "glue:GetPartitionIndexes", "glue:GetTable", "glue:GetTags"]
    resources = [
      "${local.arn.glue}:catalog",
      "${local.arn.glue}:database/${local.catalog_databases[each.key]}",
      "${local.arn.glue}:table/${local.catalog_databases[each.key]}/*",
      "${local.arn.glue}:job/${var.name}-${each.value}-curate",
    ]
  }

  statement {
    sid = "PlanReadsRoles"
    actions = [
      "iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies",
    ]
    resources = ["arn:${local.partition}:iam::${local.account}:role/${var.name}-${each.value}-*"]
  }

  statement {
    sid       = "PlanReadsLogGroups"
    actions   = ["logs:ListTagsForResource"]
    resources = local.log_groups[each.key]
  }

  statement {
    sid       = "PlanReadsTheTopic"
    actions   = ["sns:GetSubscriptionAttributes", "sns:GetTopicAttributes", "sns:ListTagsForResource"]
    resources = ["${local.arn.sns}:${var.name}-${each.value}-alarms"]
  }

  statement {
    sid       = "PlanReadsTheBudget"
    actions   = ["budgets:ListTagsForResource", "budgets:ViewBudget"]
    resources = ["arn:${local.partition}:budgets::${local.account}:budget/${var.name}-${each.value}"]
  }

  # Everything about the secrets except the values of API keys. The settings contain no password, and Terraform compares them.
  statement {
    sid       = "PlanDescribesSecrets"
    actions   = ["secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"]
    resources = ["${local.arn.secretsmanager}:secret:airflow/${var.name}-${each.value}/*"]
  }

  statement {
    sid       = "PlanReadsTheSettings"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = ["${local.arn.secretsmanager}:secret:airflow/${var.name}-${each.value}/variables/*"]
  }

  statement {
    sid       = "SettingsAreEncrypted"
    actions   = ["kms:Decrypt"]
    resources = ["${local.arn.kms}:key/*"]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.${var.region}.amazonaws.com"]
    }
    condition {
      test     = "StringLike"
      variable = "kms:EncryptionContext:SecretARN"
      values   = ["${local.arn.secretsmanager}:secret:airflow/${var.name}-${each.value}/variables/*"]
    }
  }

  # The ARNs of keys, namespaces and workgroups contain IDs that AWS assigns when the platform is created.
  statement {
    sid = "PlanReadsKeysAndTheWarehouse"
    actions = [
      "kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags", "redshift-serverless:GetNamespace",
      "redshift-serverless:GetWorkgroup", "redshift-serverless:ListTagsForResource",
    ]
    resources = [
      "${local.arn.kms}:key/*", "${local.arn["redshift-serverless"]}:namespace/*", "${local.arn["redshift-serverless"]}:workgroup/*",
    ]
  }

  # These actions support no resource, or list what the account has:
  # https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
  statement {
    sid = "PlanListsWhatHasNoResource"
    actions = [
      "ec2:DescribeAddresses", "ec2:DescribeAddressesAttribute", "ec2:DescribeAvailabilityZones", "ec2:DescribeFlowLogs",
      "ec2:DescribeInternetGateways", "ec2:DescribeNatGateways", "ec2:DescribeNetworkAcls",
      "ec2:DescribePrefixLists", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups",
      "ec2:DescribeSubnets", "ec2:DescribeVpcAttribute", "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs",
      "glue:GetSecurityConfiguration", "kms:ListAliases", "logs:DescribeLogGroups", "redshift-serverless:GetUsageLimit",
    ]
    resources = ["*"]
  }
}

# The states of all environments for plans, without the lock: a plan of the plan role does not write.
# https://developer.hashicorp.com/terraform/language/backend/s3#permissions-required
data "aws_iam_policy_document" "state" {
  for_each = local.scopes

  statement {
    sid       = "ReadsTheState"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arns["state"]}/${local.state_prefix}/${each.value}.tfstate"]
  }

  statement {
    sid       = "FindsTheState"
    actions   = ["s3:ListBucket"]
    resources = [local.bucket_arns["state"]]
  }

  dynamic "statement" {
    for_each = each.key == "plan" ? [] : [1]

    content {
      sid       = "WritesTheState"
      actions   = ["s3:PutObject"]
      resources = ["${local.bucket_arns["state"]}/${local.state_prefix}/${each.value}.tfstate"]
    }
  }

  dynamic "statement" {
    for_each = each.key == "plan" ? [] : [1]

    content {
      sid       = "LocksTheState"
      actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
      resources = ["${local.bucket_arns["state"]}/${local.state_prefix}/${each.value}.tfstate.tflock"]
    }
  }
}

locals {
  # The groups in terraform/observability.tf.
  log_groups = { for key, environment in local.scopes : key => [
    for prefix in [
      "airflow-${var.name}-${environment}-", "/aws-glue/${var.name}-${environment}-curate/", "/aws/redshift/${var.name}-${environment}/",
      "/vpc/${var.name}-${environment}/",
    ] : "${local.arn.logs}:log-group:${prefix}*"
  ] }
  role_of_scope = { for key in keys(local.scopes) : key => key == "plan" ? "plan" : "apply-${key}" }
}

resource "aws_iam_policy" "read" {
  for_each = local.scopes

  name        = "${var.name}-github-read-${each.key}"
  description = "What a Terraform plan of ${var.name}-${each.value} reads"
  policy      = data.aws_iam_policy_document.read[each.key].json
}

resource "aws_iam_role_policy_attachment" "read" {
  for_each = local.scopes

  role       = aws_iam_role.github[local.role_of_scope[each.key]].name
  policy_arn = aws_iam_policy.read[each.key].arn
}

resource "aws_iam_role_policy" "state" {
  for_each = local.scopes

  name   = "state"
  role   = aws_iam_role.github[local.role_of_scope[each.key]].id
  policy = data.aws_iam_policy_document.state[each.key].json
}
