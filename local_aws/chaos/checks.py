"""What must hold after every case, looked up in the warehouse, the catalog and the lake, and not in Airflow."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq  # type: ignore[import-untyped]

from local_aws.chaos.bench import SYMBOLS, Bench, logical_date
from local_aws.exchange.candles import GeneratedCandles

SEED_BATCH = "seed"
"""The load that a day had before the case began: other prices, and one candle that the exchange does not give."""
SEEDED_ROWS = 49

Row = tuple[str, str, tuple[Decimal | None, ...]]


@dataclass
class DayState:
    """What the warehouse holds of one day.

    Attributes:
        rows: The rows, each with its market, its open time and its numbers.
        batches: Number of rows of each batch.
        raw_objects: The raw objects that the rows came from.
        loads: The rows of etl_metadata, the oldest load first.
    """

    rows: Counter[Row] = field(default_factory=Counter)
    batches: Counter[str] = field(default_factory=Counter)
    raw_objects: set[str] = field(default_factory=set)
    loads: list[dict[str, Any]] = field(default_factory=list)


_NUMBERS = ("open_price", "high_price", "low_price", "close_price", "base_volume", "quote_volume", "trade_count")


def expected_rows(day: date) -> Counter[Row]:
    """Return the rows that one clean load of a day leaves: what the exchange says, and nothing else."""
    candles = GeneratedCandles()
    start = int(logical_date(day).timestamp() * 1000)
    rows: Counter[Row] = Counter()
    for symbol in SYMBOLS:
        end = start + 24 * 3_600_000 - 1
        for candle in candles.candles(symbol, "1h", start_ms=start, end_ms=end, limit=1000, now_ms=end + 1):
            opened = logical_date(day) + timedelta(milliseconds=int(candle[0] or 0) - start)
            numbers = tuple(Decimal(str(candle[index])) for index in (1, 2, 3, 4, 5, 7, 8))
            rows[symbol.removesuffix("USDT"), f"{opened:%Y-%m-%d %H:%M:%S}", numbers] += 1
    return rows


def seed(bench: Bench, days: Iterable[date], *, without_surplus: Collection[date] = ()) -> None:
    """Give days an earlier load, so that a case has something to replace and something to remove.

    Args:
        bench: The platform under test.
        days: The days.
        without_surplus: Those of them that get no candle which the exchange does not give: a load that is not forced
            would refuse to remove it.
    """
    facts, loads = [], []
    for day in days:
        for (symbol, opened, numbers), _ in expected_rows(day).items():
            values = ", ".join(str(number + 1) for number in numbers if number is not None)
            facts.append(f"('binance', '{symbol}', 'USDT', '1h', '{opened}', {values}, 's3://seed', GETDATE(), 'seed')")
        count = SEEDED_ROWS
        if day in without_surplus:
            count -= 1
        else:
            extra = ", ".join("1" for _ in _NUMBERS)
            facts.append(f"('binance', 'BTC', 'USDT', '1h', '{day} 05:30:00', {extra}, 's3://seed', GETDATE(), 'seed')")
        loads.append(
            f"('seed-{day}', 'binance', '1h', '{day}', '{day + timedelta(days=1)}', 'seed', 's3://seed', 'jr_seed', "
            f"'s3://seed', 'seed', 'seed', 'loaded', {count}, 0, 0, {count}, {count}, {count}, {count}, 0, 0, "
            "'BTC/USDT,ETH/USDT', GETDATE())"
        )
    for chunk in (facts[n : n + 400] for n in range(0, len(facts), 400)):
        bench.warehouse.rows(
            "INSERT INTO crypto.fact_crypto_prices (source, symbol, quote_currency, candle_interval, observed_at, "  # noqa: S608
            f"{', '.join(_NUMBERS)}, raw_object, ingested_at, batch_id) VALUES " + ", ".join(chunk)
        )
    if loads:
        bench.warehouse.rows(
            "INSERT INTO crypto.etl_metadata (batch_id, source, candle_interval, window_start, window_end, "  # noqa: S608
            "content_hash, raw_manifest, glue_job_run_id, copy_manifest, dag_id, run_id, status, rows_fetched, "
            "rows_quarantined, rows_duplicate, rows_curated, rows_staged, rows_merged, rows_in_window, rows_removed, "
            "load_number, markets, loaded_at) VALUES " + ", ".join(loads)
        )


def read_days(bench: Bench, days: Sequence[date]) -> dict[date, DayState]:
    """Return what the warehouse holds of each day."""
    states = {day: DayState() for day in days}
    if not days:
        return states
    listed = ", ".join(f"'{day}'" for day in days)
    rows = bench.warehouse.rows(
        f"SELECT symbol, observed_at, batch_id, raw_object, {', '.join(_NUMBERS)} FROM crypto.fact_crypto_prices "  # noqa: S608
        f"WHERE TRUNC(observed_at) IN ({listed})"
    )
    for row in rows:
        state = states[date.fromisoformat(row["observed_at"][:10])]
        numbers = tuple(None if row[name] is None else Decimal(str(row[name])) for name in _NUMBERS)
        state.rows[row["symbol"], row["observed_at"][:19], numbers] += 1
        state.batches[row["batch_id"]] += 1
        state.raw_objects.add(row["raw_object"])
    loads = bench.warehouse.rows(
        f"SELECT * FROM crypto.etl_metadata WHERE window_start IN ({listed}) ORDER BY load_number"  # noqa: S608
    )
    for load in loads:
        states[date.fromisoformat(load["window_start"])].loads.append(load)
    return states


def warehouse_differences(day: date, state: DayState) -> list[str]:
    """Return how a day differs from what one clean load leaves; nothing when it does not."""
    expected = expected_rows(day)
    found = []
    if state.rows != expected:
        missing, surplus = expected - state.rows, state.rows - expected
        found.append(
            f"the fact table has {state.rows.total()} rows instead of {expected.total()}: "
            f"{missing.total()} are missing, {surplus.total()} are wrong or double"
        )
    return found + metadata_differences(state, expected.total())


def metadata_differences(state: DayState, rows: int) -> list[str]:
    """Return where etl_metadata does not tell the truth about a day."""
    if not state.loads:
        return ["etl_metadata has no load of the day"]
    found = []
    newest = state.loads[-1]
    if newest["status"] != "loaded":
        found.append(f"the newest load is {newest['status']}, not loaded")
    for name in ("rows_fetched", "rows_curated", "rows_staged", "rows_merged", "rows_in_window"):
        if newest[name] != rows:
            found.append(f"the newest load says {newest[name]} {name}, not {rows}")
    if state.batches != Counter({newest["batch_id"]: rows}):
        found.append(f"the rows are of the batches {dict(state.batches)}, the newest load is {newest['batch_id']}")
    attempt = newest["raw_manifest"].rpartition("/")[0]
    strangers = sorted(raw_object for raw_object in state.raw_objects if not raw_object.startswith(attempt + "/"))
    if strangers:
        found.append(f"the newest load was fetched into {attempt}, but rows came from {strangers[0]}")
    for (batch_id, source), times in Counter((load["batch_id"], load["source"]) for load in state.loads).items():
        if times > 1:
            found.append(f"etl_metadata has {times} rows of batch {batch_id} and {source}")
    for load in state.loads:
        counted = {load[name] for name in ("rows_curated", "rows_staged", "rows_merged", "rows_in_window")}
        if load["status"] == "loaded" and len(counted) != 1:
            found.append(f"load {load['batch_id']} is loaded, but its counts differ: {sorted(map(str, counted))}")
    return found


def lake_differences(bench: Bench, day: date, state: DayState) -> list[str]:
    """Return what does not fit between the catalog, the lake and the newest load of a day."""
    glue, s3 = bench.client("glue"), bench.client("s3")
    names = bench.names
    try:
        partition = glue.get_partition(
            DatabaseName=names.catalog_database,
            TableName=names.catalog_table,
            PartitionValues=[f"{day:%Y}", f"{day:%m}", f"{day:%d}"],
        )["Partition"]
    except glue.exceptions.EntityNotFoundException:
        return ["the catalog has no partition of the day"]
    found = []
    prefix = partition["StorageDescriptor"]["Location"].removeprefix(f"s3://{names.bucket}/")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=names.bucket, Prefix=prefix).get("Contents", [])]
    rows: Counter[Row] = Counter()
    for key in keys:
        if key.endswith(".parquet"):
            body = s3.get_object(Bucket=names.bucket, Key=key)["Body"].read()
            for row in pq.read_table(io.BytesIO(body)).to_pylist():
                numbers = tuple(None if row[name] is None else Decimal(str(row[name])) for name in _NUMBERS)
                rows[row["symbol"], f"{row['observed_at']:%Y-%m-%d %H:%M:%S}", numbers] += 1
    if rows != expected_rows(day):
        found.append(f"the published partition has {rows.total()} rows, and they are not the exchange's")
    newest = state.loads[-1] if state.loads else None
    if newest is not None and newest["batch_id"] != f"{SEED_BATCH}-{day}":
        found += _accounting_differences(s3, newest)
        shown = partition.get("Parameters", {}).get("job_run_id")
        same = {load["glue_job_run_id"] for load in state.loads if load["content_hash"] == newest["content_hash"]}
        if shown not in same:
            found.append(f"the catalog shows Glue run {shown}, the newest load is of {newest['glue_job_run_id']}")
    return found


def _accounting_differences(s3: Any, load: Mapping[str, Any]) -> list[str]:
    manifest = _read_json(s3, load["raw_manifest"])
    report_uri = load["copy_manifest"].replace("copy_manifest.json", "curation_report.json")
    report = _read_json(s3, report_uri)
    if manifest is None or report is None:
        return [f"the load names {load['raw_manifest']} and {report_uri}, and one of them is not there"]
    counts = report["sources"]["binance"]
    accounted = counts["curated"] + sum(counts["quarantined"].values()) + counts["duplicates"]
    found = []
    if not manifest["records"] == counts["fetched"] == accounted == load["rows_fetched"]:
        found.append(
            f"{manifest['records']} records were landed, {counts['fetched']} read, {accounted} accounted for, "
            f"{load['rows_fetched']} recorded"
        )
    if manifest["content_hash"] != load["content_hash"]:
        found.append("the content hash of the load is not its raw manifest's")
    if report["batch_id"] != load["batch_id"]:
        found.append(f"the load's Glue run was of batch {report['batch_id']}")
    return found


def left_over_staging(bench: Bench) -> dict[str, date | None]:
    """Return the staging tables that are there, with the days whose loads made them."""
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
