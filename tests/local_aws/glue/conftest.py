"""A moto server for S3 and logs with the script bucket, and Spark with the cache of this virtual environment."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from local_aws.glue.spark_runtime import SparkRuntime


@pytest.fixture(scope="session")
def aws() -> Iterator[Any]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        endpoint = "http://{}:{}".format(*server.get_host_and_port())
        names = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
        clients = {name: boto3.client(name, endpoint_url=endpoint, **names) for name in ("s3", "logs")}
        clients["s3"].create_bucket(Bucket="scripts")
        yield SimpleNamespace(endpoint=endpoint, **clients)
    finally:
        server.stop()


@pytest.fixture(scope="session")
def runtime(starts_spark: None) -> Iterator[SparkRuntime]:
    runtime = SparkRuntime()
    yield runtime
    runtime.close()
