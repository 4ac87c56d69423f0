"""One embedded PostgreSQL per session, moto's S3, and a client of the Data API."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local_aws.redshift.data_api import RedshiftDataApi
from local_aws.redshift.warehouse import Warehouse
from tests.support.data_api import BUCKET, ROLE, SECRET, Client


@pytest.fixture(scope="session")
def warehouse(starts_warehouse: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    with Warehouse(tmp_path_factory.mktemp("state") / "warehouse") as started:
        started.ensure_database("crypto")
        yield started


@pytest.fixture(scope="session")
def s3() -> Iterator[Any]:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_DEFAULT_REGION="us-east-1")
    with mock_aws(
        config={"core": {"passthrough": {"urls": [r"http://127\.0\.0\.1:\d+/"]}}}
    ):  # our own servers in tests
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture(scope="session")
def make_api(warehouse: Warehouse, s3: Any) -> Callable[..., RedshiftDataApi]:
    def make(store: Path, **changes: Any) -> RedshiftDataApi:
        given: dict[str, Any] = {
            "s3_client_factory": lambda _user, _role: s3,
            "role_refusal": lambda _user, arn: None if arn == ROLE else f"not authorized to assume IAM Role {arn}",
            "secret_lookup": lambda _context, secret: {SECRET: '{"username": "admin", "password": "right"}'}.get(
                secret
            ),
            "workgroup_status": {"crypto-prices": "AVAILABLE", "slow": "CREATING"}.get,
            "store_path": store,
        }
        return RedshiftDataApi(changes.pop("warehouse", warehouse), **{**given, **changes})

    return make


@pytest.fixture(scope="session")
def api(
    make_api: Callable[..., RedshiftDataApi], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RedshiftDataApi]:
    made = make_api(tmp_path_factory.mktemp("store") / "statements.sqlite")
    yield made
    made.close()


@pytest.fixture(scope="session")
def client(api: RedshiftDataApi) -> Client:
    return Client(api)


_numbers = itertools.count(1)


@pytest.fixture
def schema(client: Client) -> Iterator[str]:
    """A schema for one test."""
    name = f"test_{next(_numbers)}"
    client.ok(f"CREATE SCHEMA {name}")
    yield name
    client.ok(f"DROP SCHEMA {name} CASCADE")
