"""One embedded PostgreSQL per session, an S3 of moto's, and a client of the Data API that waits for its statements."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from local_aws.protocol.wire import RequestContext
from local_aws.redshift.data_api import RedshiftDataApi
from local_aws.redshift.warehouse import Warehouse

ROLE = "arn:aws:iam::123456789012:role/crypto-prices-redshift-copy"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:crypto-prices/redshift-admin-abcdef"
BUCKET = "crypto-prices-lake"
CONTEXT = RequestContext(
    region="us-east-1", account_id="123456789012", access_key_id="AKIAIOSFODNN7EXAMPLE", session_token=None
)
TARGET = {"WorkgroupName": "crypto-prices", "Database": "crypto", "SecretArn": SECRET}


@dataclasses.dataclass
class Outcome:
    id: str
    status: str
    error: str | None
    described: dict[str, Any]
    rows: list[list[Any]]
    columns: list[dict[str, Any]]


class Client:
    """Runs statements and waits for them."""

    def __init__(self, api: RedshiftDataApi) -> None:
        self.api = api

    def start(self, *statements: str, **more: Any) -> str:
        return self.api.ExecuteStatement(CONTEXT, {**TARGET, "Sql": statements[0], **more})["Id"]

    def start_batch(self, *statements: str, **more: Any) -> str:
        return self.api.BatchExecuteStatement(CONTEXT, {**TARGET, "Sqls": list(statements), **more})["Id"]

    def wait(self, statement: str) -> Outcome:
        described = self.api.DescribeStatement(CONTEXT, {"Id": statement, "WaitTimeSeconds": 30})
        rows: list[list[Any]] = []
        columns: list[dict[str, Any]] = []
        if described["HasResultSet"] and "SubStatements" not in described:
            token: dict[str, str] = {}
            while True:
                page = self.api.GetStatementResult(CONTEXT, {"Id": statement, **token})
                columns = page["ColumnMetadata"]
                rows += [
                    [None if "isNull" in cell else next(iter(cell.values())) for cell in row] for row in page["Records"]
                ]
                if "NextToken" not in page:
                    break
                token = {"NextToken": page["NextToken"]}
        return Outcome(statement, described["Status"], described.get("Error"), described, rows, columns)

    def run(self, text: str, **more: Any) -> Outcome:
        return self.wait(self.start(text, **more))

    def batch(self, *statements: str, **more: Any) -> Outcome:
        return self.wait(self.start_batch(*statements, **more))

    def rows(self, text: str, **more: Any) -> list[list[Any]]:
        outcome = self.run(text, **more)
        assert outcome.error is None, outcome.error
        return outcome.rows

    def ok(self, *statements: str) -> None:
        for text in statements:
            outcome = self.run(text)
            assert outcome.status == "FINISHED", f"{text}: {outcome.error}"


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
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
            "s3_client_factory": lambda _role: s3,
            "role_refusal": lambda _workgroup, arn: None if arn == ROLE else f"not authorized to assume IAM Role {arn}",
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
    """A schema of the test's own."""
    name = f"test_{next(_numbers)}"
    client.ok(f"CREATE SCHEMA {name}")
    yield name
    client.ok(f"DROP SCHEMA {name} CASCADE")
