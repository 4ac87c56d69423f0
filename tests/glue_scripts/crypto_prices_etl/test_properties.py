"""From any list of candles, exactly the valid ones are curated: digit for digit, in any order and with any paging.

Hypothesis generates lists of records: valid ones, changed ones and copies. Each list is shuffled, split into raw
objects and processed by the Glue package. An oracle in plain Python, which shares no code with the package, computes
the expected result. The lists of one source are processed together, each under its own symbol, because a Spark job
costs more than all of its records.
"""

from __future__ import annotations

import functools
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Context, Decimal, Inexact
from itertools import zip_longest
from typing import Any

import pytest
from crypto_prices_etl.curation import outcomes_of
from crypto_prices_etl.raw_manifests import read_raw_manifests
from crypto_prices_etl.raw_records import refuse_objects
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.lake import DAY_START_MS, HOUR_MS
from tests.support.second_opinion import differences

pytestmark = pytest.mark.usefixtures("generated_code")

LISTS = 120  # per source
DAY_END_MS = DAY_START_MS + 24 * HOUR_MS
QUARTER_MS = 15 * 60 * 1000
EXACT = Context(prec=2000, traps=[Inexact])

Record = Mapping[str, str | None]
"""The JSON text of each field by name; None for a missing field."""


# --- the oracle ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Expected:
    """The outcome of one record: surplus, rejected, or a candle of an hour with these numbers."""

    end: str
    hour: datetime | None = None
    numbers: tuple[Decimal | int | None, ...] = ()


SURPLUS, REJECTED = Expected("surplus"), Expected("rejected")


def plain(text: str) -> str:
    return text[1:-1] if text.startswith('"') else text


def decimal_of(text: str | None, whole: int = 20, decimals: int = 18) -> Decimal | None:
    """Return the number in a text if a column of this precision can hold it exactly; None otherwise."""
    if text is None or not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?", plain(text)):
        return None
    number = EXACT.create_decimal(plain(text))
    scaled = EXACT.scaleb(number, decimals)
    fits = scaled == EXACT.to_integral_value(scaled) and abs(number) < Decimal(10) ** whole
    return number if fits else None


def rounded_of(text: str | None, whole: int = 30, decimals: int = 8) -> Decimal | None:
    """Return the number in a text, rounded half up to this scale, if the column can hold it; None otherwise."""
    if text is None or not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?", plain(text)):
        return None
    number = EXACT.create_decimal(plain(text)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, Context(prec=2000))
    return number if abs(number) < Decimal(10) ** whole else None


def integer_of(text: str | None) -> int | None:
    if text is None or not re.fullmatch(r"-?[0-9]+", plain(text)):
        return None
    number = int(plain(text))
    return number if -(2**63) <= number < 2**63 else None


def time_of(text: str | None, unit_ms: int = 1) -> int | None:
    number = integer_of(text)
    # No timestamp can hold times after the year 9999.
    return None if number is None or not 0 <= number * unit_ms < 253_402_300_800_000 else number * unit_ms


def instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds // 1000, UTC)


def in_places(record: Record, *order: str) -> Record:
    """Return the text at each field's position. After a missing field, all others have moved up."""
    texts = [record[name] for name in order if record[name] is not None]
    return dict(zip_longest(order, texts))


def is_candle(opened: int, prices: Sequence[Decimal | None], volume: Decimal | None) -> bool:
    """Return whether open, high, low, close and a volume form a valid candle."""
    if volume is None or volume < 0 or any(price is None or price <= 0 for price in prices):
        return False
    start, high, low, end = prices
    in_place = DAY_START_MS <= opened < DAY_END_MS and opened % HOUR_MS == 0
    return in_place and low <= min(start, end) and max(start, end) <= high


def binance_expects(record: Record) -> Expected:
    if None in record.values():
        return REJECTED
    opened, closed = time_of(record["time"]), time_of(record["close_time"])
    prices = [decimal_of(record[name]) for name in ("open", "high", "low", "close")]
    volume, quote_volume = decimal_of(record["volume"]), decimal_of(record["quote_volume"])
    trades = integer_of(record["trades"])
    is_good = (
        opened is not None
        and is_candle(opened, prices, volume)
        and closed == opened + HOUR_MS - 1
        and (record["quote_volume"] == "null" or (quote_volume is not None and quote_volume >= 0))
        and (record["trades"] == "null" or (trades is not None and trades >= 0))
    )
    return Expected("candle", instant(opened), (*prices, volume, quote_volume, trades)) if is_good else REJECTED


