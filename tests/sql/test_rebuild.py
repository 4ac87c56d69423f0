"""A rebuild at the warehouse: loads and removals that are replayed from their records end in the same tables."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jinja2
import pytest
from crypto_prices import task_statements
from crypto_prices.backfill.rebuild import difference_from_record
from crypto_prices.records.build_record import Log, ReadManifest, build_record
from crypto_prices.templates import FILTERS
from crypto_prices.xcom.replay import Replay
from crypto_prices_contract.load_record import LoadRecord
from crypto_prices_contract.stored_objects import StoredDocument

from tests.support.data_api import Client
from tests.support.long_tests import seeds
from tests.support.rendered_sql import SQL
from tests.support.window_loads import BTC, ETH, Load, candles, nothing_changes, remove

DAYS = {"window_start": "2023-12-18", "window_end": "2023-12-21"}
LOG = (
    "load_number, source, batch_id, window_start, window_end, market_set, candle_interval, fetched_at, merged_at, "
    "visible_at, forced, raw_manifest, content_hash, dag_id, run_id, dags_digest, plugins_digest, glue_digest, rules, "
    "accepted_by, accepted_because, removed_by, removed_because"
)
# A rebuild has Glue runs of its own. Times of today are not restored: recorded_at, noted_at, assessed_at.
TABLES = {
    "fact_crypto_prices": "*",
    "price_versions": "*",
    "load_log": LOG,
    "load_counter": "*",
    "etl_metadata": "batch_id, source, candle_interval, window_start, window_end, market_set, market_total, "
    "content_hash, raw_manifest, dag_id, run_id, status, rows_fetched, rows_quarantined, rows_duplicate, rows_curated, "
    "rows_staged, rows_merged, rows_in_window, rows_removed, rows_owned, load_number, loaded_at, fetched_at, "
    "accepted_by, accepted_because",
    "candle_gaps": "source, symbol, quote_currency, candle_interval, starts_at, ends_at, candles, reason",
    "data_quality_results": "batch_id, source, market, rule_name, rule_action, threshold, checked, broken, status",
    "price_history": "*",
    "restatements": "*",
}


def tables(client: Client) -> dict[str, list[list[Any]]]:
    """Return the rows of all tables that a rebuild restores."""
    return {
        name: sorted(client.rows(f"SELECT {columns} FROM crypto.{name}"), key=repr) for name, columns in TABLES.items()
    }


def rendered(name: str, **values: Any) -> str:
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(SQL), undefined=jinja2.StrictUndefined)
    environment.filters |= FILTERS
    return environment.get_template(name).render(**values)


def dicts(client: Client, statement: str) -> list[dict[str, Any]]:
    outcome = client.run(statement)
    assert outcome.error is None, outcome.error
    names = [column["name"] for column in outcome.columns]
    return [dict(zip(names, row, strict=True)) for row in outcome.rows]


def records_of(client: Client) -> list[LoadRecord]:
    """Return the records of all loads, as write_load_records does, without the lake."""
    (newest,) = dicts(client, rendered("records/find_newest_load.sql", **DAYS))
    found = dicts(client, rendered("records/find_loads.sql", after_load=0, through_load=newest["newest_load"], **DAYS))
    records: list[LoadRecord] = []
    previous: tuple[int, bytes | None] = (0, None)
    for number in range(1, newest["newest_load"] + 1):
        rows = [row for row in found if row["load_number"] == number]
        sets = sorted({row["market_set"] for row in rows})
        markets: dict[str, list[str]] = {}
        for row in dicts(client, rendered("records/find_markets.sql", market_sets=sets, **DAYS)):
            markets.setdefault(row["market_set"], []).append(row["market"])
        removed = None
        if rows[0]["removed_because"] is not None:
            window = {name: rows[0][name] for name in DAYS}
            (removed,) = dicts(client, rendered("records/find_removed_candles.sql", load_number=number, **window))
        manifests = {
            row["raw_manifest"]: ReadManifest(StoredDocument(row["raw_manifest"], None, "e" * 32, "a" * 64), None)
            for row in rows
            if row["raw_manifest"]
        }
        record = build_record(Log(rows, markets, removed, timedelta(hours=1)), manifests, None, previous)
        # It goes through the lake.
        records.append(LoadRecord.from_bytes("s3://lake/loads/x.json", record.to_bytes()))
        previous = number, record.to_bytes()
    return records


def replay(client: Client, record: LoadRecord, load: Load | None) -> str | None:
    """Replay a load or a removal, and return the warehouse's error."""
    if load is None:
        error: str | None = client.batch(*(rendered(f, record=record) for f in task_statements.REPLAY_REMOVAL)).error
        return error
    # Under today's rules, no load would pass.
    today = {"price_jump": {"action": "fail", "threshold": 0.0}, "completeness": {"action": "fail"}}
    again = replace(load, rules=today, accepted={}, run_id=f"rebuild_{record.load_number}", params={})
    again.replaying(Replay.of_record(record))
    outcome = again.stage().merge()
    if outcome.error is None:
        again.record()
    client.ok(again.sql("drop_staging")[0])
    merged: str | None = outcome.error
    return merged


