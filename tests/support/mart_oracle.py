"""The marts, calculated independently of their SQL: plain Python and Decimal, straight from the definitions.

It takes all candles and returns all rows, without ``through_load``. It does not know that marts are refreshed in parts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import Any

from tests.support.mart_refreshes import Candle

Row = dict[str, Any]
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
DAY = timedelta(days=1)
PRECISION = Context(prec=60)
RETURN_DIGITS = Decimal("1e-12")
LARGEST_SUM, LARGEST_COUNT, LARGEST_TYPICAL_SUM, LARGEST_CLOSE = Decimal("9e19"), 9 * 10**18, Decimal("9e25"), 10**18
"""A value is left out of a sum if a sum of such values reaches the limit. Then the sum is NULL."""


def length(candle_interval: str) -> timedelta:
    """Return the length of a candle."""
    return timedelta(seconds=int(candle_interval[:-1]) * SECONDS[candle_interval[-1]])


def expected_marts(candles: Iterable[Candle], kinds: Mapping[str, str]) -> dict[str, list[Row]]:
    """Return the rows of every mart that is calculated from candles, in the order of their keys.

    Args:
        candles: All candles of the fact table.
        kinds: The kind of each source.
    """
    priced = [candle for candle in candles if candle.close_price is not None]
    with localcontext(PRECISION):
        daily = daily_prices(priced)
        rates, venues, consensus = hourly_prices(priced, kinds)
        return {
            "daily_prices": daily,
            "price_statistics": price_statistics(daily),
            "quote_rates": rates,
            "venue_prices": venues,
            "consensus_prices": consensus,
        }


def daily_prices(candles: Iterable[Candle]) -> list[Row]:
    """Return the rows of daily_prices."""
    by_day: dict[tuple[str, str, str, date], dict[str, list[Candle]]] = defaultdict(lambda: defaultdict(list))
    for candle in candles:
        key = (candle.source, candle.symbol, candle.quote, candle.observed_at.date())
        by_day[key][candle.candle_interval].append(candle)
    rows = {key: _day(key, max(of_interval.values(), key=_covered)) for key, of_interval in sorted(by_day.items())}
    for (source, symbol, quote, day), row in rows.items():
        before = rows.get((source, symbol, quote, day - DAY))
        if before is not None and _has_return(row) and _has_return(before):
            ratio = row["close_price"] / before["close_price"]
            row["return_1d"] = ratio - 1
            row["log_return"] = ratio.ln().quantize(RETURN_DIGITS, rounding=ROUND_HALF_UP)
    return list(rows.values())


def _covered(candles: Sequence[Candle]) -> tuple[timedelta, timedelta]:
    """Return the order of the intervals of a day: the longest coverage, then the shortest candle."""
    one = length(candles[0].candle_interval)
    return len(candles) * one, -one


def _day(key: tuple[str, str, str, date], candles: Sequence[Candle]) -> Row:
    ordered = sorted(candles, key=lambda candle: candle.observed_at)
    first, last = ordered[0], ordered[-1]
    expected = DAY // length(first.candle_interval)
    base, quote, trades, typical = (
        _sum(values, limit / expected)
        for values, limit in (
            ([_decimal(candle.base_volume) for candle in ordered], LARGEST_SUM),
            ([_decimal(candle.quote_volume) for candle in ordered], LARGEST_SUM),
            ([candle.trade_count for candle in ordered], LARGEST_COUNT),
            ([_typical_value(candle) for candle in ordered], LARGEST_TYPICAL_SUM),
        )
    )
    method, vwap = None, None
    if base is not None and base > 0:
        if quote is not None:
            method, vwap = "exact", quote / base
        elif typical is not None:
            method, vwap = "typical", typical / base
    return {
        **dict(zip(("source", "symbol", "quote_currency", "price_date"), key, strict=True)),
        "candle_interval": first.candle_interval,
        "open_price": _decimal(first.open_price),
        "high_price": _extreme(max, ordered, "high_price"),
        "low_price": _extreme(min, ordered, "low_price"),
        "close_price": _decimal(last.close_price),
        "close_observed_at": last.observed_at,
        "base_volume": base,
        "quote_volume": quote,
        "trade_count": trades,
        "vwap": vwap,
        "vwap_method": method,
        "candles": len(ordered),
        "expected_candles": expected,
        "traded_candles": sum(1 for candle in ordered if Decimal(candle.base_volume or 0) > 0),
        "is_complete": len(ordered) == expected,
        "return_1d": None,
        "log_return": None,
    }


def _has_return(row: Row) -> bool:
    closes_at = row["close_observed_at"] + length(row["candle_interval"])
    is_last = closes_at == datetime.combine(row["price_date"], time()) + DAY
    return bool(is_last and row["traded_candles"] > 0 and row["close_price"] > 0)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _sum(values: Sequence[Any], limit: Any) -> Any:
    return None if any(value is None or abs(value) >= limit for value in values) else sum(values)


def _extreme(choose: Any, candles: Sequence[Candle], column: str) -> Decimal | None:
    values = [Decimal(value) for candle in candles if (value := getattr(candle, column)) is not None]
    return choose(values) if values else None


def _typical_value(candle: Candle) -> Decimal | None:
    prices = (candle.high_price, candle.low_price, candle.close_price)
    if None in prices or candle.base_volume is None:
        return None
    return sum(map(Decimal, prices), Decimal(0)) / 3 * Decimal(candle.base_volume)  # type: ignore[arg-type]


def price_statistics(daily: Iterable[Row]) -> list[Row]:
    """Return the rows of price_statistics."""
    markets: dict[tuple[str, str, str], dict[date, Row]] = defaultdict(dict)
    for row in daily:
        markets[row["source"], row["symbol"], row["quote_currency"]][row["price_date"]] = row
    return [
        {
            **dict(zip(("source", "symbol", "quote_currency"), key, strict=True)),
            "price_date": day,
            **_statistics(days, day),
        }
        for key, days in sorted(markets.items())
        for day in sorted(days)
    ]


def _statistics(days: Mapping[date, Row], day: date) -> Row:
    found: Row = {}
    for span, least in ((30, 27), (90, 81)):
        window = [days[each] for back in range(span) if (each := day - back * DAY) in days]
        closes = [row["close_price"] for row in window]
        returns = [row["log_return"] for row in window if row["log_return"] is not None]
        is_small = all(abs(close) < LARGEST_CLOSE for close in closes)
        found[f"sma_{span}"] = sum(closes) / len(closes) if len(closes) >= least and is_small else None
        found[f"returns_{span}"] = len(returns)
        found[f"volatility_{span}"] = _volatility(returns) if len(returns) >= least else None
    highest = max(days[each]["close_price"] for back in range(365) if (each := day - back * DAY) in days)
    found["drawdown_365"] = days[day]["close_price"] / highest - 1 if highest > 0 else None
    return found


def _volatility(returns: Sequence[Decimal]) -> Decimal:
    mean = sum(returns) / len(returns)
    variance = sum((each - mean) ** 2 for each in returns) / (len(returns) - 1)
    return (365 * variance).sqrt()


def hourly_prices(candles: Iterable[Candle], kinds: Mapping[str, str]) -> tuple[list[Row], list[Row], list[Row]]:
    """Return the rows of quote_rates, venue_prices and consensus_prices."""
    by_hour: dict[datetime, dict[tuple[str, str, str], list[Candle]]] = defaultdict(lambda: defaultdict(list))
    for candle in candles:
        hour_end = candle.observed_at + length(candle.candle_interval)
        if hour_end.minute == hour_end.second == 0:
            by_hour[hour_end][candle.source, candle.symbol, candle.quote].append(candle)
    rates: list[Row] = []
    venues: list[Row] = []
    consensus: list[Row] = []
    for hour_end, markets in by_hour.items():
        of_hour = _hour({key: min(ended, key=_rank) for key, ended in markets.items()}, kinds)
        for found, rows in zip((rates, venues, consensus), of_hour, strict=True):
            found += [{**row, "hour_end": hour_end} for row in rows]
    rates.sort(key=lambda row: (row["quote_currency"], row["hour_end"]))
    venues.sort(key=lambda row: (row["source"], row["symbol"], row["quote_currency"], row["hour_end"]))
    consensus.sort(key=lambda row: (row["symbol"], row["hour_end"]))
    return rates, venues, consensus


HOUR = timedelta(hours=1)


def _rank(candle: Candle) -> tuple[bool, timedelta]:
    one = length(candle.candle_interval)
    return one > HOUR, abs(one - HOUR)


def _unfit(candle: Candle, kinds: Mapping[str, str]) -> str | None:
    if candle.source not in kinds:
        return "unknown_source"
    if kinds[candle.source] != "exchange":
        return kinds[candle.source]
    if length(candle.candle_interval) > HOUR:
        return "long_candle"
    if Decimal(candle.base_volume or 0) <= 0:
        return "no_trade"
    if Decimal(candle.close_price or 0) <= 0:
        return "no_price"
    return None


def _median(values: Sequence[Decimal]) -> Decimal:
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _spread(values: Sequence[Decimal]) -> Decimal | None:
    return (max(values) - min(values)) / _median(values) * 10000 if values else None


def _rate(votes: Sequence[Decimal]) -> tuple[Decimal | None, str]:
    """Return the median of some venues' rates, and how it was found."""
    if len(votes) >= 3:
        return _median(votes), "median"
    if len(votes) == 2:
        near = _spread(votes) <= 50  # type: ignore[operator]
        return (_median(votes), "weak") if near else (None, "two_venues_apart")
    return None, "one_venue" if votes else "no_venue"


