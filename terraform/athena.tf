# Athena, for queries of the curated files through the Glue Data Catalog. The marts are in the warehouse only.

locals {
  athena_results = "athena/"
  # The name of each query is the name of its file, and its first line is the description.
  athena_queries = var.athena == null ? {} : {
    for file in fileset("${path.module}/athena", "*.sql") : trimsuffix(file, ".sql") => templatefile("${path.module}/athena/${file}", {
      table = local.catalog_table
    })
  }
}

resource "aws_athena_workgroup" "this" {
  count = var.athena == null ? 0 : 1

  name          = local.name
  description   = "Queries of the curated candles"
  force_destroy = true # it would delete the history of queries only

  configuration {
    # Clients cannot choose a place for results or skip the limit.
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = true
    bytes_scanned_cutoff_per_query     = var.athena.scan_limit_gb * pow(1024, 3)

    engine_version {
      selected_engine_version = "Athena engine version 3"
    }
    result_configuration {
      output_location = "s3://${local.lake_bucket}/${local.athena_results}"

      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = local.kms_key_arn
      }
    }
  }
}

resource "aws_athena_named_query" "this" {
  for_each = local.athena_queries

  name        = each.key
  description = trimprefix(split("\n", each.value)[0], "-- ")
  workgroup   = aws_athena_workgroup.this[0].name
  database    = aws_glue_catalog_database.this.name
  query       = each.value
}