def empty(client: Client) -> None:
    """Empty all tables of the warehouse."""
    names = ("fact_crypto_prices", "etl_metadata", "candle_gaps", "data_quality_results", "load_log", "price_versions")
    reset = "UPDATE crypto.load_counter SET last_load_number = 0"
    outcome = client.batch(*(f"DELETE FROM crypto.{name}" for name in (*names, "market_sets")), reset)
    assert outcome.error is None, outcome.error


def spread_times(client: Client) -> None:
    """Give each load other times, because a test's loads all run in the same seconds."""
    merged, day = "TIMESTAMP '2024-01-01 00:00:03'", "DATEADD(DAY, CAST(load_number AS INTEGER), {})"
    client.ok(
        f"UPDATE crypto.load_log SET merged_at = {day.format(merged)}, "
        f"visible_at = {day.format(merged.replace(':03', ':05.5'))}",
        f"UPDATE crypto.etl_metadata SET loaded_at = {day.format(merged)}",
    )


class History:
    """A random sequence of loads, corrections, removals, and forced, cleared and refused loads."""

    def __init__(self, client: Client, make_load: Any, seed: int) -> None:
        self.client = client
        self.make_load = make_load
        self.random = random.Random(seed)
        self.loads: dict[int, Load | None] = {}
        self.refused = 0

    def steps(self, number: int) -> None:
        for _ in range(number):
            self.random.choice([self.load, self.load, self.load, self.load_again, self.remove])()

    def load(self) -> None:
        day, markets = self.random.choice(["2023-12-18", "2023-12-19"]), self.random.choice([[BTC], [ETH], [BTC, ETH]])
        found = candles(*markets, day=day, price=self.random.choice(["1.5", "1.5", "1.75"]))
        found = [candle for candle in found if self.random.random() < 0.9] or found
        if self.random.random() < 0.3:
            found += candles("BTC/USD", day=day, source="coinbase")
        options: dict[str, Any] = {"accepted": {"binance": "known outage"}} if self.random.random() < 0.3 else {}
        requested = {"binance": markets} | ({"coinbase": ["BTC/USD"]} if len({c.source for c in found}) > 1 else {})
        start, end = self.random.choice([(day, f"2023-12-{int(day[-2:]) + 1}"), ("2023-12-18", "2023-12-20")])
        self._commit(
            self.make_load(
                found,
                start=start,
                end=end,
                markets=requested,
                fetched_at=f"{self.random.choice([2022, 2023, 2099])}-12-20 00:00:00.125",
                **options,
            )
        )

    def load_again(self) -> None:
        """Merge a load again, as clearing its merge does: the same batch under a new number."""
        if earlier := [load for load in self.loads.values() if load is not None]:
            self._commit(self.random.choice(earlier))

    def remove(self) -> None:
        hours = sorted(self.random.sample(range(4), 2))
        times = [f"2023-12-18 {hour:02d}:00:00" for hour in hours]
        outcome = self.client.batch(
            "LOCK crypto.load_lock",
            f"CALL crypto.remove_candles('binance', 'BTC', 'USDT', '1h', '{times[0]}', '{times[1]}', 'it''s wrong')",
        )
        if outcome.error is None:
            self._note(None)

    def _commit(self, load: Load) -> None:
        if load.stage().merge(force=self.random.random() < 0.4).error is None:
            self._note(load)
        else:
            self.refused += 1

    def _note(self, load: Load | None) -> None:
        ((number,),) = self.client.rows("SELECT last_load_number FROM crypto.load_counter")
        self.loads[number] = load
        # The next load or record_load.
        mark = (*task_statements.LOCK, "load/history/mark_visible.sql")
        assert self.client.batch(*(rendered(name) for name in mark)).error is None


def test_a_replay_of_the_records_restores_every_table(client: Client, make_load: Any) -> None:
    kinds: set[str] = set()
    refused = 0
    for seed in seeds(3, 20):
        empty(client)
        history = History(client, make_load, seed)
        history.steps(12)
        spread_times(client)
        records, before = records_of(client), tables(client)
        assert [record.load_number for record in records] == sorted(history.loads)
        closed = client.rows("SELECT DISTINCT closed_as FROM crypto.price_versions")
        empty(client)
        for record in records:
            assert replay(client, record, history.loads[record.load_number]) is None
        assert tables(client) == before, f"seed {seed}"
        loads = "SELECT DISTINCT rebuilt_from FROM crypto_views.loads WHERE removed_because IS NULL"
        assert client.rows(loads) == [["record"]]
        refused += history.refused
        for record in records:
            kinds |= {record.kind, f"forced {record.forced}", f"{len(record.sources)} sources"}
            kinds |= {"accepted"} if any(source.accepted for source in record.sources) else set()
        kinds |= {row[0] for row in closed}
    # The sequences have everything that a replay must restore.
    assert refused
    assert kinds == {
        *("load", "removal", "forced True", "forced False", "1 sources", "2 sources"),
        *("accepted", "changed", "removed"),
    }