def _hour(markets: Mapping[tuple[str, str, str], Candle], kinds: Mapping[str, str]) -> tuple[list[Row], ...]:
    unfit = {key: _unfit(candle, kinds) for key, candle in markets.items()}
    price = {key: Decimal(candle.close_price or 0) for key, candle in markets.items()}
    votes: dict[str, dict[str, Decimal]] = defaultdict(dict)
    for (source, symbol, quote), reason in unfit.items():
        if quote == "USD" and reason is None:
            votes[symbol][source] = price[source, symbol, quote]
    rates = []
    for quote in sorted({key[2] for key in markets}):
        of_quote = list(votes[quote].values())
        rate, method = (Decimal(1), "usd") if quote == "USD" else _rate(of_quote)
        rates.append(
            {
                "quote_currency": quote,
                "rate": rate,
                "method": method,
                "venues": len(of_quote),
                "spread_bps": _spread(of_quote),
            }
        )
    venues = []
    for key, candle in markets.items():
        source, symbol, quote = key
        reason, rate, method = unfit[key], None, None
        if quote == "USD":
            rate = Decimal(1)
        elif reason is None:
            rate, method = _rate([vote for other, vote in votes[quote].items() if other != source])
            reason = None if rate is not None else "no_rate"
        venues.append(
            {
                "source": source,
                "symbol": symbol,
                "quote_currency": quote,
                "candle_interval": candle.candle_interval,
                "price": price[key],
                "base_volume": _decimal(candle.base_volume),
                "usd_rate": rate,
                "usd_price": None if rate is None else price[key] * rate,
                "is_weak": method == "weak",
                "left_out": reason,
            }
        )
    for source, symbol in {(row["source"], row["symbol"]) for row in venues}:
        fit = [r for r in venues if (r["source"], r["symbol"], r["left_out"]) == (source, symbol, None)]
        fit.sort(key=lambda r: (r["is_weak"], r["quote_currency"] != "USD", -r["base_volume"], r["quote_currency"]))
        for row in fit[1:]:
            row["left_out"] = "other_market"
    consensus = []
    for symbol in sorted({row["symbol"] for row in venues}):
        of_symbol = [row for row in venues if row["symbol"] == symbol]
        counted = [row for row in of_symbol if row["left_out"] is None]
        prices = [row["usd_price"] for row in counted]
        spread = _spread(prices)
        reason, status = None, "ok"
        if len(prices) < 2:
            reason, status = ("one_venue" if prices else "no_venue"), "none"
        elif len(prices) == 2:
            near = spread is not None and spread <= 50
            reason, status = ("two_venues", "weak") if near else ("two_venues_apart", "none")
        elif any(row["is_weak"] for row in counted):
            reason, status = "weak_rate", "weak"
        middle = None if status == "none" else _median(prices)
        consensus.append(
            {
                "symbol": symbol,
                "price": middle,
                "status": status,
                "reason": reason,
                "venues": len(prices),
                "spread_bps": spread,
            }
        )
        for row in of_symbol:
            row["counts"] = row["left_out"] is None
            has_both = middle is not None and row["usd_price"] is not None
            row["deviation_bps"] = (row["usd_price"] / middle - 1) * 10000 if has_both else None
            row["deviates"] = abs(row["deviation_bps"]) > 50 if has_both else None
    return rates, venues, consensus
