"""A client for the Redshift Data API that waits for its statements. It needs boto3, but not Airflow.

RunStatementsOperator runs the statements of the load itself. This client runs small statements
whose results are needed for decisions: the applied migrations, the existing loads, the counts.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_redshift_data.type_defs import DescribeStatementResponseTypeDef

Value = str | int | float | bool | None

_ENDED = ("FINISHED", "FAILED", "ABORTED")


class StatementResult(NamedTuple):
    """The result of a statement. DECIMAL values and times are strings.

    Attributes:
        columns: The names of the columns; none for a statement that is not a query. Two may have the same name.
        records: The rows.
        row_total: Number of rows that the statement returned or changed; None if Redshift does not count them.
    """

    columns: list[str]
    records: list[list[Value]]
    row_total: int | None


class RedshiftStatementError(RuntimeError):
    """A statement failed or took too long.

    Args:
        statement_id: The Data API's id of the statement or batch.
        status: Its last status, such as ``FAILED``.
        reason: Redshift's message, unchanged, or the reason why the wait ended.
    """

    def __init__(self, statement_id: str, status: str, reason: str) -> None:
        super().__init__(statement_id, status, reason)
        self.statement_id = statement_id
        self.status = status
        self.reason = reason

    def __str__(self) -> str:
        return f"Redshift statement {self.statement_id} {self.status.lower()}: {self.reason}"


class RedshiftDataClient:
    """Runs statements in a Redshift Serverless workgroup and waits for them, up to a timeout.

    Args:
        client: A boto3 ``redshift-data`` client.
        workgroup: Name of the workgroup.
        database: Database in the workgroup.
        secret_arn: Secrets Manager secret of the database user.
        timeout_seconds: Longest wait for one statement or batch. It is cancelled after that.
        poll_seconds: Longest pause between two status checks.
        sleep: Replaced in tests.
        clock: Monotonic seconds; replaced in tests.
    """

    def __init__(
        self,
        client: Any,
        *,
        workgroup: str,
        database: str,
        secret_arn: str,
        timeout_seconds: float = 300,
        poll_seconds: float = 2,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._target = {"WorkgroupName": workgroup, "Database": database, "SecretArn": secret_arn}
        self._timeout_seconds = timeout_seconds
        self._poll_seconds = poll_seconds
        self._sleep = sleep
        self._clock = clock
        self._running: str | None = None

    def query(self, sql: str) -> list[dict[str, Value]]:
        """Run one statement and return its rows as dicts; none for a statement that is not a query.

        DECIMAL values and times are strings.

        Raises:
            RedshiftStatementError: It failed or took too long.
        """
        columns, records, _ = self.result(sql)
        return [dict(zip(columns, record, strict=True)) for record in records]

    def result(self, sql: str) -> StatementResult:
        """Run one statement and return its result.

        Raises:
            RedshiftStatementError: It failed or took too long.
        """
        statement = self._wait_for(self._client.execute_statement(Sql=sql, **self._target)["Id"])
        columns, records = self._records(statement["Id"]) if statement["HasResultSet"] else ([], [])
        # -1 means that there is no count.
        # https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_DescribeStatement.html
        row_total = statement.get("ResultRows", -1)
        return StatementResult(columns, records, row_total if row_total >= 0 else None)

    def execute_batch(self, statements: Sequence[str]) -> None:
        """Run statements in one transaction.

        Raises:
            RedshiftStatementError: One of them failed, so none takes effect, or they took too long.
        """
        self._wait_for(self._client.batch_execute_statement(Sqls=list(statements), **self._target)["Id"])

    def query_batch(self, statements: Sequence[str]) -> list[dict[str, Value]]:
        """Run statements in one transaction and return the rows of the last one, which must be a query.

        Raises:
            RedshiftStatementError: One of them failed, so none takes effect, or they took too long.
        """
        batch = self._wait_for(self._client.batch_execute_statement(Sqls=list(statements), **self._target)["Id"])
        columns, records = self._records(batch["SubStatements"][-1]["Id"])
        return [dict(zip(columns, record, strict=True)) for record in records]

    def cancel(self) -> bool:
        """Cancel the running statement, if any, for an operator's ``on_kill``.

        Returns:
            Whether Redshift accepted the request. It does not if the statement has ended since the last status check.
        """
        return self._running is not None and cancel_statement(self._client, self._running)

    def _records(self, statement_id: str) -> tuple[list[str], list[list[Value]]]:
        columns: list[str] = []
        records: list[list[Value]] = []
        for page in self._client.get_paginator("get_statement_result").paginate(Id=statement_id):
            columns = [column["name"] for column in page["ColumnMetadata"]]
            records += [list(map(_value, record)) for record in page["Records"]]
        return columns, records

    def _wait_for(self, statement_id: str) -> DescribeStatementResponseTypeDef:
        self._running = statement_id
        deadline = self._clock() + self._timeout_seconds
        pause = 0.05
        try:
            while (statement := self._describe(statement_id))["Status"] not in _ENDED and self._clock() < deadline:
                self._sleep(pause)
                pause = min(pause * 2, self._poll_seconds)
        except (BotoCoreError, ClientError):
            # The statement may still run, and the task's retry must not run beside it.
            with contextlib.suppress(BotoCoreError, ClientError):
                self.cancel()
            raise
        if statement["Status"] not in _ENDED and not self.cancel():
            # The statement ended between the status check and the cancel request, so read its status again.
            statement = self._describe(statement_id)
        self._running = None
        if statement["Status"] == "FINISHED":
            return statement
        if statement["Status"] in _ENDED:
            reason = statement.get("Error", "no reason given")
            raise RedshiftStatementError(statement_id, statement["Status"], reason)
        raise RedshiftStatementError(
            statement_id,
            statement["Status"],
            f"it did not end within {self._timeout_seconds:.0f} s and was cancelled. "
            "Check whether another transaction holds a lock on its tables",
        )

    def _describe(self, statement_id: str) -> DescribeStatementResponseTypeDef:
        found: DescribeStatementResponseTypeDef = self._client.describe_statement(Id=statement_id)
        return found


def cancel_statement(client: Any, statement_id: str) -> bool:
    """Cancel a statement or batch.

    Args:
        client: A boto3 ``redshift-data`` client.
        statement_id: The Data API's id.

    Returns:
        Whether Redshift accepted the request. It does not if the statement has ended, or is older than 24 hours.
    """
    try:
        answer = client.cancel_statement(Id=statement_id)
    except ClientError as error:
        # CancelStatement has no error code of its own for a statement that has ended.
        # https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_CancelStatement.html
        if error.response["Error"]["Code"] not in ("ValidationException", "ResourceNotFoundException"):
            raise
        return False
    return bool(answer["Status"])


def _value(field: Mapping[str, Any]) -> Value:
    """Return the value of one Data API field, a union of which exactly one member is set."""
    if field.get("isNull"):
        return None
    ((_, value),) = field.items()
    if not isinstance(value, str | int | float | bool):
        raise TypeError(f"the Data API returned a field of an unknown type: {field}")
    return value
