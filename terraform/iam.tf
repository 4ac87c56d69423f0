# Permissions: a role for Airflow, one for the Glue job, one for COPY, and one for the VPC's flow logs. The Sid of a statement
# names the step that needs it. Where a resource is "*", a comment explains why AWS supports nothing narrower.

# ------------------------------------------------------------------------------------------------ Airflow

data "aws_iam_policy_document" "mwaa_trust" {
  # https://docs.aws.amazon.com/mwaa/latest/userguide/cross-service-confused-deputy-prevention.html
  statement {
    sid     = "OnlyOurEnvironment"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["airflow.amazonaws.com", "airflow-env.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["${local.arn.airflow}:environment/${local.name}"]
    }
  }
}

# The environment's own permissions are AWS's list, with the wildcards spelled out:
# https://docs.aws.amazon.com/mwaa/latest/userguide/mwaa-create-role.html
data "aws_iam_policy_document" "mwaa" {
  statement {
    sid       = "EnvironmentPublishesItsHealth"
    actions   = ["airflow:PublishMetrics"]
    resources = ["${local.arn.airflow}:environment/${local.name}"]
  }

  statement {
    sid     = "EnvironmentReadsTheBundle"
    actions = ["s3:GetObject", "s3:GetObjectVersion"]
    resources = [
      "${local.bundle_arn}/dags/*", "${local.bundle_arn}/plugins.zip", "${local.bundle_arn}/requirements.txt",
    ]
  }

  statement {
    sid = "EnvironmentChecksTheBundlesBucket"
    actions = [
      "s3:GetBucketLocation", "s3:GetBucketPublicAccessBlock", "s3:GetBucketVersioning", "s3:GetEncryptionConfiguration",
      "s3:ListBucket", "s3:ListBucketVersions",
    ]
    resources = [local.bundle_arn]
  }

  statement {
    sid = "EnvironmentWritesAndShowsItsLogs"
    actions = [
      "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:GetLogEvents", "logs:GetLogGroupFields",
      "logs:GetLogRecord", "logs:GetQueryResults", "logs:PutLogEvents",
    ]
    resources = ["${local.arn.logs}:log-group:airflow-${local.name}-*"]
  }

  # These actions concern the whole account, so they support no resource.
  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html and list_amazoncloudwatchlogs.html
  statement {
    sid       = "EnvironmentChecksTheAccount"
    actions   = ["logs:DescribeLogGroups", "s3:GetAccountPublicAccessBlock"]
    resources = ["*"]
  }

  # The queue between scheduler and workers is in an account of AWS whose ID is not known in advance.
  statement {
    sid = "EnvironmentQueuesTasks"
    actions = [
      "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage",
      "sqs:SendMessage",
    ]
    resources = ["arn:${local.partition}:sqs:${var.region}:*:airflow-celery-*"]
  }

  # PutMetricData supports no resource, but a condition on the namespace.
  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html
  statement {
    sid       = "AirflowAndReconcilePublishMetrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = ["AmazonMWAA", local.metrics_namespace]
    }
  }

  statement {
    sid       = "QueueBucketsAndSecretsAreEncrypted"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
    resources = [local.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = [for service in ["s3", "secretsmanager", "sqs"] : "${service}.${var.region}.amazonaws.com"]
    }
  }

  statement {
    sid       = "TasksReadSettingsKeysAndTheWarehousesPassword"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = local.readable_secrets
  }

  statement {
    sid       = "TasksReadRawObjectsAndLoadRecords"
    actions   = ["s3:GetObject"]
    resources = ["${local.lake_arn}/loads/*", "${local.lake_arn}/raw/*"]
  }

  # resolve_window also stores the exchanges' lists of markets in raw/. An object with an existing name is refused, so neither
  # a response nor a load record is ever changed. https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
  # The boundary in terraform/github/ has the same condition.
  statement {
    sid       = "TasksWriteRawObjectsAndLoadRecordsOnce"
    actions   = ["s3:PutObject"]
    resources = ["${local.lake_arn}/loads/*", "${local.lake_arn}/raw/*"]

    condition {
      test     = "Null"
      variable = "s3:if-none-match"
      values   = ["false"]
    }
  }

  # The whole bucket: with permission to list only a prefix, a request for a missing object returns 403 instead of 404.
  statement {
    sid       = "PlansListWhatWasFetched"
    actions   = ["s3:ListBucket"]
    resources = [local.lake_arn]
  }

  statement {
    sid       = "LoadReadsTheCurationReport"
    actions   = ["s3:GetObject"]
    resources = ["${local.lake_arn}/curated/_manifests/*"]
  }

  # A response that was replaced after it was loaded is read in the version that the load record names.
  statement {
    sid       = "ExplainPriceReadsReplacedResponses"
    actions   = ["s3:GetObjectVersion"]
    resources = ["${local.lake_arn}/raw/*"]
  }

  statement {
    sid       = "ExplainPriceReadsCuratedFiles"
    actions   = ["s3:GetObject"]
    resources = ["${local.lake_arn}/curated/crypto_prices/*"]
  }

  statement {
    sid       = "ExplainPriceWritesReceipts"
    actions   = ["s3:PutObject"]
    resources = ["${local.lake_arn}/receipts/*"]
  }

  statement {
    sid       = "CuratePricesRunsTheGlueJob"
    actions   = ["glue:BatchStopJobRun", "glue:GetJob", "glue:GetJobRun", "glue:GetJobRuns", "glue:StartJobRun"]
    resources = ["${local.arn.glue}:job/${local.glue_job}"]
  }

  statement {
    sid = "PublishPartitionsSwitchesTheCatalog"
    actions = [
      "glue:BatchCreatePartition", "glue:BatchDeletePartition", "glue:BatchUpdatePartition", "glue:GetPartitions",
      "glue:GetTable",
    ]
    resources = local.catalog_arns
  }

  statement {
    sid       = "LoadRunsSql"
    actions   = ["redshift-data:BatchExecuteStatement", "redshift-data:ExecuteStatement"]
    resources = [local.workgroup_arn]
  }

  # A statement ID is not a resource. The condition limits the role to statements that it submitted itself. All of MWAA's
  # containers use the same session of the role (AmazonMWAA-airflow), so the triggerer sees what a worker submitted.
  # https://docs.aws.amazon.com/redshift/latest/mgmt/redshift-iam-access-control-identity-based.html
  statement {
    sid       = "LoadWaitsForItsOwnSql"
    actions   = ["redshift-data:CancelStatement", "redshift-data:DescribeStatement", "redshift-data:GetStatementResult"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "redshift-data:statement-owner-iam-userid"
      values   = ["$${aws:userid}"]
    }
  }
}

