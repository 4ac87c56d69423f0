"""CoinGecko's API: ``GET /api/v3/coins/{id}/market_chart/range``, as it behaves without a paid plan.

Source of the rules: https://docs.coingecko.com/reference/coins-id-market-chart-range (granularity, the plan that hourly
and 5-minute intervals need, when a day's point becomes available, precision),
https://docs.coingecko.com/docs/errors-and-rate-limits (codes 10002 and 10005) and …/v3.0.1/reference/authentication
(header and parameter of the demo key). The errors have the format of responses that clients have reported: code 10012
inside ``error`` (SixPM-Software/waxtax#8), 429 inside ``status`` (Gituser143/cryptgo#30), the message for
``interval=hourly`` (telosnetwork/open-block-explorer#745). Unconfirmed: the messages for an invalid range, precision or
interval, and for failures.

A point's price is the open price of the interval that contains it. Its market cap is the price times a constant supply.
Its volume is the turnover of the last 24 closed hours, with each hour's volume priced at its close. Prices have the
book's digits. ``usd`` is the only currency: a coin has the values of the book's USDT market. Generated prices are
slightly below Binance's.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from itertools import accumulate
from typing import ClassVar

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request

from local_exchange.api import Api, ApiError, JsonNumber, Page, RowShape, Source, milliseconds, parse_instant
from local_exchange.candles import (
    CLOSE,
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    OPEN,
    SECOND_MS,
    VOLUME,
    CandleBook,
    Premium,
    Row,
    UnknownIntervalError,
    open_time,
    uniform,
)

KEY_HEADER, KEY_PARAMETER = "x-cg-demo-api-key", "x_cg_demo_api_key"

ROW_SHAPE = RowShape(times=(0,), price=1, names=("time", "price"))

_TABLES = ("prices", "market_caps", "total_volumes")
_FIRST_DAY_MS = milliseconds(datetime(2013, 4, 28, tzinfo=UTC))
_HISTORY_MS = 365 * DAY_MS
_HOURLY_RANGE_MS = 90 * DAY_MS
_DAY_COMPLETE_AFTER_MS = 35 * MINUTE_MS
_MOST_DIGITS = 18
_VOLUME_STEP = Decimal("1E-8")
_PRICING = "https://www.coingecko.com/en/api/pricing"


@dataclass(frozen=True)
class Coin:
    """A coin that CoinGecko lists.

    Attributes:
        symbol: The book's market that provides its prices.
        supply: Number of coins, approximately as of the end of 2023.
    """

    symbol: str
    supply: int


COINS: Mapping[str, Coin] = {
    "bitcoin": Coin("BTCUSDT", 19_585_000),
    "ethereum": Coin("ETHUSDT", 120_190_000),
    "solana": Coin("SOLUSDT", 428_000_000),
    "ripple": Coin("XRPUSDT", 54_080_000_000),
    "cardano": Coin("ADAUSDT", 35_300_000_000),
    "dogecoin": Coin("DOGEUSDT", 142_200_000_000),
    "litecoin": Coin("LTCUSDT", 74_050_000),
    "polkadot": Coin("DOTUSDT", 1_270_000_000),
    "chainlink": Coin("LINKUSDT", 568_000_000),
    "avalanche-2": Coin("AVAXUSDT", 366_000_000),
    "tron": Coin("TRXUSDT", 88_400_000_000),
    "binancecoin": Coin("BNBUSDT", 153_800_000),
    "shiba-inu": Coin("SHIBUSDT", 589_300_000_000_000),
    "tether": Coin("USDTUSD", 91_700_000_000),
    "usd-coin": Coin("USDCUSD", 24_400_000_000),
}
"""The coins by CoinGecko's ID."""


@dataclass(frozen=True)
class Granularity:
    """The spacing of the points.

    Attributes:
        step_ms: Milliseconds from one point to the next.
        interval: The book's interval whose open prices the points have. A day opens with its first hour, so daily
            points need only hourly candles.
    """

    step_ms: int
    interval: str


FIVE_MINUTELY = Granularity(5 * MINUTE_MS, "5m")
HOURLY = Granularity(HOUR_MS, "1h")
DAILY = Granularity(DAY_MS, "1h")


