"""Checks the warehouse, the catalog and the lake after every case. Airflow's view does not count."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
from crypto_prices.market_sets import market_set_name
from crypto_prices_contract.load_record import record_digest
from crypto_prices_contract.s3_keys import load_record_key

from dev.chaos.bench import REJECTED_RECORDS, SYMBOLS, Bench, logical_date
from local_exchange.candles import GeneratedCandles

SEED_BATCH = "seed"
"""The load that a day has before the case starts: other prices, and one candle that the exchange does not return."""
SEEDED_ROWS = 49
NEIGHBOUR = "SOLUSDT"
"""A market that the earlier load has and no case loads. It must stay unchanged."""
_SEEDED_MARKETS = [f"{symbol.removesuffix('USDT')}/USDT" for symbol in (*SYMBOLS, NEIGHBOUR)]

Row = tuple[str, str, tuple[Decimal | None, ...]]


@dataclass
class DayState:
    """The state of one day in the warehouse.

    Attributes:
        rows: The rows: market, opening time and numbers.
        batches: Number of rows of each batch.
        raw_objects: The raw objects of the rows.
        neighbours: The rows of markets that no case loads. The other attributes do not include them.
        loads: The rows of etl_metadata, oldest load first.
        valid_from: The loads that gave the rows their values.
        logged: Number of rows of load_log by load number, batch and source, of all days.
    """

    rows: Counter[Row] = field(default_factory=Counter)
    batches: Counter[str] = field(default_factory=Counter)
    raw_objects: set[str] = field(default_factory=set)
    neighbours: Counter[Row] = field(default_factory=Counter)
    loads: list[dict[str, Any]] = field(default_factory=list)
    valid_from: set[int] = field(default_factory=set)
    logged: Counter[tuple[int, str, str]] = field(default_factory=Counter)


_NUMBERS = ("open_price", "high_price", "low_price", "close_price", "base_volume", "quote_volume", "trade_count")
_LOADED = frozenset(symbol.removesuffix("USDT") for symbol in SYMBOLS)


def expected_rows(day: date, symbols: Iterable[str] = SYMBOLS) -> Counter[Row]:
    """Return the rows after one clean load of a day: exactly the exchange's candles."""
    candles = GeneratedCandles()
    start = int(logical_date(day).timestamp() * 1000)
    rows: Counter[Row] = Counter()
    for symbol in symbols:
        end = start + 24 * 3_600_000 - 1
        for candle in candles.candles(symbol, "1h", start_ms=start, end_ms=end, limit=1000, now_ms=end + 1):
            opened = logical_date(day) + timedelta(milliseconds=int(candle[0] or 0) - start)
            numbers = tuple(Decimal(str(candle[index])) for index in (1, 2, 3, 4, 5, 7, 8))
            rows[symbol.removesuffix("USDT"), f"{opened:%Y-%m-%d %H:%M:%S}", numbers] += 1
    return rows


def old_rows(day: date) -> Counter[Row]:
    """Return the rows of the loaded markets that a seeded day has before its case: the same candles, other prices."""
    return Counter(
        (symbol, opened, tuple(None if number is None else number + 1 for number in numbers))
        for symbol, opened, numbers in expected_rows(day)
    )


def neighbours(day: date) -> Counter[Row]:
    """Return the neighbor's rows that a seeded day has before and after its case."""
    return expected_rows(day, [NEIGHBOUR])


