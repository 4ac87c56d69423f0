import threading
from types import SimpleNamespace

import pytest

from local_aws.emulator import LocalAws
from local_platform import warehouse_queries
from local_platform.provision import provision


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
        return {"Status": True}


def test_a_query_that_exceeds_its_time_limit_is_cancelled_and_reported(monkeypatch):
    api = DataApi()
    monkeypatch.setattr(warehouse_queries, "local_client", lambda _service, _endpoint, _session: api)
    names = SimpleNamespace(
        endpoint="", region="us-east-1", redshift_workgroup="w", redshift_database="d", redshift_secret_arn="s"
    )
    with pytest.raises(
        warehouse_queries.WarehouseQueryError,
        match=r"st-1 .*SELECT 1",
    ):
        warehouse_queries.WarehouseQueries(names, timeout_seconds=0.1).rows("SELECT\n  1")
    assert api.cancelled == ["st-1"]


def test_a_change_waits_for_the_load_that_holds_the_lock(starts_local_aws, tmp_path):
    changes = []

    def interrupt(records, number, moment):
        # This load has taken its snapshot, but not yet changed the table.
        if moment == "before" and "batch_id = 'load'" in records[number].query:
            changes.append(
                threading.Thread(target=queries.change, args=("UPDATE crypto.etl_metadata SET status = 'x'",))
            )
            changes[0].start()
            changes[0].join(2)

    with LocalAws(tmp_path, port=0, statement_interceptor=interrupt) as running:
        names = provision(running.endpoint, symbols={"binance": ("BTCUSDT",)})
        queries = warehouse_queries.WarehouseQueries(names)
        queries.rows("CREATE SCHEMA crypto")
        for table in ("load_lock", "etl_metadata", "candle_gaps"):
            queries.rows(f"CREATE TABLE crypto.{table} (batch_id VARCHAR(64), status VARCHAR(16))")
        queries.rows("INSERT INTO crypto.etl_metadata VALUES ('load', 'loaded'), ('other', 'loaded')")
        queries.change(
            "DELETE FROM crypto.candle_gaps WHERE status = 'none'",
            "DELETE FROM crypto.etl_metadata WHERE batch_id = 'load'",
        )
        changes[0].join(30)
        assert queries.rows("SELECT batch_id, status FROM crypto.etl_metadata") == [
            {"batch_id": "other", "status": "x"}
        ]
