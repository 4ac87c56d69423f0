# The most that a role of the platform can do, whatever its own policy says: work with the data of the platform's environments.
# It can neither change permissions nor reach other data of the account. `make prove` runs the platform within it.

data "aws_iam_policy_document" "boundary" {
  #checkov:skip=CKV_AWS_109:a boundary grants nothing; the roles' own policies name the resources
  #checkov:skip=CKV_AWS_111:a boundary grants nothing; the roles' own policies name the resources
  #checkov:skip=CKV_AWS_356:a boundary grants nothing; the roles' own policies name the resources
  #checkov:skip=CKV_AWS_108:a boundary grants nothing; the roles' own policies name the resources

  statement {
    sid = "NamedAfterThePlatform"
    actions = [
      "airflow:PublishMetrics", "glue:*", "logs:*", "s3:*", "secretsmanager:GetSecretValue",
    ]
    resources = concat(
      [for service in ["airflow", "glue"] : "${local.arn[service]}:*/${var.name}-*"],
      [for environment in var.environments : "${local.arn.glue}:*/${replace(var.name, "-", "_")}_${environment}*"],
      ["${local.arn.glue}:catalog"],
      [for prefix in ["airflow-", "/aws-glue/", "/aws/redshift/", "/vpc/"] : "${local.arn.logs}:log-group:${prefix}${var.name}-*"],
      [for environment in var.environments : "arn:${local.partition}:s3:::${var.name}-${environment}-*"],
      ["${local.arn.secretsmanager}:secret:airflow/${var.name}-*", "${local.arn.secretsmanager}:secret:redshift!*"],
    )
  }

  # Their resources have IDs or names that AWS assigns, or they support none.
  statement {
    sid = "WithoutTheNameOfThePlatform"
    actions = [
      "cloudwatch:PutMetricData", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "logs:DescribeLogGroups",
      "redshift-data:*", "s3:GetAccountPublicAccessBlock", "sqs:*",
    ]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "boundary" {
  #checkov:skip=CKV_AWS_289:a boundary grants nothing
  #checkov:skip=CKV_AWS_290:a boundary grants nothing
  #checkov:skip=CKV_AWS_355:a boundary grants nothing

  name        = "${var.name}-github-boundary"
  description = "The most that the roles of ${var.name} can do"
  policy      = data.aws_iam_policy_document.boundary.json
}
