"""A client that calls the emulator's Data API in this process and waits for its statements."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local_aws.protocol.signature import RequestContext
from local_aws.redshift.data_api import RedshiftDataApi
from local_aws.redshift.load import DatabaseUser
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
        """Return the outcome of a statement that has ended. One that hangs is left to pytest's time limit."""
        described: dict[str, Any] = {"Status": "SUBMITTED"}
        while described["Status"] not in ("FINISHED", "FAILED", "ABORTED"):
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


@contextlib.contextmanager
def statements_client(warehouse: Warehouse) -> Iterator[Client]:
    """Give a client of a warehouse for statements that load nothing from S3."""

    def no_s3(_user: DatabaseUser, role: str) -> Any:
        raise AssertionError(f"these tests load nothing from S3, but {role} was requested")

    with data_api_client(warehouse, no_s3, lambda _user, arn: f"not authorized to assume IAM Role {arn}") as client:
        yield client


@contextlib.contextmanager
def data_api_client(warehouse: Warehouse, s3_client_factory: Any, role_refusal: Any) -> Iterator[Client]:
    """Give a client of a warehouse.

    Args:
        warehouse: The warehouse.
        s3_client_factory: Gives the S3 client of a user and a role.
        role_refusal: Why a user may not assume a role; None if it may.
    """
    with tempfile.TemporaryDirectory() as folder:
        api = RedshiftDataApi(
            warehouse,
            s3_client_factory=s3_client_factory,
            role_refusal=role_refusal,
            secret_lookup=lambda _context, secret: {SECRET: '{"username": "admin", "password": "right"}'}.get(secret),
            workgroup_status={TARGET["WorkgroupName"]: "AVAILABLE"}.get,
            store_path=Path(folder) / "statements.sqlite",
        )
        try:
            yield Client(api)
        finally:
            api.close()
