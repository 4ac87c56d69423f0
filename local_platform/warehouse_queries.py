"""Queries the warehouse through the Redshift Data API, for programs that show loaded data."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import jinja2
from botocore.exceptions import ClientError
from crypto_prices.aws.redshift_data import RedshiftDataClient, RedshiftStatementError, StatementResult
from crypto_prices.task_statements import LOCK
from crypto_prices.templates import FILTERS, MACROS
from crypto_prices_contract.window import Window

from local_aws.clients import local_client, local_session
from local_platform.checkout import REPOSITORY
from local_platform.names import Provisioned
from local_platform.warehouse_address import WarehouseAddress

QUERY_SECONDS = 60


class WarehouseQueryError(Exception):
    """A query failed or timed out."""


class WarehouseQueries:
    """Runs SQL in the warehouse through the Redshift Data API, for example the queries in sql/queries/.

    Args:
        names: The names of workgroup, database and secret.
        timeout_seconds: Longest wait for one statement.
    """

    def __init__(self, names: Provisioned | WarehouseAddress, *, timeout_seconds: float = QUERY_SECONDS) -> None:
        self._client = RedshiftDataClient(
            local_client("redshift-data", names.endpoint, local_session(region=names.region)),
            workgroup=names.redshift_workgroup,
            database=names.redshift_database,
            secret_arn=names.redshift_secret_arn,
            timeout_seconds=timeout_seconds,
            poll_seconds=0.05,
        )
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(REPOSITORY / "sql"),
            undefined=jinja2.StrictUndefined,
            autoescape=False,  # noqa: S701 - SQL, not HTML; values go through the literal filter
        )
        self._templates.filters |= FILTERS
        self._templates.globals.update(MACROS)

    def ask(self, name: str, window: Window) -> list[dict[str, Any]]:
        """Return the rows of a query file for a window, such as ``queries/fact_checksum.sql``.

        Raises:
            WarehouseQueryError: The statement failed or timed out.
        """
        return self.answer(name, window=lambda ti: window, ti=None)

    def answer(self, name: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a query file, given the values of its template.

        Raises:
            WarehouseQueryError: The statement failed or timed out.
        """
        return self.rows(self._templates.get_template(name).render(**values))

    def answer_batch(self, files: Sequence[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
        """Run query files in one transaction, and return the rows of the last one.

        Args:
            files: Each file with the values of its template.

        Raises:
            WarehouseQueryError: A statement failed, so none takes effect, or they took too long.
        """
        statements = [self._templates.get_template(name).render(**values) for name, values in files]
        with _named_error(statements[0]):
            return self._client.query_batch(statements)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a statement; none if it is not a query.

        Raises:
            WarehouseQueryError: The statement failed or timed out.
        """
        with _named_error(sql):
            return self._client.query(sql)

    def result(self, sql: str) -> StatementResult:
        """Return the columns, the records and the number of rows of a statement; no columns if it is not a query.

        Raises:
            WarehouseQueryError: The statement failed or timed out.
        """
        with _named_error(sql):
            return self._client.result(sql)

    def change(self, *statements: str) -> None:
        """Run statements that change tables of loads, in one transaction that holds the load lock.

        Without the lock, the transaction of a load that changes the same table fails with error 1023.

        Raises:
            WarehouseQueryError: A statement failed, so none takes effect, or they took too long.
        """
        with _named_error(statements[0]):
            self._client.execute_batch([self._templates.get_template(LOCK[0]).render(), *statements])


@contextlib.contextmanager
def _named_error(sql: str) -> Iterator[None]:
    try:
        yield
    except (ClientError, RedshiftStatementError) as error:
        raise WarehouseQueryError(f"{error} ({' '.join(sql.split())[:80]} …)") from error
