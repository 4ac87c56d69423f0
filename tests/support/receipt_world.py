"""A small lake and a warehouse with loads whose objects, rows and records belong together, to explain and to damage.

The loads run the DAG's own statements. Only the Glue job is replaced: it takes minutes to start.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import jinja2
import pyarrow as pa
import pyarrow.parquet as pq
from crypto_prices.aws.redshift_data import RedshiftDataClient
from crypto_prices.fetch.http_client import Response
from crypto_prices.fetch.raw_zone import RawZone
from crypto_prices.fetch.sources.base import Page
from crypto_prices.receipts.explain import explain
from crypto_prices.receipts.lake import Lake
from crypto_prices.receipts.question import Question, ask
from crypto_prices.receipts.receipt import Receipt
from crypto_prices.task_statements import REPLAY_REMOVAL
from crypto_prices.templates import FILTERS
from crypto_prices.xcom.replay import Replay
from crypto_prices_contract import s3_keys
from crypto_prices_contract.load_record import (
    Code,
    LoadRecord,
    PreviousRecord,
    RecordedSource,
    Removal,
    record_digest,
)
from crypto_prices_contract.markets import Market
from crypto_prices_contract.raw_manifest import RawManifest
from crypto_prices_contract.stored_objects import CuratedFile, StoredDocument, StoredObject
from crypto_prices_contract.window import Window
from crypto_prices_etl.schemas import CURATED_COLUMNS, BigInt, Timestamp, Varchar
from crypto_prices_etl.schemas import Decimal as DecimalType

from tests.support.data_api import BUCKET, CONTEXT, ROLE, SECRET, TARGET, Client
from tests.support.window_loads import Candle, Load

DAY = "2024-01-05"
RELOADED_DAY = "2024-01-08"
BTC = Market("BTCUSDT", "BTC", "USDT")
ETH = Market("ETHUSDT", "ETH", "USDT")
HOUR_MS = 3_600_000
REJECTED_HOUR, OMITTED_HOUR = 5, 7
CuratedCandle = tuple[Market, int, str]
"""The market, the hour and the close of a candle."""

REBUILT_TABLES = (
    *("fact_crypto_prices", "price_versions", "load_log", "etl_metadata", "candle_gaps", "data_quality_results"),
    "market_sets",
)
_SQL = Path(__file__).parents[2] / "sql"


class InProcessDataApi:
    """The part of boto3's Data API client that ``RedshiftDataClient`` uses, for an emulator in this process."""

    def __init__(self, client: Client) -> None:
        self._api = client.api

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = getattr(self._api, re.sub(r"(?:^|_)([a-z])", lambda found: found[1].upper(), name))
        return lambda **params: operation(CONTEXT, params)

    def get_paginator(self, name: str) -> Any:
        """Return an object whose ``paginate`` yields all pages."""
        read = getattr(self, name)

        class Pages:
            def paginate(self, **params: Any) -> Iterator[Any]:
                page = read(**params)
                yield page
                while token := page.get("NextToken"):
                    page = read(**params, NextToken=token)
                    yield page

        return Pages()


def kline(day: str, hour: int, close: str, *, lowest: str = "41000.5") -> str:
    """Return Binance's record of an hour."""
    opened = int(datetime.fromisoformat(f"{day}T00:00+00:00").timestamp()) * 1000 + hour * HOUR_MS
    return (
        f'[{opened},"43000.10","44100.00000001","{lowest}","{close}","12.5",{opened + HOUR_MS - 1},"525000.125",17,'
        '"1.0","2.0","0"]'
    )


