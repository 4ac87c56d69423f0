"""The candles of the local exchange: from recorded files, or from a generator for any date.

Both return rows in Binance's format: ``[openTime, open, high, low, close, volume, closeTime, quoteVolume, trades,
takerBase, takerQuote, "0"]``, times in milliseconds since 1970 (UTC), prices and volumes as strings.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import math
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from local_exchange.markets import MARKETS_FILE, UnknownPairError, pairs_of, read_pairs

Row = list[int | str | None]

OPEN_TIME, OPEN, HIGH, LOW, CLOSE, VOLUME, CLOSE_TIME = range(7)
"""The columns that both recorded and generated rows fill."""

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

RECORDED_FOLDER = "binance-1h"
_RECORDED_COLUMNS = ["open_time_ms", "open", "high", "low", "close", "volume"]
_SYMBOL = re.compile(r"[A-Z0-9]{2,20}")

_FIRST_YEAR, _LAST_YEAR = 2009, 2099
"""Recorded candles are from these years. Bitcoin's first block is from January 2009. In another unit, no time of these
years is a time of these years in milliseconds."""
_FIRST_MS = int(datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp()) * SECOND_MS
_AFTER_MS = int(datetime(_LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp()) * SECOND_MS
_OTHER_UNITS = {"seconds": 1, "microseconds": 1_000_000, "nanoseconds": 1_000_000_000}


class MarketDataError(Exception):
    """The recorded candles are missing or invalid; the message contains the file and the line, or the value."""


class UnknownIntervalError(Exception):
    """The candle book has no candles of this interval."""


@dataclass(frozen=True)
class Interval:
    """A candle interval. It numbers its candles, so that times can be converted to candles and back.

    Attributes:
        name: Binance's name, such as ``1h``.
        length_ms: Length in milliseconds; None for calendar months.
        offset_ms: Open time of candle number 0. Weeks start on a Monday, and 1970-01-01 was a Thursday.
    """

    name: str
    length_ms: int | None
    offset_ms: int = 0

    def number_at(self, time_ms: int) -> int:
        """Return the number of the candle that contains a time."""
        if self.length_ms is not None:
            return (time_ms - self.offset_ms) // self.length_ms
        moment = datetime.fromtimestamp(time_ms / 1000, UTC)
        return moment.year * 12 + moment.month - 1

    def open_time(self, number: int) -> int:
        """Return the open time of a candle, in milliseconds since 1970."""
        if self.length_ms is not None:
            return number * self.length_ms + self.offset_ms
        return int(datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC).timestamp()) * 1000


INTERVALS: Mapping[str, Interval] = {
    interval.name: interval
    for interval in (
        Interval("1s", SECOND_MS),
        *(Interval(f"{minutes}m", minutes * MINUTE_MS) for minutes in (1, 3, 5, 15, 30)),
        *(Interval(f"{hours}h", hours * HOUR_MS) for hours in (1, 2, 4, 6, 8, 12)),
        Interval("1d", DAY_MS),
        Interval("3d", 3 * DAY_MS),
        Interval("1w", 7 * DAY_MS, offset_ms=4 * DAY_MS),
        Interval("1M", None),
    )
}
"""All intervals of Binance's klines. As in Binance's API, names are case-sensitive: 1m is a minute, 1M a month."""


class CandleBook(Protocol):
    """A source of candles."""

    @property
    def symbols(self) -> frozenset[str]:
        """The markets that the book has candles of."""

    @property
    def pairs(self) -> Mapping[str, tuple[str, str]]:
        """Base and quote of each market."""

    def candles(
        self, symbol: str, interval_name: str, *, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> list[Row]:
        """Return candles, oldest first.

        Args:
            symbol: One of ``symbols``.
            interval_name: Binance's name of the interval.
            start_ms: Earliest open time; None for the latest candles.
            end_ms: Latest open time, inclusive.
            limit: Maximum number of rows.
            now_ms: The current time; no candle opens later.

        Raises:
            UnknownIntervalError: The book has no candles of this interval.
        """


class RecordedCandles:
    """The candles of recorded files, digit for digit. A file is read at the first request for its market.

    Values that were not recorded (quote volume, number of trades, the takers' share) are null and never invented. The
    candle that is open at ``now`` is omitted, because its values before it closed were not recorded.

    Args:
        folder: Folder with ``<SYMBOL>.csv.gz`` files, or the folder that contains it as ``binance-1h``.

    Raises:
        MarketDataError: The folder has no such files, a file's name is not a market, or base and quote of a market are
            unknown.
    """

    def __init__(self, folder: Path) -> None:
        inner = folder / RECORDED_FOLDER
        files = (inner if inner.is_dir() else folder).glob("*.csv.gz")
        self._files = {file.name.removesuffix(".csv.gz"): file for file in files}
        wrong = sorted(symbol for symbol in self._files if not _SYMBOL.fullmatch(symbol))
        if wrong:
            raise MarketDataError(
                f"{folder}: file names must be markets such as BTCUSDT.csv.gz, not: {', '.join(wrong)}"
            )
        if not self._files:
            raise MarketDataError(
                f"{folder} has no recorded candles: pass the folder of the <SYMBOL>.csv.gz files, or its parent"
            )
        try:
            self.pairs = pairs_of(sorted(self._files), read_pairs((inner if inner.is_dir() else folder) / MARKETS_FILE))
        except UnknownPairError as error:
            raise MarketDataError(str(error)) from error
        self._lock = threading.Lock()
        self._rows: dict[str, list[Row]] = {}

    @property
    def symbols(self) -> frozenset[str]:
        """The recorded markets."""
        return frozenset(self._files)

    def candles(
        self, symbol: str, interval_name: str, *, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> list[Row]:
        """Return recorded candles, which are all hourly; see ``CandleBook.candles``."""
        if interval_name != "1h":
            raise UnknownIntervalError(interval_name)
        rows = self._rows_of(symbol)
        latest = now_ms - HOUR_MS if end_ms is None else min(end_ms, now_ms - HOUR_MS)
        # Copies, because faults may change the rows that they get.
        chosen = [row.copy() for row in rows if (start_ms or 0) <= open_time(row) <= latest]
        return chosen[:limit] if start_ms is not None else chosen[-limit:]

    def check(self, symbols: Iterable[str]) -> None:
        """Read the files of markets, so that a damaged one is refused before anyone requests it.

        Raises:
            MarketDataError: A file is damaged.
        """
        for symbol in symbols:
            self._rows_of(symbol)

    def _rows_of(self, symbol: str) -> list[Row]:
        with self._lock:
            if symbol not in self._rows:
                self._rows[symbol] = list(_read_recorded(self._files[symbol]))
            return self._rows[symbol]


@dataclass(frozen=True)
class Coin:
    """The generator's parameters for a market.

    Attributes:
        price: Price that the generated prices move around.
        price_digits: Decimals of the exchange's price step.
        daily_quote_volume: Typical daily turnover in the quote currency.
        volume_digits: Decimals of the exchange's volume step.
        swing: Largest logarithm of the price's movement in a year.
        cross: Two other markets. The price is that of the first one divided by that of the second one.
    """

    price: float
    price_digits: int
    daily_quote_volume: float
    volume_digits: int
    swing: float = 0.35
    cross: tuple[str, str] | None = None


_STABLE = 0.001
"""Swing of a stablecoin, which stays within 20 basis points."""

COINS: Mapping[str, Coin] = {
    "BTCUSDT": Coin(43_000, 2, 1.5e9, 5),
    "ETHUSDT": Coin(2_300, 2, 8e8, 4),
    "BNBUSDT": Coin(300, 1, 2e8, 3),
    "SOLUSDT": Coin(90, 2, 4e8, 2),
    "XRPUSDT": Coin(0.62, 4, 3e8, 0),
    "ADAUSDT": Coin(0.55, 4, 1.5e8, 1),
    "DOGEUSDT": Coin(0.09, 5, 1.5e8, 0),
    "AVAXUSDT": Coin(38, 2, 2e8, 2),
    "DOTUSDT": Coin(7.5, 3, 6e7, 2),
    "LINKUSDT": Coin(15, 3, 9e7, 2),
    "LTCUSDT": Coin(72, 2, 6e7, 3),
    "ATOMUSDT": Coin(10.5, 3, 4e7, 2),
    "UNIUSDT": Coin(6.3, 3, 3e7, 2),
    "TRXUSDT": Coin(0.105, 5, 4e7, 1),
    "MATICUSDT": Coin(0.85, 4, 1e8, 1),
    "NEARUSDT": Coin(3.1, 3, 6e7, 1),
    "FILUSDT": Coin(5.4, 3, 5e7, 2),
    "SHIBUSDT": Coin(0.0000102, 8, 6e7, 0),
    "ETHBTC": Coin(0.0535, 5, 900, 4),
    "BNBETH": Coin(0.13, 4, 1200, 3),
    "USDCUSDT": Coin(1, 5, 2e8, 0, swing=_STABLE),
    "BTCUSDC": Coin(43_000, 2, 4e7, 5, cross=("BTCUSDT", "USDCUSDT")),
    "ETHUSDC": Coin(2_300, 2, 2e7, 4, cross=("ETHUSDT", "USDCUSDT")),
}
"""The generator's markets of Binance, with approximate prices and turnovers of the end of 2023."""

DOLLAR_COINS: Mapping[str, Coin] = {
    "USDTUSD": Coin(1, 5, 5e7, 2, swing=_STABLE),
    "USDCUSD": Coin(1, 5, 1e7, 2, swing=_STABLE),
}
"""The generator's markets that only exchanges with US dollars have."""

_ALL_COINS = {**COINS, **DOLLAR_COINS}

_YEAR_MS = 365 * DAY_MS
_OCTAVES_MS = (_YEAR_MS, 91 * DAY_MS, 23 * DAY_MS, 6 * DAY_MS, 2 * DAY_MS, 11 * HOUR_MS, 3 * HOUR_MS, 37 * MINUTE_MS)
"""Periods of the noise functions that sum to a price. None is a multiple of another, so that they do not beat."""

_TRADES_A_DAY = 1_000_000
_PARTS = 4
"""Number of parts of a candle. Its price is sampled at its start and after each part that has ended."""

_PREMIUM_PERIOD_MS = 5 * HOUR_MS
_BASIS_POINTS = 10_000


@dataclass(frozen=True)
class Premium:
    """The difference between an exchange's generated prices and the reference prices, so that exchanges disagree.

    It is between one and five basis points, rounded to the market's price step, and at least one step. It depends only
    on the exchange, the market and the time.

    Attributes:
        exchange: Name of the exchange.
        above: Whether its prices are above the reference prices; else they are below.
    """

    exchange: str
    above: bool

    def of(self, symbol: str, price: Decimal, step: Decimal, time_ms: int) -> Decimal:
        """Return the difference from a reference price; negative if the exchange's price is lower."""
        basis_points = 3 + 2 * _noise(f"{self.exchange} {symbol}", _PREMIUM_PERIOD_MS, time_ms)
        difference = max(step, (price * Decimal(basis_points) / _BASIS_POINTS).quantize(step))
        return difference if self.above else -difference


class GeneratedCandles:
    """Candles of any date, generated from noise. They look plausible and are the same for every request.

    A price depends only on the exchange, the market and the time. This has three consequences. In every interval, a
    candle opens at the closing price of the previous one. A closed candle is the same in every response. The values of
    an open candle only grow into the closed candle's values: high, volume and trades never decrease, and low never
    rises.
    Volumes are generated separately for each interval, so 24 hourly volumes do not add up to the daily one.

    Args:
        premium: The difference from the reference prices; None for the reference prices.
    """

    def __init__(self, premium: Premium | None = None) -> None:
        self._premium = premium

    @property
    def symbols(self) -> frozenset[str]:
        """The generated markets."""
        return frozenset(_ALL_COINS)

    @property
    def pairs(self) -> Mapping[str, tuple[str, str]]:
        """Base and quote of each generated market."""
        return pairs_of(_ALL_COINS, {})

    def candles(
        self, symbol: str, interval_name: str, *, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int
    ) -> list[Row]:
        """Return generated candles; see ``CandleBook.candles``."""
        try:
            interval = INTERVALS[interval_name]
        except KeyError:
            raise UnknownIntervalError(interval_name) from None
        latest_ms = now_ms if end_ms is None else min(end_ms, now_ms)
        if latest_ms < 0 or (start_ms is not None and start_ms > latest_ms):
            return []
        last = interval.number_at(latest_ms)
        if start_ms is None:
            first = max(last + 1 - limit, interval.number_at(0))
        else:
            # The candle that contains the start opened before it, unless it opens exactly at the start.
            first = interval.number_at(start_ms)
            first += interval.open_time(first) < start_ms
        numbers = range(first, min(last, first + limit - 1) + 1)
        return [_generate(symbol, interval, number, now_ms, self._premium) for number in numbers]


def _generate(symbol: str, interval: Interval, number: int, now_ms: int, premium: Premium | None) -> Row:
    coin = _ALL_COINS[symbol]
    open_ms, next_open_ms = interval.open_time(number), interval.open_time(number + 1)
    length_ms = next_open_ms - open_ms
    parts = min(_PARTS, (now_ms - open_ms) * _PARTS // length_ms)
    prices = [_price(symbol, open_ms + length_ms * part // _PARTS, premium) for part in range(parts + 1)]
    volumes = [_part_volume(symbol, interval, open_ms, length_ms, part) for part in range(parts)]
    step = Decimal(1).scaleb(-coin.volume_digits)
    # Each part's price is the mean of its two ends, so that quote volume / volume is between low and high.
    quote = sum((v * (a + b) / 2 for v, a, b in zip(volumes, prices, prices[1:], strict=False)), Decimal())
    volume = sum(volumes, Decimal())
    taker_share = Decimal(round(400 + 200 * uniform(symbol, interval.name, "taker", open_ms))) / 1000
    taker = (volume * taker_share).quantize(step)
    typical_trade = Decimal(coin.daily_quote_volume / _TRADES_A_DAY)
    trades = sum(1 + int(part_volume * prices[0] / typical_trade) for part_volume in volumes)
    return [
        open_ms,
        _text(prices[0]),
        _text(max(prices)),
        _text(min(prices)),
        _text(prices[-1]),
        _text(volume),
        next_open_ms - 1,
        _text(quote),
        trades,
        _text(taker),
        _text(quote * taker / volume if volume else Decimal()),
        "0",
    ]


def _price(symbol: str, time_ms: int, premium: Premium | None) -> Decimal:
    """Return the price of a market at a time, rounded to its price step."""
    coin = _ALL_COINS[symbol]
    step = Decimal(1).scaleb(-coin.price_digits)
    if coin.cross:
        dividend, divisor = (_price(market, time_ms, None) for market in coin.cross)
        price = (dividend / divisor).quantize(step)
    else:
        swing = sum(
            coin.swing * math.sqrt(period / _YEAR_MS) * _noise(symbol, period, time_ms) for period in _OCTAVES_MS
        )
        price = Decimal(coin.price * math.exp(swing)).quantize(step)
    if premium is not None:
        price += premium.of(symbol, price, step, time_ms)
    return max(step, price)


def _part_volume(symbol: str, interval: Interval, open_ms: int, length_ms: int, part: int) -> Decimal:
    """Return the traded volume of one part of a candle, at least one volume step."""
    coin = _ALL_COINS[symbol]
    typical = coin.daily_quote_volume / coin.price * length_ms / DAY_MS / _PARTS
    # Between a fifth and five times the typical volume.
    factor = 5.0 ** (2.0 * uniform(symbol, interval.name, f"volume {part}", open_ms) - 1.0)
    step = Decimal(1).scaleb(-coin.volume_digits)
    return max(step, Decimal(typical * factor).quantize(step))


def _noise(symbol: str, period_ms: int, time_ms: int) -> float:
    """Return smooth noise between -1 and 1 that has a random value every ``period_ms``."""
    knot, offset = divmod(time_ms, period_ms)
    share = offset / period_ms
    smooth = share * share * (3.0 - 2.0 * share)
    left, right = _knot(symbol, period_ms, knot), _knot(symbol, period_ms, knot + 1)
    return left + (right - left) * smooth


@lru_cache(maxsize=50_000)
def _knot(symbol: str, period_ms: int, knot: int) -> float:
    return 2.0 * uniform(symbol, "price", str(period_ms), knot) - 1.0


def uniform(symbol: str, subject: str, detail: str, number: int) -> float:
    """Return a pseudorandom number in [0, 1) that depends only on the arguments and is the same on every machine.

    Args:
        symbol: The market.
        subject: The use of the number, such as ``price``.
        detail: A subdivision of the subject, such as an interval.
        number: The index within the subdivision, such as a time.
    """
    digest = hashlib.blake2b(f"{symbol}/{subject}/{detail}/{number}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _text(value: Decimal) -> str:
    return f"{value:.8f}"


def _read_recorded(file: Path) -> Iterator[Row]:
    """Yield a file's rows in Binance's format.

    Raises:
        MarketDataError: The file is unreadable, has other columns or a missing value, its times are not in
            milliseconds, or its hours do not ascend.
    """
    try:
        with gzip.open(file, "rt", encoding="utf-8", newline="") as lines:
            reader = csv.reader(lines)
            header = next(reader, None)
            if header != _RECORDED_COLUMNS:
                raise MarketDataError(f"{file.name}: expected the columns {_RECORDED_COLUMNS}, found {header}")
            before = -1
            for values in reader:
                where = f"{file.name}, line {reader.line_num}"
                if len(values) != len(_RECORDED_COLUMNS) or not all(values) or not values[0].isdecimal():
                    raise MarketDataError(f"{where}: expected {len(_RECORDED_COLUMNS)} values, found {values}")
                open_ms = int(values[0])
                _check_unit(open_ms, where)
                if open_ms % HOUR_MS or open_ms <= before:
                    raise MarketDataError(f"{where}: {open_ms} is not a full hour after the previous row")
                before = open_ms
                yield [open_ms, *values[1:], open_ms + HOUR_MS - 1, None, None, None, None, "0"]
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise MarketDataError(f"{file.name} cannot be read: {error}") from error


def _check_unit(value: int, where: str) -> None:
    """Refuse a time that is not in milliseconds. Binance's archives, for example, are in microseconds from 2025.

    Raises:
        MarketDataError: The time is not between ``_FIRST_YEAR`` and ``_LAST_YEAR``. If it is in another unit, the
            message names the unit.
    """
    if _FIRST_MS <= value < _AFTER_MS:
        return
    for unit, per_second in _OTHER_UNITS.items():
        milliseconds = value * SECOND_MS // per_second
        if _FIRST_MS <= milliseconds < _AFTER_MS:
            moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
            raise MarketDataError(
                f"{where}: {value} is in {unit} ({moment:%Y-%m-%dT%H:%M:%SZ}), but {_RECORDED_COLUMNS[0]} must be in "
                "milliseconds: convert the column"
            )
    raise MarketDataError(
        f"{where}: {value} is not a time in milliseconds between the years {_FIRST_YEAR} and {_LAST_YEAR}"
    )


def open_time(row: Row) -> int:
    """Return the open time of a book's row, in milliseconds since 1970."""
    value = row[OPEN_TIME]
    assert isinstance(value, int)  # noqa: S101 - rows of a candle book contain their open time
    return value
