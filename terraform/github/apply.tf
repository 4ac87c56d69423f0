# What a deployment changes: the bundle, settings and sizes, alarms, and the permissions of the platform's roles up to the
# boundary. An administrator creates, replaces and deletes the rest: the network, buckets, the key, Airflow, the warehouse and
# roles. So neither a mistake in a pull request nor a stolen token can delete data.

data "aws_iam_policy_document" "apply" {
  for_each = var.environments

  statement {
    sid     = "DeployUploadsTheBundle"
    actions = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:ListBucketVersions", "s3:PutObject", "s3:PutObjectTagging"]
    resources = [
      "arn:${local.partition}:s3:::${var.name}-${each.value}-bundle-${local.account}",
      "arn:${local.partition}:s3:::${var.name}-${each.value}-bundle-${local.account}/*",
    ]
  }

  statement {
    sid       = "DeployChangesBucketSettings"
    actions   = ["s3:PutBucketTagging", "s3:PutLifecycleConfiguration"]
    resources = ["arn:${local.partition}:s3:::${var.name}-${each.value}-*-${local.account}"]
  }

  statement {
    sid       = "DeployUpdatesTheAirflowEnvironment"
    actions   = ["airflow:TagResource", "airflow:UntagResource", "airflow:UpdateEnvironment"]
    resources = ["${local.arn.airflow}:environment/${var.name}-${each.value}"]
  }

  statement {
    sid = "DeployUpdatesTheCatalogAndTheGlueJob"
    actions = [
      "glue:TagResource", "glue:UntagResource", "glue:UpdateDatabase", "glue:UpdateJob", "glue:UpdateTable",
    ]
    resources = [
      "${local.arn.glue}:catalog",
      "${local.arn.glue}:database/${replace(var.name, "-", "_")}_${each.value}",
      "${local.arn.glue}:table/${replace(var.name, "-", "_")}_${each.value}/*",
      "${local.arn.glue}:job/${var.name}-${each.value}-curate",
    ]
  }

  # AWS assigns the IDs in these ARNs.
  statement {
    sid = "DeployUpdatesTheWarehouse"
    actions = [
      "redshift-serverless:CreateUsageLimit", "redshift-serverless:TagResource", "redshift-serverless:UntagResource",
      "redshift-serverless:UpdateNamespace", "redshift-serverless:UpdateWorkgroup",
    ]
    resources = ["${local.arn["redshift-serverless"]}:namespace/*", "${local.arn["redshift-serverless"]}:workgroup/*"]
  }

  # A limit has no ARN of its own.
  statement {
    sid       = "DeployChangesTheWarehousesLimits"
    actions   = ["redshift-serverless:DeleteUsageLimit", "redshift-serverless:UpdateUsageLimit"]
    resources = ["*"]
  }

  statement {
    sid = "DeployChangesAlarmsAndTheDashboard"
    actions = [
      "cloudwatch:DeleteAlarms", "cloudwatch:PutDashboard", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource",
      "cloudwatch:UntagResource",
    ]
    resources = [
      "${local.arn.cloudwatch}:alarm:${var.name}-${each.value}-*",
      "arn:${local.partition}:cloudwatch::${local.account}:dashboard/${var.name}-${each.value}",
    ]
  }

  statement {
    sid = "DeployChangesEventRules"
    actions = [
      "events:DeleteRule", "events:PutRule", "events:PutTargets", "events:RemoveTargets", "events:TagResource",
      "events:UntagResource",
    ]
    resources = ["${local.arn.events}:rule/${var.name}-${each.value}-*"]
  }

  # No DeleteLogGroup: logs are evidence.
  statement {
    sid = "DeployChangesLogGroups"
    actions = [
      "logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:PutRetentionPolicy", "logs:TagResource", "logs:UntagResource",
    ]
    resources = local.log_groups[each.key]
  }

  statement {
    sid       = "DeployChangesTheTopicsSubscribers"
    actions   = ["sns:SetTopicAttributes", "sns:Subscribe", "sns:TagResource", "sns:Unsubscribe", "sns:UntagResource"]
    resources = ["${local.arn.sns}:${var.name}-${each.value}-alarms"]
  }

  statement {
    sid       = "DeployChangesTheBudget"
    actions   = ["budgets:ModifyBudget"]
    resources = ["arn:${local.partition}:budgets::${local.account}:budget/${var.name}-${each.value}*"]
  }

  statement {
    sid       = "DeployWritesTheSettings"
    actions   = ["secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"]
    resources = ["${local.arn.secretsmanager}:secret:airflow/${var.name}-${each.value}/variables/*"]
  }

  # A new source can have an API key. Terraform creates the secret, and a person stores the key.
  statement {
    sid = "DeployCreatesSecretsOfSources"
    actions = [
      "secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:TagResource", "secretsmanager:UntagResource",
      "secretsmanager:UpdateSecret",
    ]
    resources = ["${local.arn.secretsmanager}:secret:airflow/${var.name}-${each.value}/*"]
  }

  statement {
    sid       = "BundleAndSettingsAreEncrypted"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = ["${local.arn.kms}:key/*"]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.region}.amazonaws.com", "secretsmanager.${var.region}.amazonaws.com"]
    }
  }

  # Permissions change with the code that needs them. The boundary keeps a role within the platform, whatever its policy says.
  # https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
  statement {
    sid       = "DeployChangesPermissionsWithinTheBoundary"
    actions   = ["iam:PutRolePolicy"]
    resources = ["arn:${local.partition}:iam::${local.account}:role/${var.name}-${each.value}-*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PermissionsBoundary"
      values   = [local.boundary_arn]
    }
  }

  statement {
    sid       = "DeployPassesThePlatformsRoles"
    actions   = ["iam:PassRole"]
    resources = [for role in ["copy", "glue", "mwaa"] : "arn:${local.partition}:iam::${local.account}:role/${var.name}-${each.value}-${role}"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["airflow.amazonaws.com", "airflow-env.amazonaws.com", "glue.amazonaws.com", "redshift.amazonaws.com", "redshift-serverless.amazonaws.com"]
    }
  }
}

resource "aws_iam_policy" "apply" {
  for_each = var.environments

  name        = "${var.name}-github-apply-${each.value}"
  description = "What a deployment of ${var.name}-${each.value} changes"
  policy      = data.aws_iam_policy_document.apply[each.key].json
}

resource "aws_iam_role_policy_attachment" "apply" {
  for_each = var.environments

  role       = aws_iam_role.github["apply-${each.value}"].name
  policy_arn = aws_iam_policy.apply[each.key].arn
}
