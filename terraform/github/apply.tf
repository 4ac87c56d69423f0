# What a deployment changes: the bundle, settings and sizes, alarms and their recipients, the budget, Athena's limit and named
# queries, and the permissions of the platform's roles up to the boundary. An administrator changes the rest: the network,
# buckets and their retention, the key, the warehouse's administrator and usage limits, Athena's workgroup itself, logs, roles
# and tags. So a deployment reaches no other environment, and deletes neither the lake nor the warehouse.
#
# A deployment also replaces the code that works with the environment's data, and that code runs as Airflow's and Glue's roles.
# So anyone who can deploy code can change this environment's data.

data "aws_iam_policy_document" "apply" {
  for_each = var.environments

  # Terraform deletes each version of a file that the bundle no longer has.
  statement {
    sid     = "DeployUploadsTheBundle"
    actions = ["s3:DeleteObjectVersion", "s3:ListBucketVersions", "s3:PutObject", "s3:PutObjectTagging"]
    resources = [
      "arn:${local.partition}:s3:::${var.name}-${each.value}-bundle-${local.account}",
      "arn:${local.partition}:s3:::${var.name}-${each.value}-bundle-${local.account}/*",
    ]
  }

  statement {
    sid       = "DeployUpdatesTheAirflowEnvironment"
    actions   = ["airflow:UpdateEnvironment"]
    resources = ["${local.arn.airflow}:environment/${var.name}-${each.value}"]
  }

  statement {
    sid     = "DeployUpdatesTheCatalogAndTheGlueJob"
    actions = ["glue:UpdateJob", "glue:UpdateTable"]
    resources = [
      "${local.arn.glue}:catalog",
      "${local.arn.glue}:database/${local.catalog_databases[each.key]}",
      "${local.arn.glue}:table/${local.catalog_databases[each.key]}/*",
      "${local.arn.glue}:job/${var.name}-${each.value}-curate",
    ]
  }

  # A named query with another text is a new one. It is not a resource, its workgroup is.
  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonathena.html
  statement {
    sid       = "DeployChangesQueriesOfAthena"
    actions   = ["athena:CreateNamedQuery", "athena:DeleteNamedQuery", "athena:UpdateWorkGroup"]
    resources = ["${local.arn.athena}:workgroup/${var.name}-${each.value}"]
  }

  # AWS assigns the workgroup's ID, so the tag identifies the environment. Usage limits support neither a resource nor a
  # condition, so a role that may change one may change those of every warehouse in the account.
  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonredshiftserverless.html
  statement {
    sid       = "DeployResizesTheWarehouse"
    actions   = ["redshift-serverless:UpdateWorkgroup"]
    resources = ["${local.arn["redshift-serverless"]}:workgroup/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/platform"
      values   = ["${var.name}-${each.value}"]
    }
  }

  statement {
    sid     = "DeployChangesAlarmsAndTheDashboard"
    actions = ["cloudwatch:DeleteAlarms", "cloudwatch:PutDashboard", "cloudwatch:PutMetricAlarm", "cloudwatch:TagResource"]
    resources = [
      "${local.arn.cloudwatch}:alarm:${var.name}-${each.value}-*",
      "arn:${local.partition}:cloudwatch::${local.account}:dashboard/${var.name}-${each.value}",
    ]
  }

  statement {
    sid       = "DeployChangesTheMessageOfAFailedGlueRun"
    actions   = ["events:PutTargets"]
    resources = ["${local.arn.events}:rule/${var.name}-${each.value}-*"]
  }

  statement {
    sid       = "DeployChangesTheTopicsSubscribers"
    actions   = ["sns:Subscribe", "sns:Unsubscribe"]
    resources = ["${local.arn.sns}:${var.name}-${each.value}-alarms"]
  }

  # A budget is created with its tags. https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbudgetservice.html
  statement {
    sid       = "DeployChangesTheBudget"
    actions   = ["budgets:ModifyBudget", "budgets:TagResource"]
    resources = ["arn:${local.partition}:budgets::${local.account}:budget/${var.name}-${each.value}"]
  }

  statement {
    sid       = "DeployWritesTheSettings"
    actions   = ["secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"]
    resources = ["${local.arn.secretsmanager}:secret:airflow/${var.name}-${each.value}/variables/*"]
  }

  # A new source can have an API key. Terraform creates the secret, and a person stores the key.
  statement {
    sid       = "DeployCreatesSecretsOfSources"
    actions   = ["secretsmanager:CreateSecret", "secretsmanager:DeleteSecret", "secretsmanager:TagResource"]
    resources = ["${local.arn.secretsmanager}:secret:airflow/${var.name}-${each.value}/connections/*"]
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

  # Permissions change with the code that needs them. The boundary keeps a role within its environment, whatever its policy
  # says. https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
  statement {
    sid       = "DeployChangesPermissionsWithinTheBoundary"
    actions   = ["iam:PutRolePolicy"]
    resources = ["arn:${local.partition}:iam::${local.account}:role/${var.name}-${each.value}-*"]

    condition {
      test     = "StringEquals"
      variable = "iam:PermissionsBoundary"
      values   = [local.boundary_arns[each.key]]
    }
  }

  # An update of the Glue job names its role again. AWS does not document whether an update of Airflow counts as passing its role.
  statement {
    sid       = "DeployPassesThePlatformsRoles"
    actions   = ["iam:PassRole"]
    resources = [for role in ["glue", "mwaa"] : "arn:${local.partition}:iam::${local.account}:role/${var.name}-${each.value}-${role}"]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["airflow.amazonaws.com", "airflow-env.amazonaws.com", "glue.amazonaws.com"]
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