@pytest.fixture
def recorded(client: Client, make_load: Any) -> tuple[list[LoadRecord], list[Load]]:
    """Return two loads and a removal, and their records, after the tables were emptied."""
    loads = [
        make_load(candles(BTC, day=f"2023-12-{day}"), start=f"2023-12-{day}", end=f"2023-12-{day + 1}")
        for day in (18, 19)
    ]
    for load in loads:
        load.complete()
    call = "CALL crypto.remove_candles('binance', 'BTC', 'USDT', '1h', '2023-12-18', '2023-12-19', 'a test')"
    assert client.batch("LOCK crypto.load_lock", call).error is None
    loads[0].record()
    spread_times(client)
    records = records_of(client)
    empty(client)
    return records, loads


def test_a_load_is_replayed_only_after_the_one_before(client: Client, recorded: Any) -> None:
    (first, second, removal), loads = recorded
    with nothing_changes(client):
        assert "CP-15 load 2 cannot be replayed after load 0" in (replay(client, second, loads[1]) or "")
        assert "CP-15" in (replay(client, removal, None) or "")
    assert replay(client, first, loads[0]) is None
    with nothing_changes(client):
        assert "CP-15 load 1 cannot be replayed after load 1" in (replay(client, first, loads[0]) or "")
    assert replay(client, second, loads[1]) is None
    assert replay(client, removal, None) is None
    assert client.rows("SELECT COUNT(*) FROM crypto.fact_crypto_prices") == [[3]]


def test_the_newest_load_with_a_record_is_found(client: Client, recorded: Any, make_load: Any) -> None:
    records, loads = recorded
    newest = "rebuild/find_newest_load.sql"
    assert dicts(client, rendered(newest, last_load=3)) == []
    for record, load in zip(records, [*loads, None], strict=True):
        assert replay(client, record, load) is None
        (found,) = dicts(client, rendered(newest, last_load=3))
        assert found["load_number"] == record.load_number
        assert difference_from_record(found, record) == ""
    make_load(candles(ETH)).complete()
    assert dicts(client, rendered(newest, last_load=3)) == [found]


@pytest.mark.parametrize("statement", ["rebuild/find_newest_load.sql", "rebuild/find_logged_loads.sql"])
def test_a_removal_by_a_user_is_not_taken_for_the_recorded_one(client: Client, recorded: Any, statement: str) -> None:
    (first, second, removal), loads = recorded
    for record, load in ((first, loads[0]), (second, loads[1])):
        assert replay(client, record, load) is None
    assert remove(client, BTC, "2023-12-19", "2023-12-20").error is None
    found = max(dicts(client, rendered(statement, last_load=3)), key=lambda row: row["load_number"])
    assert (found["load_number"], found["batch_id"]) == (removal.load_number, removal.batch_id)
    assert difference_from_record(found, removal)


def test_a_load_after_a_rebuild_continues_the_numbers(client: Client, recorded: Any, make_load: Any) -> None:
    records, loads = recorded
    for record, load in zip(records, [*loads, None], strict=True):
        assert replay(client, record, load) is None
    make_load(candles(ETH)).complete()
    assert client.rows("SELECT MAX(load_number) FROM crypto.load_log") == [[4]]


def test_a_consumer_notices_that_a_rebuild_lost_its_load(client: Client, recorded: Any, make_load: Any) -> None:
    """With the statement of docs/reference/consumer-contract.md."""
    page = (SQL.parent / "docs/reference/consumer-contract.md").read_text()
    (statement,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    assert "= 103" in statement
    (first, second, removal), loads = recorded

    def finds(record: LoadRecord) -> bool:
        merged_at = record.merged_at.replace("T", " ").rstrip("Z")
        known = statement.replace("103", str(record.load_number)).replace("2024-01-06 00:03:09", merged_at)
        return client.rows(known) != [[0]]

    for record, load in ((first, loads[0]), (second, loads[1])):
        assert replay(client, record, load) is None
    assert [finds(record) for record in (first, second, removal)] == [True, True, False]
    make_load(candles(ETH)).complete()
    # The test's loads run within a second. The tests of a replay hold the times.
    client.ok("UPDATE crypto.load_log SET merged_at = DATEADD(DAY, 1, merged_at) WHERE load_number = 3")
    assert client.rows("SELECT MAX(load_number) FROM crypto_views.loads") == [[3]]
    assert [finds(record) for record in (first, second, removal)] == [True, True, False]
