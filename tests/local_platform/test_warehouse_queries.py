from types import SimpleNamespace

import pytest

from local_platform import warehouse_queries


class DataApi:
    """A Data API whose statements never finish."""

    def __init__(self):
        self.cancelled = []

    def execute_statement(self, **_members):
        return {"Id": "st-1"}

    def describe_statement(self, Id):
        return {"Id": Id, "Status": "STARTED"}

    def cancel_statement(self, Id):
        self.cancelled.append(Id)


def test_a_query_that_exceeds_its_time_limit_is_cancelled_and_reported(monkeypatch):
    api = DataApi()
    monkeypatch.setattr(warehouse_queries, "local_client", lambda _service, _endpoint: api)
    monkeypatch.setattr(warehouse_queries, "QUERY_SECONDS", 0.1)
    names = SimpleNamespace(endpoint="", redshift_workgroup="w", redshift_database="d", redshift_secret_arn="s")
    with pytest.raises(
        warehouse_queries.WarehouseQueryError,
        match=r"st-1 .*SELECT 1",
    ):
        warehouse_queries.WarehouseQueries(names).rows("SELECT\n  1")
    assert api.cancelled == ["st-1"]
