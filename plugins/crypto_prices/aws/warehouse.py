"""Questions to Redshift through the Data API, for the operators that need an answer and not only an effect.

The load itself is done by the Amazon provider's RedshiftDataOperator. This class is for the small statements whose
result decides something: which migrations are applied, what is loaded already, whether the counts agree.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowException
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from airflow.providers.amazon.aws.hooks.redshift_data import RedshiftDataHook
    from mypy_boto3_redshift_data.type_defs import DescribeStatementResponseTypeDef

    from crypto_prices.settings import Settings

Value = str | int | float | bool | None

_ENDED = ("FINISHED", "FAILED", "ABORTED")


class WarehouseError(AirflowException):
    """A statement failed or took too long; the message holds Redshift's own and the statement's id."""


class Warehouse:
    """Runs statements in the warehouse and waits for them, within a bound.

    Args:
        hook: The Amazon provider's Data API hook.
        settings: Workgroup, database and secret are taken from here.
        timeout_seconds: Longest wait for one statement or batch; it is cancelled after that.
        poll_seconds: Longest pause between two looks at a statement.
        sleep: Replaced in tests.
        clock: Monotonic seconds; replaced in tests.
    """

    def __init__(
        self,
        hook: RedshiftDataHook,
        settings: Settings,
        *,
        timeout_seconds: float = 300,
        poll_seconds: float = 2,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hook = hook
        self._target: dict[str, Any] = {
            "workgroup_name": settings.redshift_workgroup,
            "database": settings.redshift_database,
            "secret_arn": settings.redshift_secret_arn,
        }
        self._timeout_seconds = timeout_seconds
        self._poll_seconds = poll_seconds
        self._sleep = sleep
        self._clock = clock
        self._running: str | None = None

    def query(self, sql: str) -> list[dict[str, Value]]:
        """Run one statement and return its rows, one dict each. DECIMAL and times come as text.

        Raises:
            WarehouseError: It failed or took too long.
        """
        statement_id = self._run(sql)
        rows: list[dict[str, Value]] = []
        for page in self._hook.conn.get_paginator("get_statement_result").paginate(Id=statement_id):
            names = [column["name"] for column in page["ColumnMetadata"]]
            rows += [dict(zip(names, map(_value, record), strict=True)) for record in page["Records"]]
        return rows

    def execute_batch(self, statements: Sequence[str]) -> None:
        """Run statements in one transaction.

        Raises:
            WarehouseError: One of them failed (none has an effect then), or they took too long.
        """
        self._run(list(statements))

    def cancel(self) -> bool:
        """Cancel the statement that is being waited for, if any; for an operator's ``on_kill``.

        Returns:
            Whether Redshift took the cancel. It does not when the statement has ended since it was last looked at.
        """
        if self._running is None:
            return False
        try:
            self._hook.conn.cancel_statement(Id=self._running)
        except ClientError as error:
            # CancelStatement has no code of its own for a statement that has ended.
            if error.response["Error"]["Code"] != "ValidationException":
                raise
            return False
        return True

    def _run(self, sql: str | list[str]) -> str:
        statement_id = self._hook.execute_query(sql=sql, wait_for_completion=False, **self._target).statement_id
        self._running = statement_id
        deadline = self._clock() + self._timeout_seconds
        pause = 0.05
        while (statement := self._describe(statement_id))["Status"] not in _ENDED and self._clock() < deadline:
            self._sleep(pause)
            pause = min(pause * 2, self._poll_seconds)
        if statement["Status"] not in _ENDED and not self.cancel():
            # It ended between the look and the cancel, so it is asked once more how.
            statement = self._describe(statement_id)
        self._running = None
        if statement["Status"] == "FINISHED":
            return statement_id
        if statement["Status"] in _ENDED:
            raise WarehouseError(
                f"Redshift statement {statement_id} {statement['Status'].lower()}: "
                f"{statement.get('Error', 'no reason given')}"
            )
        raise WarehouseError(
            f"Redshift statement {statement_id} was {statement['Status']} for more than "
            f"{self._timeout_seconds:.0f} s and was cancelled: is another transaction holding its tables?"
        )

    def _describe(self, statement_id: str) -> DescribeStatementResponseTypeDef:
        return self._hook.conn.describe_statement(Id=statement_id)


def _value(field: Mapping[str, Any]) -> Value:
    """Return the value of one Data API field, a union of which exactly one member is set."""
    if field.get("isNull"):
        return None
    ((_, value),) = field.items()
    if not isinstance(value, str | int | float | bool):
        raise WarehouseError(f"a Data API field of an unknown kind: {field}")
    return value
