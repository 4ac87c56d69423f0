# Uploads the files that `make bundle` wrote, unchanged. Changed files appear in the plan.

locals {
  bundle = "${startswith(var.bundle_path, "/") ? "" : "${path.module}/"}${var.bundle_path}"

  bundle_keys = toset(concat(
    [for file in fileset(local.bundle, "dags/**") : file],
    ["glue/crypto_prices_etl.zip", "glue/curate_crypto_prices.py", "plugins.zip", "requirements.txt"],
    # The bucket names the version that is deployed, and contains every file in SHA256SUMS, so that `sha256sum --check` works
    # on a copy of it.
    ["catalog_table.json"],
    [for file in fileset(local.bundle, "{SHA256SUMS,VERSION}") : file],
  ))
  bundle_version = fileexists("${local.bundle}/VERSION") ? trimspace(file("${local.bundle}/VERSION")) : "unknown"
}

resource "aws_s3_object" "bundle" {
  for_each = local.bundle_keys

  bucket = aws_s3_bucket.this["bundle"].id
  key    = each.key
  source = "${local.bundle}/${each.key}"
  # Not etag: for objects encrypted with KMS, the ETag is not the MD5 of the content.
  source_hash            = filemd5("${local.bundle}/${each.key}")
  server_side_encryption = "aws:kms"
  kms_key_id             = local.kms_key_arn
  bucket_key_enabled     = true

  # MWAA pins plugins.zip and requirements.txt by their object version.
  depends_on = [
    aws_s3_bucket_versioning.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_ownership_controls.this,
  ]
}

# The sources and symbols that the trigger forms offer. A DAG file cannot read the settings when it is parsed
# (plugins/crypto_prices/form_choices.py).
resource "aws_s3_object" "choices" {
  bucket                 = aws_s3_bucket.this["bundle"].id
  key                    = "dags/crypto_prices_choices.json"
  content                = jsonencode({ for name, source in var.sources : name => source.symbols })
  content_type           = "application/json"
  server_side_encryption = "aws:kms"
  kms_key_id             = local.kms_key_arn
  bucket_key_enabled     = true

  depends_on = [
    aws_s3_bucket_versioning.this,
    aws_s3_bucket_server_side_encryption_configuration.this,
    aws_s3_bucket_ownership_controls.this,
  ]
}

resource "aws_s3_bucket_lifecycle_configuration" "bundle" {
  bucket = aws_s3_bucket.this["bundle"].id

  # Long enough to roll back to an earlier bundle.
  rule {
    id     = "older-versions"
    status = "Enabled"

    filter {
      prefix = ""
    }
    noncurrent_version_expiration {
      noncurrent_days = 90
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}