def seed(bench: Bench, days: Iterable[date], *, without_surplus: Collection[date] = ()) -> None:
    """Write an earlier load of each day to the warehouse and the lake, so that a case has rows to replace.

    Args:
        bench: The platform under test.
        days: The days.
        without_surplus: The days without an extra candle, because their load has no ``force`` and would refuse to
            delete it.
    """
    facts, loads, partitions = [], [], []
    market_set = market_set_name(_SEEDED_MARKETS)
    for day in days:
        rows = [*old_rows(day), *neighbours(day)]
        partitions.append(_seeded_partition(bench, day, rows))
        for symbol, opened, numbers in rows:
            values = ", ".join(map(str, numbers))
            facts.append(f"('binance', '{symbol}', 'USDT', '1h', '{opened}', {values}, 's3://seed', GETDATE(), 'seed')")
        if day not in without_surplus:
            extra = ", ".join("1" for _ in _NUMBERS)
            facts.append(f"('binance', 'BTC', 'USDT', '1h', '{day} 05:30:00', {extra}, 's3://seed', GETDATE(), 'seed')")
        count = len(rows) + (day not in without_surplus)
        loads.append(
            f"('seed-{day}', 'binance', '1h', '{day}', '{day + timedelta(days=1)}', 'seed', 's3://seed', "
            f"'{_SEED_RUN}', 's3://seed', 'seed', 'seed', 'loaded', {count}, 0, 0, {count}, {count}, {count}, {count}, "
            f"0, 0, '{market_set}', {len(_SEEDED_MARKETS)}, GETDATE())"
        )
    for chunk in (facts[n : n + 300] for n in range(0, len(facts), 300)):
        bench.warehouse.rows(
            "INSERT INTO crypto.fact_crypto_prices (source, symbol, quote_currency, candle_interval, observed_at, "  # noqa: S608
            f"{', '.join(_NUMBERS)}, raw_object, ingested_at, batch_id) VALUES " + ", ".join(chunk)
        )
    for chunk in (loads[n : n + 150] for n in range(0, len(loads), 150)):
        bench.warehouse.rows(
            "INSERT INTO crypto.etl_metadata (batch_id, source, candle_interval, window_start, window_end, "  # noqa: S608
            "content_hash, raw_manifest, glue_job_run_id, copy_manifest, dag_id, run_id, status, rows_fetched, "
            "rows_quarantined, rows_duplicate, rows_curated, rows_staged, rows_merged, rows_in_window, rows_removed, "
            "load_number, market_set, market_total, loaded_at) VALUES " + ", ".join(chunk)
        )
    if loads:
        markets = ", ".join(
            f"('{market_set}', '{symbol}', '{quote}')"
            for symbol, quote in (market.split("/") for market in _SEEDED_MARKETS)
        )
        bench.warehouse.change(
            f"DELETE FROM crypto.market_sets WHERE market_set = '{market_set}'",  # noqa: S608
            f"INSERT INTO crypto.market_sets (market_set, symbol, quote_currency) VALUES {markets}",  # noqa: S608
        )
        names = bench.names
        answer = bench.client("glue").batch_create_partition(
            DatabaseName=names.catalog_database, TableName=names.catalog_table, PartitionInputList=partitions
        )
        if answer.get("Errors"):
            raise RuntimeError(f"the catalog rejected the seeded partitions: {answer['Errors']}")


_SEED_RUN = "jr_seed"


