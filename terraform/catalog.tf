# The curated table in the Glue Data Catalog. Its columns are those of glue_scripts/crypto_prices_etl/schemas.py, which
# `make bundle` writes into catalog_table.json; the DAGs add the partitions.

locals {
  table_schema = jsondecode(file("${local.bundle}/catalog_table.json"))
}

# The catalog itself is encrypted by a setting of the whole account (aws_glue_data_catalog_encryption_settings), which is not
# one platform's to make: it holds names of columns and places, no prices.
resource "aws_glue_catalog_database" "this" {
  name        = local.catalog_database
  description = "The crypto price lake"
}

resource "aws_glue_catalog_table" "crypto_prices" {
  database_name = aws_glue_catalog_database.this.name
  name          = local.catalog_table
  description   = "Curated candles; each partition's location is a version that passed its audit"
  table_type    = "EXTERNAL_TABLE"
  parameters    = { classification = "parquet", EXTERNAL = "TRUE" }

  dynamic "partition_keys" {
    for_each = local.table_schema.partition_keys

    content {
      name    = partition_keys.value.name
      type    = partition_keys.value.type
      comment = partition_keys.value.comment
    }
  }

  storage_descriptor {
    location      = "s3://${local.lake_bucket}/curated/crypto_prices/"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    }

    dynamic "columns" {
      for_each = local.table_schema.columns

      content {
        name    = columns.value.name
        type    = columns.value.type
        comment = columns.value.comment
      }
    }
  }
}
