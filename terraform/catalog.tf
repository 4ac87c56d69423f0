# The curated table in the Glue Data Catalog. `make bundle` writes its columns and comments to catalog_table.json. They come
# from crypto_prices_etl/schemas.py and crypto_prices_contract/data_dictionary.py. The DAGs add the partitions.

locals {
  table_schema = jsondecode(file("${local.bundle}/catalog_table.json"))
}

# Encryption of the catalog itself is a setting of the whole account (aws_glue_data_catalog_encryption_settings), so one
# platform must not change it. The catalog contains column names and S3 locations, but no prices.
resource "aws_glue_catalog_database" "this" {
  name        = local.catalog_database
  description = "Crypto price lake"
}

resource "aws_glue_catalog_table" "crypto_prices" {
  database_name = aws_glue_catalog_database.this.name
  name          = local.catalog_table
  description   = local.table_schema.description
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
