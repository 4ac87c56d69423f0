"""Fixtures of the conformance suite's tests."""

from __future__ import annotations

import pytest

from local_aws.conformance.sql_run import StatementResult
from local_aws.redshift.warehouse import Warehouse
from tests.support.data_api import statements_client


@pytest.fixture
def client(starts_warehouse, tmp_path):
    """Run statements in an empty warehouse, as local_aws.conformance.sql_run.Statements does."""
    with Warehouse(tmp_path / "warehouse") as warehouse:
        warehouse.ensure_database("crypto")
        with statements_client(warehouse) as api:
            yield _Statements(api)


class _Statements:
    def __init__(self, api):
        self._api = api

    def run(self, sql):
        return self._result(self._api.run(sql))

    def batch(self, statements):
        return self._result(self._api.batch(*statements))

    @staticmethod
    def _result(found):
        rows = [[None if value is None else str(value) for value in row] for row in found.rows]
        return StatementResult(error=found.error or "", columns=found.columns, rows=rows)
