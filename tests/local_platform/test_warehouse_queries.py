from types import SimpleNamespace

import pytest

from dev.demo import day_run


class DataApi:
    """A Data API whose statement never ends."""

    def __init__(self):
        self.cancelled = []

    def execute_statement(self, **_members):
        return {"Id": "st-1"}

    def describe_statement(self, Id):
        return {"Id": Id, "Status": "STARTED"}

    def cancel_statement(self, Id):
        self.cancelled.append(Id)


def test_a_query_that_does_not_end_is_cancelled_and_told(monkeypatch):
    api = DataApi()
    monkeypatch.setattr(day_run, "local_client", lambda _service, _endpoint: api)
    monkeypatch.setattr(day_run, "QUERY_SECONDS", 0.1)
    names = SimpleNamespace(endpoint="", redshift_workgroup="w", redshift_database="d", redshift_secret_arn="s")
    with pytest.raises(day_run.DemoError, match=r"still STARTED after 0\.1 s.*st-1.*SELECT 1"):
        day_run.Warehouse(names).rows("SELECT\n  1")
    assert api.cancelled == ["st-1"]
