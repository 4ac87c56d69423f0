"""Queries of the warehouse through the Redshift Data API, for programs that show what was loaded."""

from __future__ import annotations

import time
from typing import Any

import jinja2
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
        self._client = local_client("redshift-data", names.endpoint)
        self._target = {
            "WorkgroupName": names.redshift_workgroup,
            "Database": names.redshift_database,
            "SecretArn": names.redshift_secret_arn,
        }
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
        statement_id = self._client.execute_statement(Sql=sql, **self._target)["Id"]
        deadline = time.monotonic() + QUERY_SECONDS
        while True:
            statement = self._client.describe_statement(Id=statement_id)
            if statement["Status"] == "FINISHED":
                break
            if statement["Status"] in ("FAILED", "ABORTED"):
                raise WarehouseQueryError(f"the warehouse refused a query: {statement.get('Error')}")
            if time.monotonic() > deadline:
                self._client.cancel_statement(Id=statement_id)
                raise WarehouseQueryError(
                    f"a query of the warehouse was still {statement['Status']} after {QUERY_SECONDS} s, so it was "
                    f"cancelled (statement {statement_id}): {' '.join(sql.split())[:80]} …"
                )
            time.sleep(0.05)
        rows: list[dict[str, Any]] = []
        if not statement["HasResultSet"]:
            return rows
        for page in self._client.get_paginator("get_statement_result").paginate(Id=statement_id):
            columns = [column["name"] for column in page["ColumnMetadata"]]
            for record in page["Records"]:
                values = [None if field.get("isNull") else next(iter(field.values())) for field in record]
                rows.append(dict(zip(columns, values, strict=True)))
        return rows
