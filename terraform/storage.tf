# The buckets: the lake, the deployed bundle and, optionally, their access logs. All have the same settings. Retention is in
# lake.tf and bundle.tf.

locals {
  data_buckets = { lake = local.lake_bucket, bundle = local.bundle_bucket }
  buckets      = merge(local.data_buckets, var.access_logs ? { access_logs = local.access_logs_bucket } : {})
}

resource "aws_s3_bucket" "this" {
  for_each = local.buckets
  #checkov:skip=CKV_AWS_18:access logging is optional (access_logs); the log bucket cannot log to itself
  #checkov:skip=CKV_AWS_144:the lake's contents can be fetched and curated again; a copy in another region doubles the cost
  #checkov:skip=CKV_AWS_145:the lake and the bundle use the platform's KMS key; S3 can write access logs only to a bucket with SSE-S3
  #checkov:skip=CKV2_AWS_61:each bucket has its own lifecycle rules, in lake.tf and bundle.tf
  #checkov:skip=CKV2_AWS_62:nothing reacts to new objects; each step receives exact names from the step before it

  bucket        = each.value
  force_destroy = var.destroy_data
}

# No step overwrites raw objects. If one is overwritten by mistake, its earlier version can be restored. MWAA requires
# versioning for its bucket.
resource "aws_s3_bucket_versioning" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    apply_server_side_encryption_by_default {
      # https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html: only SSE-S3 for access logs.
      sse_algorithm     = each.key == "access_logs" ? "AES256" : "aws:kms"
      kms_master_key_id = each.key == "access_logs" ? null : local.kms_key_arn
    }
    bucket_key_enabled = true # one KMS call for many objects
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each = local.buckets

  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id

  rule {
    object_ownership = "BucketOwnerEnforced" # no ACLs
  }
}

data "aws_iam_policy_document" "bucket" {
  for_each = local.buckets

  statement {
    sid       = "OnlyByTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = ["arn:${local.partition}:s3:::${each.value}", "arn:${local.partition}:s3:::${each.value}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  dynamic "statement" {
    for_each = each.key == "access_logs" ? [1] : []

    content {
      sid       = "S3WritesAccessLogs"
      actions   = ["s3:PutObject"]
      resources = [for kind in keys(local.data_buckets) : "arn:${local.partition}:s3:::${each.value}/${kind}/*"]

      principals {
        type        = "Service"
        identifiers = ["logging.s3.amazonaws.com"]
      }
      condition {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account]
      }
      condition {
        test     = "ArnLike"
        variable = "aws:SourceArn"
        values   = [local.lake_arn, local.bundle_arn]
      }
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = local.buckets

  bucket = aws_s3_bucket.this[each.key].id
  policy = data.aws_iam_policy_document.bucket[each.key].json

  # S3 returns 409 if two of these settings of a bucket change at the same time.
  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_logging" "this" {
  for_each = var.access_logs ? local.data_buckets : {}

  bucket        = aws_s3_bucket.this[each.key].id
  target_bucket = aws_s3_bucket.this["access_logs"].id
  target_prefix = "${each.key}/"

  depends_on = [aws_s3_bucket_policy.this]
}