locals {
  # GitHub's variable is the empty string where it is not set.
  permissions_boundary_arn = var.permissions_boundary_arn == "" ? null : var.permissions_boundary_arn

  # In locals rather than in the policies: a document that refers to a resource directly is unknown in the plan whenever
  # anything about that resource changes, and the policy would then be unknown, too.
  workgroup_arn = aws_redshiftserverless_workgroup.this.arn
  readable_secrets = concat(
    [aws_secretsmanager_secret.settings.arn, aws_redshiftserverless_namespace.this.admin_password_secret_arn],
    [for secret in aws_secretsmanager_secret.connection : secret.arn],
  )

  # Actions on a partition need all three. https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
  catalog_arns = [
    "${local.arn.glue}:catalog",
    "${local.arn.glue}:database/${local.catalog_database}",
    "${local.arn.glue}:table/${local.catalog_database}/${local.catalog_table}",
  ]
}

resource "aws_iam_role" "mwaa" {
  name                 = local.mwaa_role
  description          = "Permissions of Airflow's tasks and of the environment itself"
  assume_role_policy   = data.aws_iam_policy_document.mwaa_trust.json
  permissions_boundary = local.permissions_boundary_arn
}

resource "aws_iam_role_policy" "mwaa" {
  name   = "pipeline"
  role   = aws_iam_role.mwaa.id
  policy = data.aws_iam_policy_document.mwaa.json
}

# ------------------------------------------------------------------------------------------------ the Glue job

