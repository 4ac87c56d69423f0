"""One Spark session and one S3 (moto) for the whole test run."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import boto3
import pytest

from tests.support.lake import BUCKET, DAY_START_MS, HOUR_MS, Lake


@pytest.fixture(scope="session")
def lake() -> Iterator[Lake]:
    from crypto_prices_etl import schemas
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        endpoint = "http://{}:{}".format(*server.get_host_and_port())
        names = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
        s3, glue = (boto3.client(service, endpoint_url=endpoint, **names) for service in ("s3", "glue"))
        s3.create_bucket(Bucket=BUCKET)
        glue.create_database(DatabaseInput={"Name": "crypto"})
        descriptor = {
            "Columns": schemas.catalog_columns(),
            "Location": f"s3://{BUCKET}/curated/crypto_prices/",
            "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        }
        table = {"PartitionKeys": schemas.catalog_partition_keys(), "StorageDescriptor": descriptor}
        glue.create_table(DatabaseName="crypto", TableInput={"Name": "crypto_prices", **table})
        yield Lake(s3, glue, endpoint)
    finally:
        server.stop()


@pytest.fixture(scope="session")
def spark(starts_spark: None, lake: Lake) -> Iterator[Any]:
    from crypto_prices_etl.curation import SPARK_SETTINGS
    from pyspark.sql import SparkSession

    from local_aws.glue import spark_runtime
    from local_aws.glue.installed_spark import DEFAULT_CACHE_DIR
    from local_aws.glue.s3a_jars import s3a_jars

    aws = {
        "AWS_ENDPOINT_URL": lake.endpoint_url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "PYSPARK_PYTHON": sys.executable,
    }
    settings = {
        **spark_runtime.SPARK_SETTINGS,
        **spark_runtime.s3_settings(aws),
        **SPARK_SETTINGS,
        "spark.driver.extraClassPath": os.pathsep.join(map(str, s3a_jars(DEFAULT_CACHE_DIR))),
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    }
    builder = SparkSession.builder
    for name, value in settings.items():
        builder = builder.config(name, value)
    # The JVM reads the environment only when it starts. Other tests must not see the endpoint.
    with mock.patch.dict(os.environ, aws):
        session = builder.getOrCreate()
    yield session
    session.stop()


@pytest.fixture(scope="module")
def generated_code(spark: Any) -> Iterator[None]:
    """Let Spark run plans as generated Java code, as it does on Glue. On this machine it interprets them."""
    generating = {"spark.sql.codegen.wholeStage": "true", "spark.sql.codegen.factoryMode": "FALLBACK"}
    before = {name: spark.conf.get(name) for name in generating}
    for name, value in generating.items():
        spark.conf.set(name, value)
    yield
    for name, value in before.items():
        spark.conf.set(name, value)


@pytest.fixture(scope="session")
def kline() -> Callable[..., list[Any]]:
    """Return a function that creates a valid Binance kline of an hour of 2023-12-18, with changed fields."""

    def make(hour: int = 0, /, **changes: Any) -> list[Any]:
        opened = DAY_START_MS + hour * HOUR_MS
        fields = {
            "open_time": opened,
            "open": "42000.10000000",
            "high": "42100.00000001",
            "low": "41000.5",
            "close": "42050.25",
            "volume": "12.5",
            "close_time": opened + HOUR_MS - 1,
            "quote_volume": "525000.125",
            "trades": 17,
            "taker_base": "1.0",
            "taker_quote": "2.0",
            "ignore": "0",
        }
        assert changes.keys() <= fields.keys()
        return list((fields | changes).values())

    return make


@pytest.fixture(scope="session")
def options() -> Callable[..., dict[str, str]]:
    """Return a function that creates the options of a new run."""
    numbers = itertools.count()

    def make(*manifests: str, **changes: str) -> dict[str, str]:
        given = {
            "JOB_RUN_ID": f"jr_{next(numbers)}",
            "raw_manifests": ",".join(manifests),
            "window_start": "2023-12-18",
            "window_end": "2023-12-19",
            "batch_id": "scheduled__2023-12-18",
            "catalog_database": "crypto",
            "catalog_table": "crypto_prices",
            "lake_bucket": BUCKET,
            "max_rejected_share": "0.01",
            "row_rules": "default",
            "accepted_sources": "none",
        }
        return given | changes

    return make


@pytest.fixture(scope="session")
def arguments(options: Callable[..., dict[str, str]]) -> Callable[..., Any]:
    """Return a function that creates the arguments of a new run."""
    from crypto_prices_etl.arguments import CurationArguments

    return lambda *manifests, **changes: CurationArguments.from_options(options(*manifests, **changes))
