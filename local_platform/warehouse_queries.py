"""Queries of the warehouse through the Redshift Data API, for programs that show what was loaded."""

from __future__ import annotations

from typing import Any

import jinja2
from crypto_prices.aws.redshift_data import RedshiftDataClient, RedshiftStatementError
from crypto_prices.templates import FILTERS
from crypto_prices_contract.window import Window

from local_aws.clients import local_client
from local_platform.checkout import REPOSITORY
from local_platform.names import Provisioned

QUERY_SECONDS = 60


class WarehouseQueryError(Exception):
    """A query failed or took too long."""


class WarehouseQueries:
    """Asks the warehouse the bundle's own queries through the Redshift Data API.

    Args:
        names: What the workgroup, database and secret are called.
    """

    def __init__(self, names: Provisioned) -> None:
        self._client = RedshiftDataClient(
            local_client("redshift-data", names.endpoint),
            workgroup=names.redshift_workgroup,
            database=names.redshift_database,
            secret_arn=names.redshift_secret_arn,
            timeout_seconds=QUERY_SECONDS,
            poll_seconds=0.05,
        )
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(REPOSITORY / "sql"),
            undefined=jinja2.StrictUndefined,
            autoescape=False,  # noqa: S701 - SQL, not HTML; values go through the literal filter
        )
        self._templates.filters |= FILTERS

    def ask(self, name: str, window: Window) -> list[dict[str, Any]]:
        """Return the rows of one file of sql/queries/ for a window.

        Raises:
            WarehouseQueryError: The statement failed, or did not end in time.
        """
        return self.rows(self._templates.get_template(name).render(window=lambda ti: window, ti=None))

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a statement; none when it is not a query.

        Raises:
            WarehouseQueryError: It failed, or did not end in time.
        """
        try:
            return self._client.query(sql)
        except RedshiftStatementError as error:
            raise WarehouseQueryError(f"{error} ({' '.join(sql.split())[:80]} …)") from error