data "aws_iam_policy_document" "glue_trust" {
  # No condition on aws:SourceArn: Glue does not document which ARN it sends for a job run.
  statement {
    sid     = "OnlyGlueOfThisAccount"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["glue.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "glue" {
  statement {
    sid       = "RunFetchesItsScriptAndPackage"
    actions   = ["s3:GetObject"]
    resources = ["${local.bundle_arn}/glue/*"]
  }

  statement {
    sid       = "CurationReadsRawObjects"
    actions   = ["s3:GetObject"]
    resources = ["${local.lake_arn}/raw/*"]
  }

  # Spark writes through S3A with the magic committer: a task uploads each file in parts and describes the upload in an object
  # below __magic_job-<id>/. The job's commit completes the uploads and deletes the rest, and a failed job aborts them.
  # https://hadoop.apache.org/docs/stable/hadoop-aws/tools/hadoop-aws/assumed_roles.html
  statement {
    sid = "CurationWritesItsVersionAndItsRejects"
    actions = [
      "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:ListMultipartUploadParts", "s3:PutObject",
    ]
    resources = ["${local.lake_arn}/curated/*", "${local.lake_arn}/quarantine/*"]
  }

  # The whole bucket: S3A lists the parent folders of what it writes. With permission to list only a prefix, a request for a
  # missing object returns 403 instead of 404. The committer also lists unfinished uploads, but only to log them, so it needs
  # no permission for that.
  statement {
    sid       = "CurationListsTheLake"
    actions   = ["s3:ListBucket"]
    resources = [local.lake_arn]
  }

  # A killed run leaves the committer's objects behind. A later run deletes those of runs that have ended.
  statement {
    sid       = "CurationFindsEndedRuns"
    actions   = ["glue:GetJobRuns"]
    resources = ["${local.arn.glue}:job/${local.glue_job}"]
  }

  statement {
    sid       = "CarryOverReadsPublishedPartitions"
    actions   = ["glue:BatchGetPartition"]
    resources = local.catalog_arns
  }

  # CreateLogGroup: Glue calls it even if the group exists. AssociateKmsKey: without it, a job with a security
  # configuration writes no logs. https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html
  statement {
    sid       = "RunWritesEncryptedLogs"
    actions   = ["logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${local.arn.logs}:log-group:${local.glue_log_prefix}/*"]
  }

  # PutMetricData supports no resource, but a condition on the namespace.
  # https://docs.aws.amazon.com/glue/latest/dg/monitoring-awsglue-with-cloudwatch-metrics.html
  statement {
    sid       = "RunPublishesItsMetrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = ["Glue"]
    }
  }

  # CloudWatch Logs encrypts the logs. The key policy allows that service directly.
  # https://docs.aws.amazon.com/glue/latest/dg/encryption-security-configuration.html
  statement {
    sid       = "LakeAndBundleAreEncrypted"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [local.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.region}.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "glue" {
  name                 = local.glue_role
  description          = "Permissions of the Glue job ${local.glue_job}"
  assume_role_policy   = data.aws_iam_policy_document.glue_trust.json
  permissions_boundary = local.permissions_boundary_arn
}

resource "aws_iam_role_policy" "glue" {
  name   = "pipeline"
  role   = aws_iam_role.glue.id
  policy = data.aws_iam_policy_document.glue.json
}

# ------------------------------------------------------------------------------------------------ COPY

locals {
  # Redshift names the database user that runs COPY in the external ID. AWS's page has had two formats for Redshift Serverless:
  # today's with the workgroup's ID, and an older one with its name. AWS assigns the ID after this role has been created.
  # docs/how-to/deploy-to-aws.md shows how to find the exact value.
  # https://docs.aws.amazon.com/redshift/latest/mgmt/authorizing-redshift-service-database-users.html
  copy_external_ids = coalesce(var.copy_external_ids, [
    "${local.arn.redshift}:dbuser:serverless-${local.account}-*/${local.redshift_admin}",
    "${local.arn.redshift}:dbuser:${local.name}/${local.redshift_admin}",
  ])
}

# No condition on aws:SourceArn or aws:SourceAccount: AWS does not document that Redshift sends them when it assumes this role.
data "aws_iam_policy_document" "copy_trust" {
  # Both services: https://docs.aws.amazon.com/redshift/latest/mgmt/serverless-iam.html
  statement {
    sid     = "OnlyTheWarehousesAdministrator"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["redshift-serverless.amazonaws.com", "redshift.amazonaws.com"]
    }
    condition {
      test     = "StringLike"
      variable = "sts:ExternalId"
      values   = local.copy_external_ids
    }
  }
}

data "aws_iam_policy_document" "copy" {
  statement {
    sid       = "CopyReadsCuratedFilesAndTheirManifest"
    actions   = ["s3:GetObject"]
    resources = ["${local.lake_arn}/curated/*"]
  }

  # https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-access-permissions.html: COPY needs to list its bucket.
  statement {
    sid       = "CopyListsCurated"
    actions   = ["s3:ListBucket"]
    resources = [local.lake_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["curated/*"]
    }
  }

  statement {
    sid       = "CuratedIsEncrypted"
    actions   = ["kms:Decrypt"]
    resources = [local.kms_key_arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${var.region}.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "copy" {
  name                 = local.copy_role
  description          = "Read permissions of Redshift's COPY"
  assume_role_policy   = data.aws_iam_policy_document.copy_trust.json
  permissions_boundary = local.permissions_boundary_arn
}

resource "aws_iam_role_policy" "copy" {
  name   = "curated"
  role   = aws_iam_role.copy.id
  policy = data.aws_iam_policy_document.copy.json
}

# ------------------------------------------------------------------------------------------------ flow logs

# https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
data "aws_iam_policy_document" "flow_logs_trust" {
  count = local.flow_log ? 1 : 0

  statement {
    sid     = "OnlyFlowLogsOfThisAccount"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["vpc-flow-logs.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:ec2:${var.region}:${local.account}:vpc-flow-log/*"]
    }
  }
}

data "aws_iam_policy_document" "flow_logs" {
  count = local.flow_log ? 1 : 0

  statement {
    sid       = "FlowLogsWriteTheirLog"
    actions   = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
    resources = ["${local.arn.logs}:log-group:${local.flow_log_group}", "${local.arn.logs}:log-group:${local.flow_log_group}:*"]
  }

  # This action supports no resource. https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
  statement {
    sid       = "FlowLogsFindTheirLog"
    actions   = ["logs:DescribeLogGroups"]
    resources = ["*"]
  }
}

resource "aws_iam_role" "flow_logs" {
  count = local.flow_log ? 1 : 0

  name                 = "${local.name}-flow-logs"
  description          = "Lets the VPC's flow logs write to CloudWatch Logs"
  assume_role_policy   = data.aws_iam_policy_document.flow_logs_trust[0].json
  permissions_boundary = local.permissions_boundary_arn
}

resource "aws_iam_role_policy" "flow_logs" {
  count = local.flow_log ? 1 : 0

  name   = "write"
  role   = aws_iam_role.flow_logs[0].id
  policy = data.aws_iam_policy_document.flow_logs[0].json
}