@dataclass
class World:
    """The lake, the warehouse and the loads."""

    s3: Any
    client: Client
    dag: Any
    records: list[LoadRecord] = field(default_factory=list)
    _attempts: int = 0
    _changes: int = 0
    _loads: dict[int, tuple[Load, RawManifest, list[CuratedCandle]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_SQL), undefined=jinja2.StrictUndefined, autoescape=False
        )
        self._templates.filters |= FILTERS
        self.data = RedshiftDataClient(
            InProcessDataApi(self.client),
            workgroup=TARGET["WorkgroupName"],
            database=TARGET["Database"],
            secret_arn=SECRET,
            poll_seconds=0.05,
        )
        self.lake = Lake(self.s3, BUCKET)

    # --- questions ---

    def query(self, name: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a statement; see ``evidence.Warehouse``."""
        return self.data.query(self._rendered(name, values))

    def query_batch(self, statements: Sequence[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
        """Return the rows of the last statement; see ``evidence.Warehouse``."""
        return self.data.query_batch([self._rendered(name, values) for name, values in statements])

    def explained(self, at: str = f"{DAY}T13:00", market: str = "BTC/USDT", **more: str) -> Receipt:
        """Return the receipt of a candle of Binance."""
        return explain(self.question(at, market, **more), self.lake, self)

    def question(self, at: str = f"{DAY}T13:00", market: str = "BTC/USDT", **more: str) -> Question:
        """Return the question for a candle of Binance."""
        return ask(market=market, source="binance", at=at, candle_interval="1h", **more)

    def _rendered(self, name: str, values: Mapping[str, Any]) -> str:
        class Settings:
            redshift_copy_role_arn = ROLE

        return self._templates.get_template(name).render(settings=Settings, **values)

    # --- loads ---

    def load(
        self,
        closes: Mapping[Market, str],
        *,
        day: str = DAY,
        fetched: str,
        force: bool = False,
        omitted: Sequence[int] = (OMITTED_HOUR,),
    ) -> Load:
        """Fetch, curate and load a day, and write its record.

        BTC has an invalid candle at REJECTED_HOUR.

        Args:
            closes: The close of the candle at 13:00 by market.
            day: The day.
            fetched: When the responses arrived, ISO 8601.
            force: Whether the load is forced.
            omitted: The hours at which the responses have no candle of BTC.
        """
        self._attempts += 1
        manifest = self._fetch(closes, day, datetime.fromisoformat(fetched), omitted)
        rows: list[CuratedCandle] = [
            (market, hour, close if hour == 13 else "43050.25")
            for market, close in closes.items()
            for hour in range(24)
            if market is not BTC or hour not in (REJECTED_HOUR, *omitted)
        ]
        load = Load(
            self.client,
            self.dag,
            f"run_{self._attempts}",
            [Candle("binance", market.name, "1h", f"{day} {hour:02d}:00:00", close) for market, hour, close in rows],
            start=day,
            end=Window.of_day(datetime.fromisoformat(day).date()).end.isoformat(),
            content_hash=manifest.content_hash,
            fetched_at=f"{datetime.fromisoformat(fetched):%Y-%m-%d %H:%M:%S}",
            quarantined=[
                {
                    "source": "binance",
                    "candle_interval": "1h",
                    "observed_at": f"{day} {REJECTED_HOUR:02d}:00:00",
                    "candles": 1,
                    "markets": [BTC.name],
                }
            ],
        )
        copy_manifest, file = self._merge(load, manifest, rows, job_run_id=f"jr_{self._attempts}", force=force)
        self._become_visible(datetime.fromisoformat(fetched))
        self._write_load_record(manifest, copy_manifest, file)
        self._loads[len(self.records)] = load, manifest, rows
        return load

    def _merge(
        self,
        load: Load,
        manifest: RawManifest,
        rows: Sequence[CuratedCandle],
        *,
        job_run_id: str,
        force: bool = False,
    ) -> tuple[str, str]:
        """Curate and load candles, and return the URIs of COPY's manifest and of the curated file."""
        copy_manifest, file = self._curate(manifest, rows, load.start, job_run_id, load.batch_id)
        xcoms = load._xcoms
        xcoms["plan_load"]["sources"][0]["raw_manifest"] = manifest.uri
        xcoms["fetch_prices"][0]["raw_manifest"] = manifest.uri
        report = xcoms["read_curation_report"]
        stored = self._stored(copy_manifest) | {"sha256": self._sha256(copy_manifest)}
        report |= {"job_run_id": job_run_id, "copy_manifest": stored, "raw_manifests": [manifest.uri]}
        load.write_markets()
        for statements in (load.sql("copy_to_staging"), load.sql("merge_into_fact", force=force)):
            outcome = self.client.batch(*statements)
            assert outcome.error is None, outcome.error
        load.record()
        self.client.ok(*load.sql("drop_staging"))
        return copy_manifest, file

    @contextmanager
    def rebuilt(self) -> Iterator[None]:
        """Empty the warehouse and replay all loads and removals from their records, each with a new Glue run."""
        with ExitStack() as stack:
            for table in REBUILT_TABLES:
                stack.enter_context(self.changed(table, f"DELETE FROM crypto.{table}"))
            counter = "UPDATE crypto.load_counter SET last_load_number = 0"
            stack.enter_context(self.changed("load_counter", counter))
            for record in self.records:
                if record.kind == "removal":
                    outcome = self.client.batch(*(self._rendered(f, {"record": record}) for f in REPLAY_REMOVAL))
                    assert outcome.error is None, outcome.error
                    continue
                load, manifest, rows = self._loads[record.load_number]
                again = replace(load, run_id=f"rebuild_{record.load_number}")
                again.replaying(Replay.of_record(record))
                self._merge(again, manifest, rows, job_run_id=f"jr_rebuild_{record.load_number}")
            yield

    def remove(self, hour: int, reason: str, *, day: str = DAY, removed: str) -> None:
        """Remove a candle of BTC with the procedure, and write the record of the removal."""
        span = f"'{day} {hour:02d}:00:00', '{day} {hour + 1:02d}:00:00'"
        self.client.ok(f"CALL crypto.remove_candles('binance', 'BTC', 'USDT', '1h', {span}, '{reason}')")
        self._become_visible(datetime.fromisoformat(removed))
        number = len(self.records) + 1
        log, (first, until) = self._log(number), (f"{day}T{each:02d}:00:00Z" for each in (hour, hour + 1))
        self._put_record(
            log,
            kind="removal",
            removal=Removal(first, until, 1, log["removed_by"], reason),
            source=RecordedSource("binance", "1h", log["market_set"], ("BTC/USDT",), None, None, None, (), None, None),
        )

    def _become_visible(self, merged: datetime) -> None:
        """Set the times of the newest load in the log, so that an as-of query can tell the loads apart."""
        visible = f"{merged + timedelta(minutes=3):%Y-%m-%d %H:%M:%S}"
        number = len(self.records) + 1
        self.client.ok(f"UPDATE crypto.load_log SET visible_at = '{visible}' WHERE load_number = {number}")

    def _fetch(self, closes: Mapping[Market, str], day: str, fetched: datetime, omitted: Sequence[int]) -> RawManifest:
        window = Window.of_day(datetime.fromisoformat(day).date())
        zone = RawZone(
            s3_client=self.s3,
            bucket=BUCKET,
            source="binance",
            window=window,
            candle_interval="1h",
            attempt=f"a{self._attempts}",
            markets=list(closes),
            expected_records=24,
        )
        for market, close in closes.items():
            records = []
            for hour in range(24):
                if market is BTC and hour in omitted:
                    continue
                is_bad = market is BTC and hour == REJECTED_HOUR
                text = kline(day, hour, close if hour == 13 else "43050.25", lowest="-1" if is_bad else "41000.5")
                records.append(text)
            body = f"[{','.join(records)}]".encode()
            url = f"https://api.binance.test/api/v3/klines?symbol={market.exchange_symbol}&interval=1h"
            response = Response(url, 200, body, fetched, json.loads(body))
            zone.put_page(market, Page(response, len(records), window.starts_at, window.ends_at, 0))
        return zone.commit(fetched)

    def _curate(
        self, manifest: RawManifest, rows: Sequence[CuratedCandle], day: str, job_run_id: str, batch_id: str
    ) -> tuple[str, str]:
        objects = {obj.exchange_symbol: obj for obj in manifest.objects}
        values = []
        for market, hour, close in rows:
            listed = objects[market.exchange_symbol]
            values.append(
                {
                    "source": "binance",
                    "symbol": market.symbol,
                    "quote_currency": market.quote_currency,
                    "candle_interval": "1h",
                    "observed_at": datetime.fromisoformat(f"{day}T{hour:02d}:00+00:00"),
                    **dict(zip(PRICES, ("43000.10", "44100.00000001", "41000.5", close), strict=True)),
                    "base_volume": "12.5",
                    "quote_volume": "525000.125",
                    "trade_count": 17,
                    "market_cap": None,
                    "raw_object": listed.uri,
                    "ingested_at": datetime.fromisoformat(listed.fetched_at),
                    "batch_id": batch_id,
                }
            )
        key = f"{s3_keys.curated_day_prefix(job_run_id, datetime.fromisoformat(day).date())}part-00000.parquet"
        content = parquet(values)
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        uri = s3_keys.s3_uri(BUCKET, key)
        entries = [{"url": uri, "mandatory": True, "meta": {"content_length": len(content)}}]
        manifest_key = s3_keys.copy_manifest_key(job_run_id)
        self.s3.put_object(Bucket=BUCKET, Key=manifest_key, Body=json.dumps({"entries": entries}).encode())
        return s3_keys.s3_uri(BUCKET, manifest_key), uri

    # --- load records ---

    def _write_load_record(self, manifest: RawManifest, copy_manifest: str, file: str) -> None:
        log = self._log(len(self.records) + 1)
        source = RecordedSource(
            source="binance",
            candle_interval="1h",
            market_set=log["market_set"],
            markets=tuple(sorted(market.name for market in manifest.markets)),
            fetched_at=_iso(log["fetched_at"]),
            content_hash=log["content_hash"],
            raw_manifest=StoredDocument(**self._stored(manifest.uri), sha256=self._sha256(manifest.uri)),
            objects=tuple(StoredObject(**self._stored(obj.uri)) for obj in manifest.objects),
            counts=None,
            accepted=None,
        )
        size = self.lake.head(file)
        self._put_record(
            log,
            source=source,
            copy_manifest=StoredDocument(**self._stored(copy_manifest), sha256=self._sha256(copy_manifest)),
            curated=(CuratedFile(**self._stored(file), bytes=size.size if size else 0, rows=None),),
        )

    def _put_record(self, log: dict[str, Any], *, source: RecordedSource, kind: Any = "load", **more: Any) -> None:
        before = self.records[-1] if self.records else None
        record = LoadRecord(
            load_number=log["load_number"],
            kind=kind,
            batch_id=log["batch_id"],
            window=Window.parse(log["window_start"], log["window_end"]),
            merged_at=str(_iso(log["merged_at"])),
            visible_at=str(_iso(log["visible_at"])),
            forced=log["forced"],
            rebuilt_from=None,
            dag_id=log["dag_id"],
            run_id=log["run_id"],
            code=None if kind == "removal" else Code(log["dags_digest"], log["plugins_digest"], log["glue_digest"]),
            rules=None if kind == "removal" else json.loads(log["rules"]),
            glue_job_run_id=log["glue_job_run_id"],
            sources=(source,),
            **{"copy_manifest": None, "curated": (), "removal": None} | more,
            previous=None if before is None else PreviousRecord(before.load_number, record_digest(before.to_bytes())),
        )
        self.records.append(record)
        self.s3.put_object(Bucket=BUCKET, Key=s3_keys.load_record_key(record.load_number), Body=record.to_bytes())

    def _log(self, number: int) -> dict[str, Any]:
        (row,) = self.data.query(f"SELECT * FROM crypto.load_log WHERE load_number = {number}")
        return row

    def _stored(self, uri: str) -> dict[str, Any]:
        found = self.lake.head(uri)
        assert found is not None
        return {"uri": uri, "version_id": found.version_id, "etag": found.etag}

    def _sha256(self, uri: str) -> str:
        found = self.lake.read(uri)
        assert found is not None
        return found.sha256

    # --- damage, which ends with the block ---

    @contextmanager
    def replaced(self, uri: str, change: Callable[[bytes], bytes]) -> Iterator[None]:
        """Replace an object by a changed one."""
        bucket, key = s3_keys.split_s3_uri(uri)
        before = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        version = self.s3.put_object(Bucket=bucket, Key=key, Body=change(before))["VersionId"]
        try:
            yield
        finally:
            self.s3.delete_object(Bucket=bucket, Key=key, VersionId=version)

    @contextmanager
    def deleted(self, uri: str) -> Iterator[None]:
        """Delete an object, as a user does who does not know about versions."""
        bucket, key = s3_keys.split_s3_uri(uri)
        marker = self.s3.delete_object(Bucket=bucket, Key=key)["VersionId"]
        try:
            yield
        finally:
            self.s3.delete_object(Bucket=bucket, Key=key, VersionId=marker)

    @contextmanager
    def changed(self, table: str, *statements: str) -> Iterator[None]:
        """Change rows of a table."""
        self._changes += 1
        saved = f"crypto.saved_{self._changes}"
        self.client.ok(f"CREATE TABLE {saved} AS SELECT * FROM crypto.{table}", *statements)
        try:
            yield
        finally:
            self.client.ok(
                f"DELETE FROM crypto.{table}",
                f"INSERT INTO crypto.{table} SELECT * FROM {saved}",
                f"DROP TABLE {saved}",
            )


PRICES = ("open_price", "high_price", "low_price", "close_price")


def parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return a Parquet file with curated rows, as the Glue job writes it."""
    columns = []
    for column in CURATED_COLUMNS:
        values = [row[column.name] for row in rows]
        match column.type:
            case DecimalType(precision, scale):
                kind: Any = pa.decimal128(precision, scale)
                unit = Decimal(1).scaleb(-scale)
                values = [None if value is None else Decimal(value).quantize(unit) for value in values]
            case Timestamp():
                kind = pa.timestamp("us", tz="UTC")
            case BigInt():
                kind = pa.int64()
            case Varchar():
                kind = pa.string()
        columns.append(pa.array(values, kind))
    made = BytesIO()
    pq.write_table(pa.table(columns, names=[column.name for column in CURATED_COLUMNS]), made)
    return made.getvalue()


def one_other_byte(content: bytes) -> bytes:
    """Change a digit in the middle of a packed body."""
    body = bytearray(gzip.decompress(content))
    place = next(n for n in range(len(body) // 2, len(body)) if 0x31 <= body[n] <= 0x38)
    body[place] += 1
    return gzip.compress(bytes(body), mtime=0)


def _iso(text: str | None) -> str | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC).isoformat().replace("+00:00", "Z")
