# The most that the platform's roles in one environment can do, whatever their own policies say: the permissions in
# terraform/iam.tf, with less narrow resources. They work with this environment's data. They cannot delete or
# replace raw objects and load records, and cannot delete versions. They cannot change the bundle, buckets, the warehouse's
# settings or permissions. `make prove` runs the platform within it.

locals {
  buckets_of_platform = { for environment in var.environments : environment => {
    for kind in ["bundle", "lake"] : kind => "arn:${local.partition}:s3:::${var.name}-${environment}-${kind}-${local.account}"
  } }
}

data "aws_iam_policy_document" "boundary" {
  for_each = var.environments
  #checkov:skip=CKV_AWS_109:a boundary grants nothing; the roles' own policies name the resources
  #checkov:skip=CKV_AWS_111:a boundary grants nothing; the roles' own policies name the resources
  #checkov:skip=CKV_AWS_356:a boundary grants nothing; the roles' own policies name the resources
  #checkov:skip=CKV_AWS_108:a boundary grants nothing; the roles' own policies name the resources

  statement {
    sid       = "PublishesItsHealth"
    actions   = ["airflow:PublishMetrics"]
    resources = ["${local.arn.airflow}:environment/${var.name}-${each.value}"]
  }

  statement {
    sid = "ReadsItsBuckets"
    actions = [
      "s3:GetBucketLocation", "s3:GetBucketPublicAccessBlock", "s3:GetBucketVersioning", "s3:GetEncryptionConfiguration",
      "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions", "s3:ListMultipartUploadParts",
    ]
    resources = flatten([for arn in values(local.buckets_of_platform[each.key]) : [arn, "${arn}/*"]])
  }

  statement {
    sid     = "WritesToTheLake"
    actions = ["s3:AbortMultipartUpload", "s3:PutObject"]
    resources = [
      for zone in ["curated", "quarantine", "receipts"] :
      "${local.buckets_of_platform[each.key].lake}/${zone}/*"
    ]
  }

  # S3 refuses If-None-Match if the object exists. A deployment can change a role's own policy, but not this one.
  statement {
    sid       = "WritesRawObjectsAndLoadRecordsOnce"
    actions   = ["s3:PutObject"]
    resources = [for zone in ["loads", "raw"] : "${local.buckets_of_platform[each.key].lake}/${zone}/*"]

    condition {
      test     = "Null"
      variable = "s3:if-none-match"
      values   = ["false"]
    }
  }

  # In a versioned bucket, this hides an object. Its versions stay until the lifecycle rules delete them.
  statement {
    sid       = "DeletesCuratedFiles"
    actions   = ["s3:DeleteObject"]
    resources = [for zone in ["curated", "quarantine"] : "${local.buckets_of_platform[each.key].lake}/${zone}/*"]
  }

  statement {
    sid       = "RunsTheGlueJob"
    actions   = ["glue:BatchStopJobRun", "glue:GetJob", "glue:GetJobRun", "glue:GetJobRuns", "glue:StartJobRun"]
    resources = ["${local.arn.glue}:job/${var.name}-${each.value}-curate"]
  }

  statement {
    sid = "PublishesPartitions"
    actions = [
      "glue:BatchCreatePartition", "glue:BatchDeletePartition", "glue:BatchGetPartition", "glue:BatchUpdatePartition",
      "glue:GetPartitions", "glue:GetTable",
    ]
    resources = [
      "${local.arn.glue}:catalog",
      "${local.arn.glue}:database/${local.catalog_databases[each.key]}",
      "${local.arn.glue}:table/${local.catalog_databases[each.key]}/*",
    ]
  }

  statement {
    sid = "WritesAndReadsItsLogs"
    actions = [
      "logs:AssociateKmsKey", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:GetLogEvents",
      "logs:GetLogGroupFields", "logs:GetLogRecord", "logs:GetQueryResults", "logs:PutLogEvents",
    ]
    resources = local.log_groups[each.key]
  }

  # Redshift names the secret of an administrator redshift!<namespace>-<user>.
  statement {
    sid     = "ReadsItsSecrets"
    actions = ["secretsmanager:GetSecretValue"]
    resources = [
      "${local.arn.secretsmanager}:secret:airflow/${var.name}-${each.value}/*",
      "${local.arn.secretsmanager}:secret:redshift!${var.name}-${each.value}-*",
    ]
  }

  # AWS assigns the workgroup's ID, so the tag identifies the environment.
  # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonredshiftdataapi.html
  statement {
    sid       = "RunsSqlInItsWarehouse"
    actions   = ["redshift-data:BatchExecuteStatement", "redshift-data:ExecuteStatement"]
    resources = ["${local.arn["redshift-serverless"]}:workgroup/*"]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/platform"
      values   = ["${var.name}-${each.value}"]
    }
  }

  statement {
    sid       = "WaitsForItsOwnSql"
    actions   = ["redshift-data:CancelStatement", "redshift-data:DescribeStatement", "redshift-data:GetStatementResult"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "redshift-data:statement-owner-iam-userid"
      values   = ["$${aws:userid}"]
    }
  }

  # The queue is in an account of AWS whose ID is not known in advance.
  statement {
    sid = "QueuesTasks"
    actions = [
      "sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ReceiveMessage",
      "sqs:SendMessage",
    ]
    resources = ["arn:${local.partition}:sqs:${var.region}:*:airflow-celery-*"]
  }

  # The platform's key may be the user's own. These services only use a key for what the role may read or write.
  statement {
    sid       = "UsesKeysThroughItsServices"
    actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"]
    resources = ["${local.arn.kms}:key/*"]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = [for service in ["s3", "secretsmanager", "sqs"] : "${service}.${var.region}.amazonaws.com"]
    }
  }

  statement {
    sid       = "PublishesMetrics"
    actions   = ["cloudwatch:PutMetricData"]
    resources = ["*"]

    condition {
      test     = "StringEquals"
      variable = "cloudwatch:namespace"
      values   = ["AmazonMWAA", "CryptoPrices", "Glue"]
    }
  }

  # These actions support no resource.
  statement {
    sid       = "ChecksTheAccount"
    actions   = ["logs:DescribeLogGroups", "s3:GetAccountPublicAccessBlock"]
    resources = ["*"]
  }
}

resource "aws_iam_policy" "boundary" {
  for_each = var.environments
  #checkov:skip=CKV_AWS_289:a boundary grants nothing
  #checkov:skip=CKV_AWS_290:a boundary grants nothing
  #checkov:skip=CKV_AWS_355:a boundary grants nothing

  name        = "${var.name}-github-boundary-${each.value}"
  description = "The most that the roles of ${var.name}-${each.value} can do"
  policy      = data.aws_iam_policy_document.boundary[each.key].json
}