class CoinGecko(Api):
    """Prices, market caps and volumes of CoinGecko's coins; arguments as for ``Api``."""

    source: ClassVar[Source] = Source.COINGECKO
    candles_path: ClassVar[str] = "/api/v3/coins/<coin_id>/market_chart/range"
    empty_page: ClassVar[Page] = Page(([], [], []), ROW_SHAPE, _TABLES)
    premium: ClassVar[Premium | None] = Premium(source, above=False)

    @staticmethod
    def markets(book: CandleBook) -> frozenset[str]:
        """Return the coins whose USDT market is in the book; see ``Api.markets``."""
        return frozenset(coin_id for coin_id, coin in COINS.items() if coin.symbol in book.symbols)

    def symbol(self, request: Request, path: Mapping[str, str]) -> str | None:
        """Return the ID of the requested coin; see ``Api.symbol``."""
        return path["coin_id"]

    def page(self, request: Request, path: Mapping[str, str]) -> Page:
        """Return the requested points, oldest first; see ``Api.page``."""
        self._check_key(request)
        args = request.args
        for name in ("vs_currency", "from", "to"):
            if not args.get(name):
                raise self.error(422, f"Missing parameter {name}")
        if path["coin_id"] not in self.markets(self._book):
            raise self.unknown_symbol()
        coin = COINS[path["coin_id"]]
        if args["vs_currency"].lower() != "usd":
            raise self.error(400, "invalid vs_currency")
        from_ms, to_ms = self._instant(args, "from"), self._instant(args, "to")
        if from_ms > to_ms:
            raise self.error(400, "invalid date range")
        digits = self._digits(args.get("precision", "full"))
        granularity = self._granularity(args.get("interval"), from_ms, to_ms)
        if self._rules.current.coingecko_past_365_days_only and from_ms < self._now_ms - _HISTORY_MS:
            # Unlike other errors with a status, this one is wrapped in "error".
            refusal = self._status(
                401,
                10012,
                "Your request exceeds the allowed time range. Public API users are limited to querying historical data "
                "within the past 365 days. Upgrade to a paid plan to enjoy full historical data access: "
                f"{_PRICING}. ",
            )
            raise ApiError(refusal.status, {"error": refusal.document})
        try:
            points = self._points(path["coin_id"], coin, granularity, from_ms, to_ms)
        except UnknownIntervalError:
            raise self.error(
                400, f"no candles of {granularity.interval}: request a range that starts more than a day ago"
            ) from None
        prices: list[Row] = [[time_ms, _rounded(price, digits)] for time_ms, price, _ in points]
        caps: list[Row] = [[time_ms, _number(Decimal(price) * coin.supply)] for time_ms, price, _ in points]
        volumes: list[Row] = [[time_ms, _number(volume)] for time_ms, _, volume in points]
        return Page((prices, caps, volumes), replace(ROW_SHAPE, length=granularity.step_ms), _TABLES)

    def error(self, status: int, message: str) -> ApiError:
        """Return an error in the format that has no code; see ``Api.error``."""
        return ApiError(status, {"error": message})

    def unknown_symbol(self) -> ApiError:
        """Return status 404."""
        return self.error(404, "coin not found")

    def rate_limited(self, *, banned: bool = False) -> ApiError:
        """Return status 429; see ``Api.rate_limited``."""
        message = (
            f"You've exceeded the Rate Limit. Please visit {_PRICING} to subscribe to our API plans for higher rate "
            "limits."
        )
        return ApiError(429, {"status": {"error_code": 429, "error_message": message}})

    def server_error(self, status: int) -> ApiError:
        """Return an internal failure; see ``Api.server_error``."""
        return self.error(status, "Internal Server Error")

    def _check_key(self, request: Request) -> None:
        key = self._rules.current.coingecko_api_key
        sent = request.headers.get(KEY_HEADER) or request.args.get(KEY_PARAMETER)
        if key is not None and sent != key:
            raise self._status(
                401,
                10002,
                "API Key Missing. Please make sure you're using the right authentication method. For Pro API, ensure "
                "you pass in x_cg_pro_api_key parameter with a Pro Key. For Demo API, ensure you pass in "
                f"{KEY_PARAMETER} parameter with a Demo Key.",
            )

    def _status(self, status: int, code: int, message: str) -> ApiError:
        timestamp = self._now().astimezone(UTC).isoformat(timespec="milliseconds")
        return ApiError(status, {"status": {"timestamp": timestamp, "error_code": code, "error_message": message}})

    def _instant(self, args: MultiDict[str, str], name: str) -> int:
        try:
            return parse_instant(args[name])
        except ValueError:
            raise self.error(400, f"invalid {name}: expected UNIX seconds or an ISO date") from None

    def _digits(self, precision: str) -> int | None:
        if precision == "full":
            return None
        if precision not in map(str, range(_MOST_DIGITS + 1)):
            raise self.error(400, f"invalid precision: expected full or 0 to {_MOST_DIGITS}")
        return int(precision)

    def _granularity(self, interval: str | None, from_ms: int, to_ms: int) -> Granularity:
        match interval:
            case "daily":
                return DAILY
            case "hourly" | "5m":
                raise self._status(
                    401,
                    10005,
                    f"interval={interval} is exclusive to Enterprise plan customers only. "
                    "Please contact api@coingecko.com.",
                )
            case None | "":
                pass
            case _:
                raise self.error(400, "invalid interval")
        if to_ms - from_ms > _HOURLY_RANGE_MS:
            return DAILY
        return FIVE_MINUTELY if from_ms >= self._now_ms - DAY_MS else HOURLY

    def _points(
        self, coin_id: str, coin: Coin, granularity: Granularity, from_ms: int, to_ms: int
    ) -> list[tuple[int, JsonNumber, Decimal]]:
        """Return the time, the price and the volume of each point."""
        step_ms, now_ms = granularity.step_ms, self._now_ms
        first_ms = max(from_ms, _FIRST_DAY_MS) // step_ms * step_ms
        last_ms = min(to_ms, now_ms)
        if first_ms > last_ms:
            return []
        hours = self._candles_between(coin, "1h", first_ms - DAY_MS, last_ms)
        candles = (
            hours
            if granularity.interval == "1h"
            else self._candles_between(coin, granularity.interval, first_ms, last_ms)
        )
        volume = _RollingVolume(hours)
        points = []
        for candle in candles:
            open_ms = open_time(candle)
            if open_ms < first_ms or open_ms % step_ms:
                continue
            if granularity is DAILY:
                time_ms, there_from_ms = open_ms, open_ms + _DAY_COMPLETE_AFTER_MS
            else:
                time_ms = there_from_ms = open_ms + _delay_ms(coin_id, open_ms)
            if from_ms <= time_ms <= to_ms and there_from_ms <= now_ms:
                points.append((time_ms, JsonNumber(str(candle[OPEN])), volume.until(time_ms)))
        return points

    def _candles_between(self, coin: Coin, interval: str, start_ms: int, end_ms: int) -> list[Row]:
        # No interval is shorter than a minute, so there are never more candles than minutes.
        most = (end_ms - start_ms) // MINUTE_MS + 1
        return self._candles(coin.symbol, interval, start_ms=start_ms, end_ms=end_ms, limit=most)