def _seeded_partition(bench: Bench, day: date, rows: Sequence[Row]) -> dict[str, Any]:
    """Write a version of a day to the lake and return the partition that publishes it."""
    names = bench.names
    table = bench.client("glue").get_table(DatabaseName=names.catalog_database, Name=names.catalog_table)["Table"]
    descriptor = table["StorageDescriptor"]
    schema = pa.schema([(column["Name"], _arrow_type(column["Type"])) for column in descriptor["Columns"]])
    fixed = {
        "source": "binance",
        "quote_currency": "USDT",
        "candle_interval": "1h",
        "market_cap": None,
        "raw_object": "s3://seed",
        "ingested_at": logical_date(day) + timedelta(days=1),
        "batch_id": SEED_BATCH,
    }
    records = [
        fixed
        | {"symbol": symbol, "observed_at": datetime.fromisoformat(f"{opened}+00:00")}
        | dict(zip(_NUMBERS, (*numbers[:-1], int(numbers[-1] or 0)), strict=True))
        for symbol, opened, numbers in rows
    ]
    body = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records, schema=schema), body)
    prefix = f"curated/crypto_prices/version={_SEED_RUN}/year={day:%Y}/month={day:%m}/day={day:%d}/"
    bench.client("s3").put_object(Bucket=names.bucket, Key=f"{prefix}part-0.parquet", Body=body.getvalue())
    markets = sorted(f"binance/1h/{symbol}/USDT" for symbol in {row[0] for row in rows})
    return {
        "Values": [f"{day:%Y}", f"{day:%m}", f"{day:%d}"],
        "StorageDescriptor": {**descriptor, "Location": f"s3://{names.bucket}/{prefix}"},
        "Parameters": {
            "rows": str(len(rows)),
            "batch_id": f"{SEED_BATCH}-{day}",
            "job_run_id": _SEED_RUN,
            "markets": ",".join(f"{market}@{_SEED_RUN}" for market in markets),
        },
    }


def _arrow_type(catalog_type: str) -> Any:
    decimal = re.fullmatch(r"decimal\((\d+),(\d+)\)", catalog_type)
    if decimal:
        return pa.decimal128(int(decimal[1]), int(decimal[2]))
    return {"string": pa.string(), "bigint": pa.int64(), "timestamp": pa.timestamp("us", tz="UTC")}[catalog_type]


def read_days(bench: Bench, days: Sequence[date]) -> dict[date, DayState]:
    """Return the state of each day in the warehouse."""
    states = {day: DayState() for day in days}
    if not days:
        return states
    listed = ", ".join(f"'{day}'" for day in days)
    rows = bench.warehouse.rows(
        "SELECT symbol, observed_at, batch_id, raw_object, valid_from_load, "  # noqa: S608
        f"{', '.join(_NUMBERS)} FROM crypto.fact_crypto_prices "
        f"WHERE TRUNC(observed_at) IN ({listed})"
    )
    for row in rows:
        state = states[date.fromisoformat(row["observed_at"][:10])]
        numbers = tuple(None if row[name] is None else Decimal(str(row[name])) for name in _NUMBERS)
        found = row["symbol"], row["observed_at"][:19], numbers
        if row["symbol"] not in _LOADED:
            state.neighbours[found] += 1
            continue
        state.rows[found] += 1
        state.batches[row["batch_id"]] += 1
        state.raw_objects.add(row["raw_object"])
        state.valid_from.add(row["valid_from_load"])
    loads = bench.warehouse.rows(
        f"SELECT * FROM crypto.etl_metadata WHERE window_start IN ({listed}) ORDER BY load_number"  # noqa: S608
    )
    for load in loads:
        states[date.fromisoformat(load["window_start"])].loads.append(load)
    log = bench.warehouse.rows("SELECT load_number, batch_id, source FROM crypto.load_log")
    logged = Counter((row["load_number"], row["batch_id"], row["source"]) for row in log)
    for state in states.values():
        state.logged = logged
    return states


def warehouse_differences(day: date, state: DayState, *, seeded: bool = False) -> list[str]:
    """Return the differences between a day and one clean load of it; empty if there are none.

    Args:
        day: The day.
        state: Its state in the warehouse.
        seeded: Whether the day had an earlier load, see ``seed``.
    """
    expected = expected_rows(day)
    found = []
    if state.rows != expected:
        missing, surplus = expected - state.rows, state.rows - expected
        found.append(
            f"the fact table has {state.rows.total()} rows instead of {expected.total()}: "
            f"{missing.total()} are missing, {surplus.total()} are wrong or duplicate"
        )
    kept = neighbours(day) if seeded else Counter()
    if state.neighbours != kept:
        found.append(f"the fact table has {state.neighbours.total()} rows of other markets instead of {kept.total()}")
    return found + metadata_differences(state, expected.total()) + history_differences(state)


