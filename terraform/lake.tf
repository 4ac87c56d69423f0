# How long the lake keeps what, by zone.
#
# Nothing expires the current objects of curated/: a version of a day is published by the catalog's partition that points at it,
# which no lifecycle rule can see, so a rule would delete days that people read. raw/ is what everything can be made of again.

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

  # Spark writes below _temporary/ first and deletes it; in a versioned bucket that leaves every file a second time.
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

  # Noncurrent versions are known only once there are versions.
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
