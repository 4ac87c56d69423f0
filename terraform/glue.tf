# The Glue job that curates one window.

locals {
  glue_security_configuration = local.name

  # If a security configuration encrypts logs, Glue adds the names of the configuration and the role to the log group names.
  # https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html
  glue_log_prefix = "/aws-glue/${local.glue_job}"
  glue_log_groups = { for stream in ["error", "output"] :
    stream => "${local.glue_log_prefix}/${local.glue_security_configuration}-role/${local.glue_role}/${stream}"
  }
}

resource "aws_glue_security_configuration" "this" {
  name = local.glue_security_configuration

  encryption_configuration {
    s3_encryption {
      s3_encryption_mode = "SSE-KMS"
      kms_key_arn        = local.kms_key_arn
    }
    cloudwatch_encryption {
      cloudwatch_encryption_mode = "SSE-KMS"
      kms_key_arn                = local.kms_key_arn
    }
    # Bookmarks are off. If they are ever turned on, they are encrypted, too.
    job_bookmarks_encryption {
      job_bookmarks_encryption_mode = "CSE-KMS"
      kms_key_arn                   = local.kms_key_arn
    }
  }
}

resource "aws_glue_job" "curate" {
  name        = local.glue_job
  description = "Curates one window of raw candles"
  role_arn    = aws_iam_role.glue.arn

  glue_version           = "6.0"
  worker_type            = var.glue.worker_type
  number_of_workers      = var.glue.workers
  timeout                = var.glue.timeout_minutes
  execution_class        = "STANDARD" # not FLEX: a task waits for the run
  max_retries            = 0          # Airflow retries and keeps track of the attempts
  security_configuration = aws_glue_security_configuration.this.name

  # A backfill curates several windows in parallel.
  execution_property {
    max_concurrent_runs = var.glue.max_concurrent_runs
  }

  command {
    name            = "glueetl"
    script_location = "s3://${local.bundle_bucket}/${aws_s3_object.bundle["glue/curate_crypto_prices.py"].key}"
    python_version  = "3"
  }

  default_arguments = {
    "--job-language"                     = "python"
    "--extra-py-files"                   = "s3://${local.bundle_bucket}/${aws_s3_object.bundle["glue/crypto_prices_etl.zip"].key}"
    "--enable-metrics"                   = "true"
    "--enable-job-insights"              = "true"
    "--enable-observability-metrics"     = "true"
    "--enable-continuous-cloudwatch-log" = "true"
    # Since Glue 5.0, this option names the log groups. --continuous-log-logGroup no longer does.
    "--custom-logGroup-prefix" = local.glue_log_prefix
    # Bookmarks track objects by name and time, so cleared tasks and backfills would skip data.
    "--job-bookmark-option" = "job-bookmark-disable"
  }

  # The log groups, with their retention, and the permissions must exist before the first run.
  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.glue]
}
