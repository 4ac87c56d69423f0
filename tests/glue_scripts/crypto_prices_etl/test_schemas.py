from __future__ import annotations

import subprocess
import sys

from crypto_prices_etl import schemas


def test_the_columns_have_the_order_that_copy_needs():
    assert schemas.redshift_columns() == [
        "source VARCHAR(32) NOT NULL",
        "symbol VARCHAR(32) NOT NULL",
        "quote_currency VARCHAR(16) NOT NULL",
        "candle_interval VARCHAR(8) NOT NULL",
        "observed_at TIMESTAMP NOT NULL",
        "open_price DECIMAL(38,18)",
        "high_price DECIMAL(38,18)",
        "low_price DECIMAL(38,18)",
        "close_price DECIMAL(38,18)",
        "base_volume DECIMAL(38,18)",
        "quote_volume DECIMAL(38,18)",
        "trade_count BIGINT",
        "market_cap DECIMAL(38,8)",
        "raw_object VARCHAR(1024) NOT NULL",
        "ingested_at TIMESTAMP NOT NULL",
        "batch_id VARCHAR(128) NOT NULL",
    ]


def test_spark_the_catalog_and_redshift_have_the_same_columns_in_the_same_order():
    names = [c.name for c in schemas.CURATED_COLUMNS]
    spark = schemas.spark_schema()
    assert spark.names == names
    assert [c["Name"] for c in schemas.catalog_columns()] == names
    assert [c.split()[0] for c in schemas.redshift_columns()] == names
    assert [f.dataType.simpleString() for f in spark] == [c["Type"] for c in schemas.catalog_columns()]
    assert [f.nullable for f in spark] == ["NOT NULL" not in c for c in schemas.redshift_columns()]


def test_partition_keys_keep_their_leading_zeros():
    assert [(k["Name"], k["Type"]) for k in schemas.catalog_partition_keys()] == [
        ("year", "string"),
        ("month", "string"),
        ("day", "string"),
    ]


def test_the_definition_can_be_read_without_spark():
    code = "import sys; import crypto_prices_etl.schemas as s; s.catalog_columns(); assert 'pyspark' not in sys.modules"
    folder = next(p for p in sys.path if p.endswith("glue_scripts"))
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": folder})
