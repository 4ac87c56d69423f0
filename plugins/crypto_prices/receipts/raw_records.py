"""The records in a source's response: the place, the text and the exact numbers of each.

It shares no code with the Glue job (``crypto_prices_etl.parsers``), so that a receipt is a second opinion. A test holds
both against each other on all recorded, generated and hostile responses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from types import MappingProxyType

from crypto_prices.receipts.json_spans import Span, document, elements, members, scalar

Number = Decimal | int

_NUMBER = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,4}))?")
_INTEGER = re.compile(r"-?[0-9]+")
_LAST_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z
_PRICE_DIGITS = (20, 18)
_MARKET_CAP_DIGITS = (30, 8)


@dataclass(frozen=True)
class RawRecord:
    """One record of a response.

    Attributes:
        position: Number of records before it.
        places: Where its text is in the body, in bytes. CoinGecko's record has several places.
        text: The text at its first place.
        well_formed: Whether it has the structure of the source's records.
        unparseable: The name of the first field that is not exactly a value of its column; None if all are.
        opened_ms: Open time in milliseconds since 1970, UTC, on the grid for prices without candles; None if invalid.
        late_ms: Milliseconds from the start of the interval to the time of a price without candles.
        closed_ms: Close time in milliseconds; None if the source has none.
        values: The numbers by column of the fact table; None for those that the source does not have.
    """

    position: int
    places: tuple[Span, ...]
    text: str
    well_formed: bool
    unparseable: str | None
    opened_ms: int | None
    late_ms: int
    closed_ms: int | None
    values: Mapping[str, Number | None]


@dataclass(frozen=True)
class _Texts:
    """The places of a record, and the JSON text of each of its fields; None for a missing field."""

    places: tuple[Span, ...]
    well_formed: bool
    fields: Mapping[str, str | None]


@dataclass(frozen=True)
class RawFormat:
    """The format of a source's responses.

    Attributes:
        split: Body -> the records' texts; None if the body is not this source's.
        optional: The fields that may be null.
        unit_ms: The unit of times in milliseconds.
        may_exceed_window: Whether records outside the requested window are surplus instead of errors.
        latest_ms: Longest time from the start of an interval to a price without candles.
    """

    split: Callable[[str], list[_Texts] | None]
    optional: frozenset[str] = frozenset()
    unit_ms: int = 1
    may_exceed_window: bool = False
    latest_ms: int = 0


COLUMNS = (
    "open_price",
    "high_price",
    "low_price",
    "close_price",
    "base_volume",
    "quote_volume",
    "trade_count",
    "market_cap",
)
"""The columns of the fact table that come from a record, besides the open time."""


def read_records(source: str, body: str, interval_ms: int) -> list[RawRecord] | None:
    """Return the records of a response; None if it is not a response of the source.

    Args:
        source: Name of a source in ``FORMATS``.
        body: The response.
        interval_ms: Length of a candle in milliseconds.
    """
    form = FORMATS[source]
    split = form.split(body)
    if split is None:
        return None
    return [_record(form, body, position, texts, interval_ms) for position, texts in enumerate(split)]


def _record(form: RawFormat, body: str, position: int, texts: _Texts, interval_ms: int) -> RawRecord:
    values: dict[str, Number | None] = dict.fromkeys(COLUMNS)
    times: dict[str, int | None] = {}
    unparseable = None
    # The close time is the last field that the Glue job converts.
    for name, text in sorted(texts.fields.items(), key=lambda field: field[0] == "close_time"):
        number: Number | None
        if name in ("observed_at", "close_time"):
            number = times[name] = _time(scalar(text), form.unit_ms)
        else:
            number = values[name] = _number(name, scalar(text))
        is_null = text is None or text == "null"
        if number is None and unparseable is None and not (is_null and name in form.optional):
            unparseable = name
    opened = times["observed_at"]
    late = opened % interval_ms if opened is not None and form.latest_ms else 0
    return RawRecord(
        position=position,
        places=tuple(_in_bytes(body, place) for place in texts.places),
        text=texts.places[0].of(body),
        well_formed=texts.well_formed,
        unparseable=unparseable,
        opened_ms=None if opened is None else opened - late,
        late_ms=late,
        closed_ms=times.get("close_time"),
        values=values,
    )


def _in_bytes(body: str, place: Span) -> Span:
    if body.isascii():
        return place
    start = len(body[: place.start].encode())
    return Span(start, start + len(place.of(body).encode()))


def _time(text: str | None, unit_ms: int) -> int | None:
    number = _integer(text)
    return number * unit_ms if number is not None and 0 <= number <= _LAST_MS // unit_ms else None


def _number(column: str, text: str | None) -> Number | None:
    if column == "trade_count":
        return _integer(text)
    if column == "market_cap":
        return _decimal(text, *_MARKET_CAP_DIGITS, rounded=True)
    return _decimal(text, *_PRICE_DIGITS)


def _integer(text: str | None) -> int | None:
    # Longer texts are no number of 64 bits, unless they have leading zeros.
    if text is None or not _INTEGER.fullmatch(text) or len(text.lstrip("-0")) > len(str(2**63)):
        return None
    sign = -1 if text.startswith("-") else 1
    number = sign * int(text.lstrip("-0") or "0")
    return number if -(2**63) <= number < 2**63 else None


def _decimal(text: str | None, whole: int, decimals: int, *, rounded: bool = False) -> Decimal | None:
    """Return a number with at most so many digits before and after the point; None if it is not one."""
    found = None if text is None else _NUMBER.fullmatch(text)
    if found is None:
        return None
    sign, before, after, exponent = found.groups()
    digits = (before + (after or "")).lstrip("0")
    shift = int(exponent or "0") - len(after or "")
    shift += len(digits) - len(digits.rstrip("0"))
    digits = digits.rstrip("0")
    if not digits:
        return Decimal(0)
    if len(digits) + shift > whole or (-shift > decimals and not rounded):
        return None
    number = Decimal((sign == "-", tuple(map(int, digits)), shift))
    if -shift > decimals:
        number = number.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP, Context(prec=len(digits) + whole))
        if abs(number) >= Decimal(10) ** whole:
            return None
    return number


def _rows(*columns: str) -> Callable[[str], list[_Texts] | None]:
    """Return the function that splits an array of arrays. A column without a name is not curated."""

    def split(body: str) -> list[_Texts] | None:
        whole = document(body)
        rows = None if whole is None else elements(body, whole)
        return None if rows is None else [row(body, place) for place in rows]

    def row(body: str, place: Span) -> _Texts:
        cells = elements(body, place) or []
        texts = [cell.of(body) for cell in cells[: len(columns)]]
        fields = {name: texts[at] if at < len(texts) else None for at, name in enumerate(columns) if name}
        return _Texts((place,), len(cells) >= len(columns), fields)

    return split


_BITSTAMP = {
    "timestamp": "observed_at",
    "open": "open_price",
    "high": "high_price",
    "low": "low_price",
    "close": "close_price",
    "volume": "base_volume",
}


def _bitstamp(body: str) -> list[_Texts] | None:
    found = document(body)
    for name in ("data", "ohlc"):
        found = None if found is None else (members(body, found) or {}).get(name)
    places = None if found is None else elements(body, found)
    if places is None:
        return None
    split = []
    for place in places:
        given = members(body, place) or {}
        fields = {column: given[name].of(body) if name in given else None for name, column in _BITSTAMP.items()}
        split.append(_Texts((place,), given.keys() >= _BITSTAMP.keys(), fields))
    return split


def _coingecko(body: str) -> list[_Texts] | None:
    whole = document(body)
    given = None if whole is None else members(body, whole)
    tables = (
        [] if given is None else [given[name] for name in ("prices", "market_caps", "total_volumes") if name in given]
    )
    listed = [elements(body, table) for table in tables]
    if len(listed) < 3 or any(entries is None for entries in listed):
        return None
    prices, caps, volumes = (list(_timed(body, entries or [])) for entries in listed)
    split = []
    for time, price in prices:
        of_time = [[place for other, place in table if time is not None and other == time] for table in (caps, volumes)]
        different_caps = {place.of(body): place for place in of_time[0]}
        cells = elements(body, price) or []
        cap = next(iter(different_caps.values()), None)
        cap_cells = [] if cap is None else elements(body, cap) or []
        fields = {
            "observed_at": time,
            "open_price": cells[1].of(body) if len(cells) > 1 else None,
            "market_cap": cap_cells[1].of(body) if len(cap_cells) > 1 else None,
        }
        # Several market caps of one time contradict each other.
        is_well_formed = len(cells) > 1 and len(different_caps) <= 1
        split.append(_Texts((price, *(place for table in of_time for place in table)), is_well_formed, fields))
    return split


def _timed(body: str, entries: list[Span]) -> Iterator[tuple[str | None, Span]]:
    for entry in entries:
        cells = elements(body, entry)
        yield (cells[0].of(body) if cells else None), entry


FORMATS: Mapping[str, RawFormat] = MappingProxyType(
    {
        "binance": RawFormat(
            _rows(
                *("observed_at", "open_price", "high_price", "low_price", "close_price", "base_volume"),
                *("close_time", "quote_volume", "trade_count", "", "", ""),
            ),
            optional=frozenset({"quote_volume", "trade_count"}),
        ),
        "bitfinex": RawFormat(
            _rows("observed_at", "open_price", "close_price", "high_price", "low_price", "base_volume")
        ),
        "bitstamp": RawFormat(_bitstamp, unit_ms=1000, may_exceed_window=True),
        "coinbase": RawFormat(
            _rows("observed_at", "low_price", "high_price", "open_price", "close_price", "base_volume"),
            unit_ms=1000,
            may_exceed_window=True,
        ),
        "coingecko": RawFormat(
            _coingecko, optional=frozenset({"market_cap"}), may_exceed_window=True, latest_ms=15 * 60_000
        ),
    }
)
"""The formats by source. A new source needs one for its receipts."""
