"""The JSON documents that the page reads. Each becomes one XCom, so each has a limit.

A market's candles are lines of text, ``time,open,high,low,close,volume,candles``. The number of restated candles among
them follows, if there are any. Lines are a third of the size of JSON, and keep every digit of a decimal. The consensus
of a symbol in US dollars is lines ``time,price``, and ``,weak`` if it is weak.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from crypto_prices_contract.window import Window

from crypto_prices.backfill.glue_cost import GlueRun
from crypto_prices.fetch.sources import get_source
from crypto_prices.page.coverage import (
    NOT_LISTED,
    OUTSIDE,
    UNFETCHED,
    Coverage,
    PageMarket,
    coverage_of,
)
from crypto_prices.page.snapshot import LOADS_SHOWN, STATUS_DAYS, Snapshot
from crypto_prices.settings import PriceSettings, Settings

DOCUMENT_VERSION = 1

MOST_DOCUMENT_BYTES = 128 * 1024
MOST_BYTES = 3 * 1024 * 1024


class PageTooLargeError(ValueError):
    """A document does not fit into an XCom, even without all that may be left out."""


_ROW_COUNTS = {
    "fetched": "rows_fetched",
    "quarantined": "rows_quarantined",
    "duplicate": "rows_duplicate",
    "curated": "rows_curated",
    "staged": "rows_staged",
    "merged": "rows_merged",
    "in_window": "rows_in_window",
    "removed": "rows_removed",
}


@dataclass(frozen=True)
class Surroundings:
    """What the documents need beside the warehouse's rows.

    Attributes:
        written_at: Time of the snapshot.
        sources: Names of the sources of the settings.
        candle_interval: Length of a candle, such as ``1h``.
        interval: The same, as a duration.
        runbook_url: URL of docs/how-to/troubleshoot.md.
        freshness_hours: Greatest age that the newest candle of a source should have.
        prices: Prices of Glue and of the warehouse.
        glue_runs: The job's runs by id.
    """

    written_at: datetime
    sources: frozenset[str]
    candle_interval: str
    interval: timedelta
    runbook_url: str
    freshness_hours: int
    prices: PriceSettings
    glue_runs: Mapping[str, GlueRun]

    @classmethod
    def of(cls, settings: Settings, glue_runs: Mapping[str, GlueRun]) -> Surroundings:
        """Return what documents that are written now need."""
        source = get_source(next(iter(settings.sources)))
        return cls(
            written_at=datetime.now(UTC),
            sources=frozenset(settings.sources),
            candle_interval=settings.candle_interval,
            interval=source.interval_length(settings.candle_interval),
            runbook_url=settings.runbook_url,
            freshness_hours=settings.freshness_hours,
            prices=settings.prices,
            glue_runs=glue_runs,
        )


def page_documents(
    snapshot: Snapshot, around: Surroundings, *, most_document_bytes: int | None = MOST_DOCUMENT_BYTES
) -> dict[str, str]:
    """Return the documents by XCom key, as JSON.

    They are ``status``, ``coverage_<year>``, ``prices_<number>`` and ``consensus_<number>``.

    Args:
        snapshot: Rows of the warehouse.
        around: Everything else.
        most_document_bytes: Maximum size of a document, and so of all of them together. If a document is larger, its
            oldest ranges or candles are left out and counted. None for a report, which has no limits.

    Raises:
        PageTooLargeError: A document is too large without them, too.
    """
    coverage = coverage_of(snapshot, around.interval, around.sources)
    candles = {**_candles(snapshot.daily, "daily", 10), **_candles(snapshot.hourly, "hourly", 13)}
    markets = [market for market in coverage.letters if (market, "daily") in candles]
    consensus = {
        **_consensus(snapshot.daily_consensus, "daily", 10),
        **_consensus(snapshot.hourly_consensus, "hourly", 13),
    }
    symbols = sorted({market.symbol for market in markets} & {symbol for symbol, _ in consensus})
    years = range(coverage.days.start.year, (coverage.days.end - timedelta(days=1)).year + 1)
    # The calendars leave at least half of the bytes to the prices.
    most_coverage_bytes = most_document_bytes and min(most_document_bytes, MOST_BYTES // 2 // len(years))
    documents = {f"coverage_{year}": _fitting_coverage(coverage, year, most_coverage_bytes) for year in years}
    status = _status(snapshot, coverage, markets, around, list(years))
    status["consensus"] = [{"key": f"consensus_{number}", "symbol": symbol} for number, symbol in enumerate(symbols)]
    documents["status"] = _json(status)
    lines = {
        f"prices_{number}": (
            {"source": market.source, "symbol": market.symbol, "quote": market.quote},
            candles[market, "daily"],
            candles.get((market, "hourly"), []),
        )
        for number, market in enumerate(markets)
    } | {
        f"consensus_{number}": (
            {"symbol": symbol},
            consensus.get((symbol, "daily"), []),
            consensus.get((symbol, "hourly"), []),
        )
        for number, symbol in enumerate(symbols)
    }
    whole = {key: _lines(*parts, {"daily": 0, "hourly": 0}) for key, parts in lines.items()}
    if most_document_bytes is None:
        return documents | whole
    left = MOST_BYTES - sum(len(document.encode()) for document in documents.values())
    share = left / max(1, sum(len(document.encode()) for document in whole.values()))
    for key, parts in lines.items():
        most_bytes = min(most_document_bytes, int(len(whole[key].encode()) * share))
        documents[key] = _fitting_lines(*parts, most_bytes)
    _check_sizes(documents, most_document_bytes)
    return documents


def _check_sizes(documents: Mapping[str, str], most_document_bytes: int) -> None:
    sizes = {key: len(document.encode()) for key, document in documents.items()}
    largest = max(sizes, key=lambda key: sizes[key])
    if sizes[largest] > most_document_bytes or sum(sizes.values()) > MOST_BYTES:
        raise PageTooLargeError(
            f"the page's data do not fit into XComs: {largest} has {sizes[largest]} of at most {most_document_bytes} "
            f"bytes, and all documents have {sum(sizes.values())} of at most {MOST_BYTES}. The settings have too many "
            "markets for the page in Airflow: remove some, or raise the limits in crypto_prices/page/documents.py"
        )


def _status(
    snapshot: Snapshot, coverage: Coverage, markets: list[PageMarket], around: Surroundings, years: list[int]
) -> dict[str, Any]:
    loads = _loads(snapshot.loads, around)
    rows: dict[tuple[str, str], int] = defaultdict(int)
    restated: dict[tuple[str, str], int] = defaultdict(int)
    newest: dict[str, str] = {}
    for row in snapshot.hourly:
        source_day = str(row["source"]), str(row["opens_at"])[:10]
        rows[source_day] += int(row["candles"])
        restated[source_day] += int(row["restated"])
        newest[str(row["source"])] = max(newest.get(str(row["source"]), ""), _minute(row["opens_at"]))
    sources = sorted({market.source for market in coverage.letters})
    first = max(snapshot.until - timedelta(days=STATUS_DAYS), coverage.days.start)
    return {
        "version": DOCUMENT_VERSION,
        "written_at": f"{around.written_at:%Y-%m-%dT%H:%M:%SZ}",
        "candle_interval": around.candle_interval,
        "candles_a_day": timedelta(days=1) // around.interval,
        "until": snapshot.until.isoformat(),
        "runbook_url": around.runbook_url,
        "freshness_hours": around.freshness_hours,
        "sources": [
            {"source": source, "newest": newest.get(source), "is_in_settings": source in around.sources}
            for source in sources
        ],
        "days": [
            _source_day(coverage, snapshot.loads, source, day)
            | {"rows": rows[source, day.isoformat()], "restated": restated[source, day.isoformat()]}
            for day in Window(first, snapshot.until).days()
            for source in sources
        ],
        "loads": loads,
        "coverage": {"first": coverage.days.start.isoformat(), "years": years},
        "markets": [
            {"key": f"prices_{number}", "source": market.source, "symbol": market.symbol, "quote": market.quote}
            for number, market in enumerate(markets)
        ],
    }


def _source_day(coverage: Coverage, loads: Iterable[Mapping[str, Any]], source: str, day: date) -> dict[str, Any]:
    """Return the state of a source on a day, as the warehouse knows it.

    Args:
        coverage: The days of all markets.
        loads: Rows of loads, newest first.
        source: The source.
        day: The day.
    """
    letters = [coverage.letter(market, day) for market in coverage.letters if market.source == source]
    expected = sum(letter not in (OUTSIDE, NOT_LISTED) for letter in letters)
    text = day.isoformat()
    load = next(
        (each for each in loads if each["source"] == source and each["window_start"] <= text < each["window_end"]), None
    )
    found: dict[str, Any] = {
        "day": text,
        "source": source,
        "markets": expected,
        "unfetched_markets": letters.count(UNFETCHED),
        "missing": coverage.missing(source, day),
    }
    if load is not None:
        found |= {
            "batch_id": load["batch_id"],
            "dag_id": load["dag_id"],
            "run_id": load["run_id"],
            "status": load["status"],
            "loaded_at": _second(load["loaded_at"]),
            "published": load["recorded_at"] is not None,
            "accepted": bool(load["is_accepted"]),
        }
    return found


def _loads(rows: Iterable[Mapping[str, Any]], around: Surroundings) -> list[dict[str, Any]]:
    """Return the newest loads, each with its sources and its price."""
    by_batch: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_batch[str(row["batch_id"])].append(row)
    found = []
    for batch_id, sources in list(by_batch.items())[:LOADS_SHOWN]:
        first = sources[0]
        load = {
            "batch_id": batch_id,
            "dag_id": first["dag_id"],
            "run_id": first["run_id"],
            "window_start": first["window_start"],
            "window_end": first["window_end"],
            "fetched_at": max(filter(None, (_second(row["fetched_at"]) for row in sources)), default=None),
            "loaded_at": _second(first["loaded_at"]),
            "recorded_at": _second(first["recorded_at"]),
            "sources": [
                {"source": row["source"], "status": row["status"], "markets": row["market_total"]}
                | {name: row[column] for name, column in _ROW_COUNTS.items()}
                for row in sorted(sources, key=lambda row: str(row["source"]))
            ],
        }
        if glue := around.glue_runs.get(str(first["glue_job_run_id"])):
            load["glue_seconds"] = glue.seconds
            load["usd"] = round(_glue_usd(glue, around.prices) + _warehouse_usd(around.prices), 4)
        found.append(load)
    return found


def _glue_usd(run: GlueRun, prices: PriceSettings) -> float:
    return run.dpu_hours * prices.glue_dpu_hour


def _warehouse_usd(prices: PriceSettings) -> float:
    return prices.warehouse_minutes / 60 * prices.redshift_rpus * prices.redshift_rpu_hour


def _fitting_coverage(coverage: Coverage, year: int, most_bytes: int | None) -> str:
    """Return a year's coverage. If it is too large, its oldest ranges are left out, and their number is given.

    The gaps are left out first. Missing rows have consecutive days in one range, so these are few, and no table of the
    warehouse has them.
    """
    days = Window(
        max(coverage.days.start, date(year, 1, 1)),
        min(coverage.days.end, date(year + 1, 1, 1)),
    )
    first, last = (days.start - coverage.days.start).days, (days.end - coverage.days.start).days
    gaps = [
        [number, _minute(part.starts_at), _minute(part.ends_at), (part.ends_at - part.starts_at) // coverage.interval,
         part.reason]
        for number, market in enumerate(coverage.letters)
        for gap in coverage.gaps.get(market, ())
        if (part := gap.clipped(days))
    ]  # fmt: skip
    ranges = {
        "gaps": gaps,
        "rows_missing": [
            [number, f"{part.start}T00:00", f"{part.end}T00:00", absent]
            for number, market in enumerate(coverage.letters)
            for part, absent in _consecutive(coverage.rows_missing[market], days)
        ],
    }
    for found in ranges.values():
        # By their end, so that all ranges of a day after that of the oldest one are there.
        found.sort(key=lambda each: (str(each[2]), str(each[1])), reverse=True)
    document: dict[str, Any] = {
        "year": year,
        "first": days.start.isoformat(),
        "markets": [
            {
                "source": market.source,
                "symbol": market.symbol,
                "quote": market.quote,
                "is_in_settings": market in coverage.in_settings,
                "days": letters[first:last],
            }
            for market, letters in coverage.letters.items()
        ],
        **ranges,
        "gaps_left_out": 0,
        "rows_missing_left_out": 0,
    }
    text = _json(document)
    for kind, found in ranges.items():
        while most_bytes is not None and len(text.encode()) > most_bytes and document[kind]:
            keep = len(document[kind]) // 2
            document |= {kind: found[:keep], f"{kind}_left_out": len(found) - keep}
            text = _json(document)
    return text


def _consecutive(numbers: Mapping[date, int], window: Window) -> list[tuple[Window, int]]:
    """Return each range of consecutive days of a window, with the sum of its numbers.

    Args:
        numbers: Numbers by day, oldest first.
        window: The window.
    """
    found: list[tuple[Window, int]] = []
    for day, number in numbers.items():
        if not window.start <= day < window.end:
            continue
        start, total = day, 0
        if found and found[-1][0].end == day:
            last, total = found.pop()
            start = last.start
        found.append((Window(start, day + timedelta(days=1)), total + number))
    return found


def _lines(name: Mapping[str, str], daily: Sequence[str], hourly: Sequence[str], left_out: Mapping[str, int]) -> str:
    return _json({**name, "daily": "\n".join(daily), "hourly": "\n".join(hourly), "left_out": left_out})


def _fitting_lines(name: Mapping[str, str], daily: list[str], hourly: list[str], most_bytes: int) -> str:
    """Return a document of daily and hourly lines. If they are too large, the oldest are left out, but never all."""
    left_out = {"daily": 0, "hourly": 0}
    while True:
        kept = daily[left_out["daily"] :], hourly[left_out["hourly"] :]
        text = _lines(name, *kept, left_out)
        if len(text.encode()) <= most_bytes or max(map(len, kept)) <= 1:
            return text
        for unit, lines in zip(left_out, kept, strict=True):
            left_out[unit] += min((len(lines) + 9) // 10, max(0, len(lines) - 1))


def _candles(rows: Iterable[Mapping[str, Any]], unit: str, digits: int) -> dict[tuple[PageMarket, str], list[str]]:
    """Return the candles of each market as lines.

    Args:
        rows: Candles, oldest first.
        unit: ``daily`` or ``hourly``.
        digits: Characters of the opening time to keep: those of the day, or also the hour.
    """
    found: dict[tuple[PageMarket, str], list[str]] = defaultdict(list)
    for row in rows:
        market = PageMarket(str(row["source"]), str(row["symbol"]), str(row["quote_currency"]))
        values = (row[name] for name in ("open_price", "high_price", "low_price", "close_price", "base_volume"))
        line = [_opens_at(row, digits), *map(plain_decimal, values), str(row["candles"])]
        if row["restated"]:
            line.append(str(row["restated"]))
        found[market, unit].append(",".join(line))
    return found


def _consensus(rows: Iterable[Mapping[str, Any]], unit: str, digits: int) -> dict[tuple[str, str], list[str]]:
    """Return the consensus of each symbol as lines. Its price is a DOUBLE PRECISION, so its digits are the shortest."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        price = plain_decimal(f"{Decimal(str(row['price'])):f}")
        found[str(row["symbol"]), unit].append(f"{_opens_at(row, digits)},{price}{',weak' if row['is_weak'] else ''}")
    return found


def _opens_at(row: Mapping[str, Any], digits: int) -> str:
    return str(row["opens_at"]).replace(" ", "T")[:digits]


def plain_decimal(value: object) -> str:
    """Return a DECIMAL as the shortest text of the same number; empty for NULL."""
    if value is None:
        return ""
    text = str(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _second(value: object) -> str | None:
    return None if value is None else f"{datetime.fromisoformat(str(value)):%Y-%m-%dT%H:%M:%SZ}"


def _minute(value: object) -> str:
    return f"{datetime.fromisoformat(str(value)):%Y-%m-%dT%H:%M}"


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