def metadata_differences(state: DayState, rows: int) -> list[str]:
    """Return the differences between etl_metadata and the rows of a day."""
    if not state.loads:
        return ["etl_metadata has no load of the day"]
    found = []
    newest = state.loads[-1]
    if newest["status"] != "loaded":
        found.append(f"the newest load is {newest['status']}, not loaded")
    counts = dict.fromkeys(("rows_curated", "rows_staged", "rows_merged", "rows_in_window"), rows)
    counts |= {"rows_fetched": rows + REJECTED_RECORDS, "rows_quarantined": REJECTED_RECORDS, "rows_duplicate": 0}
    for name, count in counts.items():
        if newest[name] != count:
            found.append(f"the newest load has {name}={newest[name]} instead of {count}")
    if state.batches != Counter({newest["batch_id"]: rows}):
        found.append(f"the rows have the batches {dict(state.batches)}, but the newest load is {newest['batch_id']}")
    attempt = newest["raw_manifest"].rpartition("/")[0]
    strangers = sorted(raw_object for raw_object in state.raw_objects if not raw_object.startswith(attempt + "/"))
    if strangers:
        found.append(f"the newest load was fetched to {attempt}, but some rows come from {strangers[0]}")
    for (batch_id, source), times in Counter((load["batch_id"], load["source"]) for load in state.loads).items():
        if times > 1:
            found.append(f"etl_metadata has {times} rows of batch {batch_id} and {source}")
    for load in state.loads:
        counted = {load[name] for name in ("rows_curated", "rows_staged", "rows_merged", "rows_in_window")}
        if load["status"] == "loaded" and len(counted) != 1:
            found.append(f"load {load['batch_id']} is loaded, but its counts differ: {sorted(map(str, counted))}")
    return found


def history_differences(state: DayState) -> list[str]:
    """Return the differences between load_log, and the loads and rows of a day."""
    found = []
    for load in state.loads:
        place = load["load_number"], load["batch_id"], load["source"]
        if not load["batch_id"].startswith(SEED_BATCH) and state.logged[place] != 1:
            found.append(f"load_log has {state.logged[place]} rows of load {place}")
    unknown = state.valid_from - {number for number, _, _ in state.logged}
    if unknown:
        found.append(f"rows of the day are valid from loads {sorted(unknown)}, which load_log does not have")
    return found


def record_differences(bench: Bench, state: DayState) -> list[str]:
    """Return the differences between the newest load of a day and its load record.

    A merge that was cleared alone is not recorded yet. The next load writes its record.
    """
    newest = state.loads[-1] if state.loads else None
    if newest is None or newest["batch_id"].startswith(SEED_BATCH) or newest["recorded_at"] is None:
        return []
    number = newest["load_number"]
    content, before = (_load_record(bench, each) for each in (number, number - 1))
    if content is None:
        return [f"load {number} has no record"]
    record, found = json.loads(content), []
    if record["batch_id"] != newest["batch_id"]:
        found.append(f"the record of load {number} is of batch {record['batch_id']}")
    named = record["previous"] and record["previous"]["sha256"]
    if named != (before and record_digest(before)):
        found.append(f"record {number} does not name the hash of the record before")
    return found