class _RollingVolume:
    """The turnover of the last 24 closed hours at a given time.

    Args:
        hours: Hourly candles, oldest first; missing hours count as zero.
    """

    def __init__(self, hours: list[Row]) -> None:
        self._open_times = [open_time(hour) for hour in hours]
        # Rounded to eight decimals, so that even the sum of many years is exact.
        traded = (
            (Decimal(JsonNumber(str(hour[VOLUME]))) * Decimal(JsonNumber(str(hour[CLOSE])))).quantize(_VOLUME_STEP)
            for hour in hours
        )
        self._sums = [Decimal(), *accumulate(traded)]

    def until(self, time_ms: int) -> Decimal:
        """Return the volume in US dollars."""
        hour_ms = time_ms // HOUR_MS * HOUR_MS
        first, after = (bisect_left(self._open_times, at) for at in (hour_ms - DAY_MS, hour_ms))
        return self._sums[after] - self._sums[first]


def _delay_ms(coin_id: str, step_ms: int) -> int:
    """Return the delay of a point after its full step, from one second to almost a minute, in milliseconds."""
    return SECOND_MS + int(59 * SECOND_MS * uniform(coin_id, "point", "delay", step_ms))


def _number(value: Decimal) -> JsonNumber:
    return JsonNumber(f"{value:f}")


def _rounded(price: JsonNumber, digits: int | None) -> JsonNumber:
    if digits is None:
        return price
    return _number(Decimal(price).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP))
