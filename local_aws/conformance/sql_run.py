"""Runs the examples of SQL over the Redshift Data API, in a database of the suite's own."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_aws.conformance.example_files import (
    ANY_ERROR,
    DATABASE_ERROR,
    LONGEST_BATCH,
    NOT_SUPPORTED,
    Row,
    SqlExample,
    filled,
)
from local_aws.conformance.outcome import Finding, Outcome, is_internal_error, is_own_refusal
from local_aws.conformance.sql_comparison import differences

_ENDED = {"FINISHED", "FAILED", "ABORTED"}
_LONGEST_SECONDS = 300
_WAIT_SECONDS = 20  # of one call, which must end before boto3's own limit
_EMPTY_SCHEMA = ("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
_BATCHED = re.compile(r"\s*(CREATE\s+TABLE|INSERT|UPDATE|DELETE)\b", re.IGNORECASE)
"""Statements that do the same in a batch, which is one transaction, as alone."""
_SYNTAX_ERROR = re.compile(r"\bsyntax error\b", re.IGNORECASE)
_NOT_ABOUT_THE_STATEMENT = re.compile(
    r"\bpermission denied\b|\bauthentication failed\b|\b(relation|column|schema|database) .*\bdoes not exist\b",
    re.IGNORECASE | re.DOTALL,
)
"""Errors that a mistake in an example causes, or its user's permissions."""
_READS = re.compile(r"\s*(SELECT|WITH|SHOW)\b(?!.*\b(INTO|NEXTVAL)\b)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class StatementResult:
    """The result of a statement.

    Attributes:
        error: Why it failed; empty if it did not.
        of_database: Whether the error is the database's; otherwise the call failed, or the statement did not end.
        columns: The ColumnMetadata.
        rows: The values as text, None for NULL.
    """

    error: str = ""
    of_database: bool = True
    columns: Sequence[dict[str, Any]] = ()
    rows: Sequence[Row] = ()


class Statements:
    """Runs statements and waits for them.

    Args:
        client: A boto3 client of ``redshift-data``.
        target: The workgroup, the database and perhaps the secret, as parameters of the Data API.
    """

    def __init__(self, client: Any, target: dict[str, str]) -> None:
        self._client = client
        self._target = target

    def run(self, sql: str) -> StatementResult:
        """Run a statement alone, as its own transaction."""
        try:
            statement = self._client.execute_statement(**self._target, Sql=sql, WaitTimeSeconds=_WAIT_SECONDS)
            return self._result(statement["Id"])
        except (ClientError, BotoCoreError) as error:
            return StatementResult(error=str(error), of_database=False)

    def batch(self, statements: Sequence[str]) -> StatementResult:
        """Run statements as one transaction."""
        try:
            batch = self._client.batch_execute_statement(
                **self._target, Sqls=list(statements), WaitTimeSeconds=_WAIT_SECONDS
            )
            described = self._await(batch["Id"])
        except (ClientError, BotoCoreError) as error:
            return StatementResult(error=str(error), of_database=False)
        return StatementResult() if described["Status"] == "FINISHED" else _failure(described)

    def _result(self, statement: str) -> StatementResult:
        described = self._await(statement)
        if described["Status"] != "FINISHED":
            return _failure(described)
        if not described.get("HasResultSet"):
            return StatementResult()
        columns: list[dict[str, Any]] = []
        rows: list[Row] = []
        for page in self._client.get_paginator("get_statement_result").paginate(Id=statement):
            columns = page["ColumnMetadata"]
            rows += [[_text(cell) for cell in record] for record in page["Records"]]
        return StatementResult(columns=columns, rows=rows)

    def _await(self, statement: str) -> dict[str, Any]:
        deadline = time.monotonic() + _LONGEST_SECONDS
        while True:
            described: dict[str, Any] = self._client.describe_statement(Id=statement, WaitTimeSeconds=_WAIT_SECONDS)
            if described["Status"] in _ENDED:
                return described
            if time.monotonic() > deadline:
                self._client.cancel_statement(Id=statement)
                return {"Status": "ABORTED", "Error": f"it did not end within {_LONGEST_SECONDS} seconds"}


def run_sql(
    statements: Statements, examples: Sequence[SqlExample], *, values: Mapping[str, str], emulated: bool
) -> Iterator[Finding]:
    """Run examples one after the other.

    Args:
        statements: Runs in a database that holds nothing else.
        examples: The examples.
        values: What replaces names in braces, such as ``{bucket}``, in statements.
        emulated: Whether the examples run against the emulator, which refuses those that are marked.
    """
    kept: Sequence[str] | None = None
    for example in examples:
        error = ""
        if kept is None or list(kept) != list(example.setup):
            error = _set_up(statements, filled(list(example.setup), values))
        result = StatementResult() if error else statements.run(filled(example.sql, values))
        # An example that only reads leaves the tables to the next one with the same setup.
        kept = example.setup if not error and _READS.match(example.sql) else None
        outcome, detail, surprising = judge(example, result, setup_error=error, emulated=emulated)
        yield Finding("Redshift SQL", example.area, example.name, example.source, outcome, detail, surprising)


def _set_up(statements: Statements, setup: Sequence[str]) -> str:
    """Replace the tables of the examples before; return an error, or an empty text."""
    batched = [*_EMPTY_SCHEMA, *setup]
    if len(batched) <= LONGEST_BATCH and all(map(_BATCHED.match, setup)):
        return statements.batch(batched).error
    error = statements.batch(_EMPTY_SCHEMA).error
    return error or next((found for found in (statements.run(text).error for text in setup) if found), "")


def judge(
    example: SqlExample, result: StatementResult, *, setup_error: str = "", emulated: bool
) -> tuple[Outcome, str, bool]:
    """Return an example's outcome, its detail, and whether its mark ``refused`` expects another outcome."""
    expects_refusal = bool(example.refused) and emulated
    error = setup_error or result.error
    where = "the setup failed: " if setup_error else ""
    if is_internal_error(error):
        return Outcome.WRONG, f"{where}{error}", False
    if error and emulated and is_own_refusal(error) and example.error != NOT_SUPPORTED:
        return Outcome.REFUSED, f"{where}{error}", not expects_refusal
    if setup_error or not result.of_database:
        return Outcome.WRONG, f"{where}{error}", False
    unmarked = f"; it is marked as refused ({example.refused}), but is not" if expects_refusal else ""
    if example.unknown and not (error and emulated):
        found = error or f"{[list(row) for row in result.rows]}"
        return Outcome.UNKNOWN, f"{example.unknown}; found {found}{unmarked}", expects_refusal
    different = _error_difference(example.error, error) or (
        "" if error else differences(example, result.columns, result.rows)
    )
    if different:
        return Outcome.WRONG, different, False
    return Outcome.RIGHT, unmarked.removeprefix("; "), expects_refusal


def _error_difference(expected: str, found: str) -> str:
    """Return how an error differs from the documented one, or an empty text. Both are empty if there is no error."""
    if not expected:
        return f"expected no error, found {found}" if found else ""
    if not found:
        return "expected an error, found none"
    if expected in (ANY_ERROR, NOT_SUPPORTED):
        same = not _NOT_ABOUT_THE_STATEMENT.search(found)
    elif expected == DATABASE_ERROR:
        same = not (_SYNTAX_ERROR.search(found) or _NOT_ABOUT_THE_STATEMENT.search(found))
    else:
        return "" if expected.lower() in found.lower() else f"expected an error with {expected!r}, found {found}"
    return "" if same else f"expected an error about what the statement does, found {found}"


def _failure(described: dict[str, Any]) -> StatementResult:
    status = described["Status"]
    return StatementResult(error=described.get("Error") or f"the statement is {status}", of_database=status == "FAILED")


def _text(cell: dict[str, Any]) -> str | None:
    """Return a Field of the Data API as psql prints it."""
    if cell.get("isNull"):
        return None
    value = next(iter(cell.values()))
    return ("t" if value else "f") if isinstance(value, bool) else str(value)