def coinbase_expects(record: Record) -> Expected:
    record = in_places(record, "time", "low", "high", "open", "close", "volume")
    opened = time_of(record["time"], 1000)
    if opened is not None and not DAY_START_MS <= opened < DAY_END_MS:
        return SURPLUS
    prices = [decimal_of(record[name]) for name in ("open", "high", "low", "close")]
    volume = decimal_of(record["volume"])
    if None in record.values() or opened is None or not is_candle(opened, prices, volume):
        return REJECTED
    return Expected("candle", instant(opened), (*prices, volume))


def coingecko_expects(record: Record) -> Expected:
    caps = record["caps"].splitlines()
    record = in_places(record, "time", "price")
    asked = time_of(record["time"])
    if asked is not None and not DAY_START_MS <= asked < DAY_END_MS:
        return SURPLUS
    cap_text = caps[0] if caps else "null"
    price, cap = decimal_of(record["price"]), rounded_of(cap_text)
    no_cap = cap_text == "null"
    is_good = (
        asked is not None
        and asked % HOUR_MS <= QUARTER_MS
        and price is not None
        and price > 0
        and (no_cap or (cap is not None and cap >= 0))
        and len(caps) <= 1
    )
    return (
        Expected("candle", instant(asked - asked % HOUR_MS), (price, None if no_cap else cap)) if is_good else REJECTED
    )


def with_caps(page: Sequence[Record]) -> list[Record]:
    """Return the records with the different market caps of their times, each on a line. They are listed separately."""
    entries = {tuple(text for text in (record["cap_time"], record["cap"]) if text is not None): None for record in page}
    of_time: dict[str, list[str]] = defaultdict(list)
    for time, *number in (entry for entry in entries if entry):
        of_time[time].append(number[0] if number else "null")
    times = ((record["time"] or record["price"], record) for record in page)
    return [record | {"caps": "\n".join(of_time.get(time or "", []))} for time, record in times]


def expected_of(
    records: Sequence[Record], expects: Callable[[Record], Expected]
) -> tuple[Counter[str], dict[datetime, tuple]]:
    """Return the number of records by outcome, and the numbers of each hour with a candle."""
    ends = Counter[str]()
    by_hour: dict[datetime, list[tuple]] = defaultdict(list)
    for one in map(expects, records):
        if one.hour is None:
            ends[one.end] += 1
        else:
            by_hour[one.hour].append(one.numbers)
    candles = {}
    for hour, copies in by_hour.items():
        if all(copy == copies[0] for copy in copies):
            candles[hour] = copies[0]
            ends["curated"] += 1
            ends["duplicate"] += len(copies) - 1
        else:
            ends["conflicting"] += len(copies)
    return +ends, candles


# --- the records -----------------------------------------------------------------------------------------------------

whole_digits = st.text("0123456789", min_size=1, max_size=19)
decimals = st.text("0123456789", min_size=1, max_size=17)


@st.composite
def amounts(draw: Any) -> str:
    """Return texts of positive numbers that fit a DECIMAL(38,18), some with exponents."""
    text = "1" + draw(whole_digits) if draw(st.booleans()) else "0"
    text += "." + draw(decimals) + "1" if text == "0" or draw(st.booleans()) else ""
    if "." not in text and draw(st.integers(0, 3)) == 0:
        return text[:4] + draw(st.sampled_from(["e3", "E-7", "e+15", "e-14"]))
    return text


ODD = st.sampled_from(
    [
        *(
            "null",
            "true",
            '""',
            '"NaN"',
            '"Infinity"',
            '"-"',
            "[1]",
            '{"a":1}',
            '"1,5"',
            '"+1"',
            '" 1"',
            '".5"',
            '"5."',
        ),
        *("0", "-0.0", "0e99", "-1", "-1e-18", "1e-19", "1e20", "1e400", "1e-400", "99999999999999999999.9", "1e19"),
        *(
            "0." + "0" * 18 + "1",
            "9" * 40,
            "1." + "3" * 40,
            "1." + "0" * 60,
            '"007"',
            str(2**63),
            str(2**63 - 1),
            "1.5",
        ),
    ]
)
DIGITS = st.text("0123456789", min_size=1, max_size=25)