def _load_record(bench: Bench, number: int) -> bytes | None:
    s3 = bench.client("s3")
    try:
        body: bytes = s3.get_object(Bucket=bench.names.bucket, Key=load_record_key(number))["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None
    return body


def lake_differences(bench: Bench, day: date, state: DayState, *, seeded: bool = False) -> list[str]:
    """Return the differences between the catalog, the lake and the newest load of a day.

    The arguments are those of ``warehouse_differences``.
    """
    s3, partition = bench.client("s3"), _partition(bench, day)
    if partition is None:
        return ["the catalog has no partition of the day"]
    found = []
    rows = published_rows(bench, day)
    if rows != expected_rows(day) + (neighbours(day) if seeded else Counter()):
        found.append(f"the {rows.total()} rows of the published partition are not the exchange's candles")
    newest = state.loads[-1] if state.loads else None
    if newest is not None and newest["batch_id"] != f"{SEED_BATCH}-{day}":
        found += _accounting_differences(s3, newest)
        shown = partition.get("Parameters", {}).get("job_run_id")
        if shown != newest["glue_job_run_id"]:
            found.append(f"the catalog shows Glue run {shown}, but the newest load is of {newest['glue_job_run_id']}")
    return found


def published_rows(bench: Bench, day: date) -> Counter[Row]:
    """Return the rows of the day's published partition; none if the catalog has no partition of the day."""
    partition, s3 = _partition(bench, day), bench.client("s3")
    rows: Counter[Row] = Counter()
    if partition is None:
        return rows
    for body in _objects(s3, partition["StorageDescriptor"]["Location"], ".parquet"):
        for row in pq.read_table(io.BytesIO(body)).to_pylist():
            numbers = tuple(None if row[name] is None else Decimal(str(row[name])) for name in _NUMBERS)
            rows[row["symbol"], f"{row['observed_at']:%Y-%m-%d %H:%M:%S}", numbers] += 1
    return rows


def _partition(bench: Bench, day: date) -> Any:
    glue, names = bench.client("glue"), bench.names
    try:
        return glue.get_partition(
            DatabaseName=names.catalog_database,
            TableName=names.catalog_table,
            PartitionValues=[f"{day:%Y}", f"{day:%m}", f"{day:%d}"],
        )["Partition"]
    except glue.exceptions.EntityNotFoundException:
        return None


def _objects(s3: Any, uri: str, suffix: str = "") -> Iterator[bytes]:
    """Yield the bodies of the objects below a prefix whose keys end with the suffix."""
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    for item in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", []):
        if item["Key"].endswith(suffix):
            yield s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()


def _accounting_differences(s3: Any, load: Mapping[str, Any]) -> list[str]:
    manifest = _read_json(s3, load["raw_manifest"])
    report_uri = load["copy_manifest"].replace("copy_manifest.json", "curation_report.json")
    report = _read_json(s3, report_uri)
    if manifest is None or report is None:
        return [f"the load refers to {load['raw_manifest']} and {report_uri}, and one of them does not exist"]
    counts = report["sources"]["binance"]
    accounted = counts["curated"] + sum(counts["quarantined"].values()) + counts["duplicates"]
    found = []
    if not manifest["records"] == counts["fetched"] == accounted == load["rows_fetched"]:
        found.append(
            f"{manifest['records']} records were stored, {counts['fetched']} read, {accounted} accounted for, "
            f"{load['rows_fetched']} recorded"
        )
    quarantine = report["quarantine"]
    kept = sum(len(body.splitlines()) for body in _objects(s3, quarantine, ".json")) if quarantine else 0
    if kept != sum(counts["quarantined"].values()):
        found.append(f"the quarantine has {kept} records, but the report counts {sum(counts['quarantined'].values())}")
    if manifest["content_hash"] != load["content_hash"]:
        found.append("the content hash of the load differs from its raw manifest's")
    if report["batch_id"] != load["batch_id"]:
        found.append(f"the load's Glue run belongs to batch {report['batch_id']}")
    return found


def left_over_staging(bench: Bench) -> dict[str, date | None]:
    """Return the existing staging tables, with the days of the loads that created them; None if unknown."""
    rows = bench.warehouse.rows(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'crypto' "
        "AND table_name LIKE 'stg_crypto_prices_%'"
    )
    known = bench.boundaries.staging_tables()
    return {row["table_name"]: known.get(row["table_name"]) for row in rows}


def _read_json(s3: Any, uri: str) -> Any:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    try:
        return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except s3.exceptions.NoSuchKey:
        return None
