# Retention of the lake's objects, by zone.
#
# Current objects of curated/ never expire. The catalog's partitions decide which version of a day is published, and lifecycle
# rules cannot see them, so a rule would delete published days. Current objects of raw/ and loads/ never expire either,
# because everything else can be rebuilt from them.

resource "aws_s3_bucket_lifecycle_configuration" "lake" {
  bucket = aws_s3_bucket.this["lake"].id

  rule {
    id     = "raw-older-versions"
    status = "Enabled"

    filter {
      prefix = "raw/"
    }
    noncurrent_version_expiration {
      noncurrent_days = var.lake_retention.raw_noncurrent_days
    }
  }

  # No rule for loads/: records are small, and an older version of one is the proof of a change.

  # The committer deletes its objects below __magic_job-<id>/ after a write. In a versioned bucket, they stay as older versions.
  rule {
    id     = "curated-leftovers"
    status = "Enabled"

    filter {
      prefix = "curated/"
    }
    noncurrent_version_expiration {
      noncurrent_days = var.lake_retention.curated_noncurrent_days
    }
  }

  rule {
    id     = "quarantine"
    status = "Enabled"

    filter {
      prefix = "quarantine/"
    }
    expiration {
      days = var.lake_retention.quarantine_days
    }
    noncurrent_version_expiration {
      noncurrent_days = var.lake_retention.curated_noncurrent_days
    }
  }

  # Results of Athena's queries can be calculated again.
  dynamic "rule" {
    for_each = var.athena == null ? [] : [var.athena]

    content {
      id     = "athena-results"
      status = "Enabled"

      filter {
        prefix = local.athena_results
      }
      expiration {
        days = rule.value.result_days
      }
      noncurrent_version_expiration {
        noncurrent_days = 1
      }
    }
  }

  rule {
    id     = "delete-markers-and-broken-uploads"
    status = "Enabled"

    filter {
      prefix = ""
    }
    expiration {
      expired_object_delete_marker = true
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  # Rules for noncurrent versions need versioning to be enabled first.
  depends_on = [aws_s3_bucket_versioning.this]
}

resource "aws_s3_bucket_lifecycle_configuration" "access_logs" {
  count = var.access_logs ? 1 : 0

  bucket = aws_s3_bucket.this["access_logs"].id

  rule {
    id     = "access-logs"
    status = "Enabled"

    filter {
      prefix = ""
    }
    expiration {
      days = var.log_retention_days
    }
    noncurrent_version_expiration {
      noncurrent_days = 1
    }
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]
}