@st.composite
def odd_texts(draw: Any) -> str | None:
    """Return texts that are invalid for most fields, and some valid ones; None for a missing field."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return None
    if kind == 1:
        return f'"{draw(DIGITS)}.{draw(DIGITS)}"'
    return draw(ODD)


def in_order(numbers: Sequence[str]) -> tuple[str, str, str, str]:
    """Return open, high, low and close from four numbers."""
    low, first, second, high = sorted(numbers, key=Decimal)
    return first, high, low, second


def other_digits(text: str) -> str:
    """Return the same number as a different text, where that is easy."""
    if re.fullmatch(r"[0-9]+\.[0-9]+", text):
        return text + "000"
    return text + ".0" if re.fullmatch(r"[0-9]+", text) else text


def a_bit_more(text: str) -> str:
    """Return another number, where it is easy."""
    return text + "1" if re.fullmatch(r"[0-9]+\.[0-9]{1,16}", text) else text


@st.composite
def lists(
    draw: Any, good: Callable[[Any, int], dict[str, str]], times: Callable[[int], list[str]], prices: list[str]
) -> Any:
    """Return lists of records, split into pages."""
    records: list[dict[str, str | None]] = []
    for _ in range(draw(st.integers(2, 8))):
        hour = draw(st.integers(0, 5))
        kind = draw(st.sampled_from(["good"] * 3 + ["copy"] * 4 + ["odd"] * 3 + ["time"] * 2 + ["swapped"]))
        if kind == "copy" and records:
            record = dict(draw(st.sampled_from(records)))
            name = draw(st.sampled_from(prices))
            change = draw(st.sampled_from([str, str, other_digits, other_digits, a_bit_more]))
            record[name] = None if record[name] is None else change(record[name])
        else:
            record = dict(good(draw, hour))
            if kind == "odd":
                record[draw(st.sampled_from(sorted(record)))] = draw(odd_texts())
            if kind == "time":
                record["time"] = draw(st.sampled_from(times(hour)))
            if kind == "swapped" and len(prices) > 1:
                one, other = draw(st.permutations(prices))[:2]
                record[one], record[other] = record[other], record[one]
        records.append(record)
    shuffled = draw(st.permutations(records))
    cuts = sorted(draw(st.integers(0, len(shuffled))) for _ in range(draw(st.sampled_from([0, 1, 2, 2]))))
    return [shuffled[first:last] for first, last in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]


def odd_times(hour: int, unit_ms: int) -> list[str]:
    opened, unit = (DAY_START_MS + hour * HOUR_MS) // unit_ms, HOUR_MS // unit_ms
    start, end = DAY_START_MS // unit_ms, DAY_END_MS // unit_ms
    return [
        *(str(opened + 1), str(opened - 1), str(start - 1), str(start), str(end - unit), str(end - 1), str(end)),
        *(f'"{opened}"', f'"00{opened}"', f"{opened}.0", f"{opened}e0", f"-{opened}", str(opened * unit_ms * 1000)),
        *(str(start - unit), "0", "-1", "253402300799999", "253402300799", "253402300800", "253402300800000", "9" * 30),
    ]


def good_kline(draw: Any, hour: int) -> dict[str, str]:
    quote = '"' if draw(st.booleans()) else ""
    first, high, low, last = (f"{quote}{n}{quote}" for n in in_order([draw(amounts()) for _ in range(4)]))
    opened = DAY_START_MS + hour * HOUR_MS
    return {
        "time": str(opened),
        **{"open": first, "high": high, "low": low, "close": last, "volume": draw(amounts() | st.just("0"))},
        "close_time": str(opened + HOUR_MS - 1),
        "quote_volume": draw(amounts() | st.just("null")),
        "trades": draw(st.integers(0, 2**63 - 1).map(str) | st.just("null")),
    }


def good_row(draw: Any, hour: int) -> dict[str, str]:
    first, high, low, last = in_order([draw(amounts()) for _ in range(4)])
    return {
        "time": str(DAY_START_MS // 1000 + hour * 3600),
        **{"open": first, "high": high, "low": low, "close": last, "volume": draw(amounts() | st.just("0"))},
    }


def good_point(draw: Any, hour: int) -> dict[str, str]:
    time = str(DAY_START_MS + hour * HOUR_MS + draw(st.sampled_from([0, 1, 9_331, QUARTER_MS])))
    return {
        "time": time,
        "price": draw(amounts()),
        "cap": draw(st.sampled_from(["1.5e10", "0", "null", "7.00000001"])),
        "cap_time": time,
    }


def point_times(hour: int) -> list[str]:
    return [*odd_times(hour, 1), str(DAY_START_MS + hour * HOUR_MS + QUARTER_MS + 1)]


def row_text(fields: Sequence[str | None], more: Sequence[str] = ()) -> str:
    """Return a JSON list. Missing fields make it shorter."""
    return "[" + ",".join([*(field for field in fields if field is not None), *more]) + "]"


def klines_body(page: Sequence[Record]) -> str:
    order = ("time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "trades")
    return row_text([row_text([record[name] for name in order], ['"1"', '"2"', '"0"']) for record in page])


def rows_body(page: Sequence[Record]) -> str:
    return row_text([row_text([r[name] for name in ("time", "low", "high", "open", "close", "volume")]) for r in page])


def chart_body(page: Sequence[Record]) -> str:
    tables = {
        "prices": [row_text([record["time"], record["price"]]) for record in page],
        "market_caps": [row_text([record["cap_time"], record["cap"]]) for record in page],
        "total_volumes": [f"[{n},1]" for n in range(len(page))],
    }
    return "{" + ",".join(f'"{name}": {row_text(table)}' for name, table in tables.items()) + "}"


@dataclass(frozen=True)
class SourceUnderTest:
    """How records of a source are generated and serialized, and their expected outcomes."""

    lists: Any
    body: Callable[[Sequence[Record]], str]
    expects: Callable[[Record], Expected]
    columns: tuple[str, ...]
    of_page: Callable[[Sequence[Record]], Sequence[Record]] = list


PRICE_NAMES = ["open", "high", "low", "close"]
PRICE_COLUMNS = ("open_price", "high_price", "low_price", "close_price")
SOURCES = {
    "binance": SourceUnderTest(
        lists(good_kline, lambda hour: odd_times(hour, 1), PRICE_NAMES),
        klines_body,
        binance_expects,
        (*PRICE_COLUMNS, "base_volume", "quote_volume", "trade_count"),
    ),
    "coinbase": SourceUnderTest(
        lists(good_row, lambda hour: odd_times(hour, 1000), PRICE_NAMES),
        rows_body,
        coinbase_expects,
        (*PRICE_COLUMNS, "base_volume"),
    ),
    "coingecko": SourceUnderTest(
        lists(good_point, point_times, ["price"]),
        chart_body,
        coingecko_expects,
        ("open_price", "market_cap"),
        with_caps,
    ),
}


@functools.cache
def made_lists(name: str) -> list[list[list[Record]]]:
    """Return lists of pages of records of a source. They are the same in every run of the same tests."""
    made: list[list[list[Record]]] = []

    @settings(
        max_examples=LISTS,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(SOURCES[name].lists)
    def collect(pages: list[list[Record]]) -> None:
        made.append(pages)

    collect()
    return made


# --- the property ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SOURCES)
def test_exactly_the_valid_candles_are_curated_digit_for_digit(name, spark, lake, arguments):
    source, made = SOURCES[name], made_lists(name)
    bodies = {f"L{n}USDT": [source.body(page) for page in pages] for n, pages in enumerate(made)}
    counts = [len(page) for pages in made for page in pages]
    run = arguments(lake.raw(bodies, source=name, records=counts))
    outcomes, ((manifest, observation),) = outcomes_of(
        spark, read_raw_manifests(lake.s3, run.raw_manifests, run.window), run
    )
    found: dict[str, list[Any]] = {symbol: [] for symbol in bodies}
    collected = outcomes.collect()
    for row in collected:
        found[row["exchange_symbol"]].append(row)
    assert refuse_objects(manifest, observation) is None
    assert differences(lake, [manifest], collected)[:3] == []
    wrong = []
    for pages, rows in zip(made, found.values(), strict=True):
        ends, candles = expected_of([record for page in pages for record in source.of_page(page)], source.expects)
        named = {
            "curated": "curated",
            "duplicate": "duplicate",
            "surplus": "surplus",
            "conflicting_duplicate": "conflicting",
        }
        found_ends = Counter(named.get(row["outcome"], "rejected") for row in rows)
        found_candles = {
            row["observed_at"].astimezone(UTC): tuple(row[column] for column in source.columns)
            for row in rows
            if row["outcome"] == "curated"
        }
        if (found_ends, found_candles) != (ends, candles):
            wrong.append({"pages": pages, "expected": (ends, candles), "found": (found_ends, found_candles)})
    assert wrong[:3] == []


@pytest.mark.parametrize("name", SOURCES)
def test_the_generated_lists_cover_every_kind_of_record(name):
    """Otherwise the property above would prove little."""
    made = made_lists(name)
    ends = Counter[str]()
    for pages in made:
        source = SOURCES[name]
        ends += expected_of([record for page in pages for record in source.of_page(page)], source.expects)[0]
    # About a third of the usual number, because Hypothesis also draws constants from the modules that a run imports.
    least = {"curated": 60, "duplicate": 20, "conflicting": 20, "rejected": 40, "surplus": 3 * (name != "binance")}
    assert {end: ends[end] for end, count in least.items() if ends[end] < count} == {}
    assert sum(len(pages) > 1 for pages in made) > 25
