"""The consensus: what counts, what is weak, and that no single venue can move it beyond the others."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.support.mart_refreshes import Candle, Marts

START = datetime.fromisoformat("2024-01-05")
Prices = dict[tuple[str, str], str]
"""The price of each market of each source, such as ``{("binance", "BTC/USDT"): "100"}``."""


def candle(source: str, market: str, price: str, /, hour: int = 0, **changed: Any) -> Candle:
    """Return a candle that opens some hours after the start."""
    symbol, quote = market.split("/")
    found = Candle(source, symbol, quote, "1h", START + timedelta(hours=hour), *[price] * 4, "1", None, None)
    return found._replace(**changed)


def load(marts: Marts, candles: list[Candle]) -> None:
    """Load candles, one load per source and interval, and refresh the marts."""
    for source, interval in sorted({(each.source, each.candle_interval) for each in candles}):
        of_source = [each for each in candles if (each.source, each.candle_interval) == (source, interval)]
        days = {each.observed_at.date() for each in of_source}
        marts.load(source, min(days), max(days) + timedelta(days=1), of_source, interval)
    marts.refresh()


def hours(rows: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    """Return rows by the number of hours from the start to the opening of their candles."""
    found: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        ended = datetime.fromisoformat(row["hour_end"]) - START
        found.setdefault(ended // timedelta(hours=1) - 1, []).append(row)
    return found


def consensus(marts: Marts, symbol: str = "BTC") -> dict[int, dict[str, Any]]:
    """Return the consensus rows of a symbol by hour."""
    found = hours([row for row in marts.rows("consensus_prices") if row["symbol"] == symbol])
    return {hour: row for hour, (row,) in found.items()}


def venue(marts: Marts, source: str, market: str, hour: int = 0) -> dict[str, Any]:
    """Return a row of venue_prices."""
    symbol, quote = market.split("/")
    rows = hours(marts.rows("venue_prices"))[hour]
    (found,) = (r for r in rows if (r["source"], r["symbol"], r["quote_currency"]) == (source, symbol, quote))
    return found


def test_the_median_counts_every_venue_once_whatever_its_price(marts):
    prices = {"binance": "100", "bitstamp": "112", "coinbase": "112.5"}
    load(marts, [candle(source, "BTC/USD", price) for source, price in prices.items()])
    (row,) = consensus(marts).values()
    assert (row["price"], row["status"], row["reason"], row["venues"]) == (112.0, "ok", None, 3)
    assert row["spread_bps"] == pytest.approx(12.5 / 112 * 10_000)
    found = {source: venue(marts, source, "BTC/USD") for source in prices}
    assert {source: (each["counts"], each["deviates"]) for source, each in found.items()} == {
        "binance": (True, True), "bitstamp": (True, False), "coinbase": (True, False)
    }  # fmt: skip


def test_of_four_venues_it_is_the_mean_of_the_middle_two(marts):
    prices = {"binance": "100", "bitfinex": "101", "bitstamp": "103", "coinbase": "200"}
    load(marts, [candle(source, "BTC/USD", price) for source, price in prices.items()])
    assert consensus(marts)[0]["price"] == 102.0


def test_two_venues_must_agree_and_one_is_none(marts):
    scenarios = [
        ({"bitstamp": "100", "coinbase": "100.5"}, (100.25, "weak", "two_venues")),
        ({"bitstamp": "100", "coinbase": "100.6"}, (None, "none", "two_venues_apart")),
        ({"bitstamp": "100"}, (None, "none", "one_venue")),
        ({"coingecko": "100"}, (None, "none", "no_venue")),
    ]
    load(
        marts,
        [
            candle(source, "BTC/USD", price, hour=hour)
            for hour, (prices, _) in enumerate(scenarios)
            for source, price in prices.items()
        ],
    )
    found = {hour: (row["price"], row["status"], row["reason"]) for hour, row in consensus(marts).items()}
    assert found == {hour: expected for hour, (_, expected) in enumerate(scenarios)}


def test_a_stablecoin_is_converted_with_the_rate_of_the_other_venues(marts):
    rates = {"bitfinex": "0.86", "bitstamp": "0.87", "coinbase": "0.88"}
    load(
        marts,
        [
            *(candle(source, "USDC/USD", rate) for source, rate in rates.items()),
            *(candle(source, "BTC/USD", "20000") for source in rates),
            candle("binance", "BTC/USDC", "23000"),
        ],
    )
    found = venue(marts, "binance", "BTC/USDC")
    assert (found["usd_rate"], found["usd_price"], found["left_out"], found["is_weak"]) == (0.87, 20010.0, None, False)
    (rate,) = (row for row in marts.rows("quote_rates") if row["quote_currency"] == "USDC")
    assert (rate["rate"], rate["method"], rate["venues"]) == (0.87, "median", 3)


def test_only_markets_in_dollars_give_a_rate_and_a_dollar_is_a_dollar(marts):
    rates = {"bitfinex": "0.86", "bitstamp": "0.87", "coinbase": "0.88"}
    load(
        marts,
        [
            *(candle(source, "USDC/USD", rate) for source, rate in rates.items()),
            *(candle(source, "USDC/EUR", "5") for source in ("bitstamp", "coinbase")),
            candle("binance", "BTC/USDC", "23000"),
        ],
    )
    assert venue(marts, "binance", "BTC/USDC")["usd_rate"] == 0.87
    found = {row["quote_currency"]: (row["rate"], row["method"], row["venues"]) for row in marts.rows("quote_rates")}
    assert found == {"EUR": (None, "no_venue", 0), "USD": (1.0, "usd", 0), "USDC": (0.87, "median", 3)}


def test_a_venue_has_no_influence_on_its_own_rate(marts):
    rates = {"bitfinex": "0.86", "bitstamp": "0.87", "coinbase": "0.88", "binance": "0.5"}
    load(
        marts,
        [
            *(candle(source, "USDC/USD", rate) for source, rate in rates.items()),
            candle("binance", "BTC/USDC", "23000"),
        ],
    )
    assert venue(marts, "binance", "BTC/USDC")["usd_rate"] == 0.87


@pytest.mark.parametrize(
    ("others", "found"), [(("0.999", "1.001"), (1.0, True, None)), (("0.98", "1"), (None, False, "no_rate"))]
)
def test_a_venue_is_not_among_the_three_that_its_own_rate_needs(marts, others, found):
    rates = {"bitstamp": others[0], "coinbase": others[1], "binance": "1"}
    load(
        marts,
        [*(candle(source, "USDC/USD", rate) for source, rate in rates.items()), candle("binance", "BTC/USDC", "23000")],
    )
    price = venue(marts, "binance", "BTC/USDC")
    assert (price["usd_rate"], price["is_weak"], price["left_out"]) == found
    # It is among those of another venue's rate.
    (rate,) = (row for row in marts.rows("quote_rates") if row["quote_currency"] == "USDC")
    assert (rate["method"], rate["venues"]) == ("median", 3)


def test_a_rate_of_two_venues_is_weak_and_so_is_the_consensus_that_uses_it(marts):
    load(
        marts,
        [
            candle("bitstamp", "USDT/USD", "0.999"),
            candle("coinbase", "USDT/USD", "1.001"),
            candle("bitstamp", "BTC/USD", "100"),
            candle("coinbase", "BTC/USD", "101"),
            candle("binance", "BTC/USDT", "102"),
            candle("binance", "ETH/USDC", "10"),
        ],
    )
    found = venue(marts, "binance", "BTC/USDT")
    assert (found["usd_rate"], found["is_weak"]) == (1.0, True)
    assert (consensus(marts)[0]["status"], consensus(marts)[0]["reason"]) == ("weak", "weak_rate")
    assert venue(marts, "binance", "ETH/USDC")["left_out"] == "no_rate"


def test_a_price_that_does_not_count_has_its_reason(marts):
    reasons: list[tuple[dict[str, Any], str]] = [
        ({"source": "coingecko"}, "aggregator"),
        ({"source": "elsewhere"}, "unknown_source"),
        ({"base_volume": "0"}, "no_trade"),
        ({"base_volume": None}, "no_trade"),
        ({"close_price": "0"}, "no_price"),
        ({"candle_interval": "4h", "observed_at": START + timedelta(hours=4)}, "long_candle"),
    ]
    # The last candle opens at 4:00 and ends at 8:00.
    hours_of = [*range(len(reasons) - 1), 7]
    others = [
        candle(source, "BTC/USD", "110", hour=hour)
        for source in ("bitfinex", "bitstamp", "coinbase")
        for hour in hours_of
    ]
    left_out = [
        candle("binance", "BTC/USD", "100", hour=hour, **changed)
        for hour, (changed, _) in zip(hours_of, reasons, strict=True)
    ]
    load(marts, [*left_out, *others])
    prices = consensus(marts)
    for hour, price, (_, reason) in zip(hours_of, left_out, reasons, strict=True):
        found = venue(marts, price.source, "BTC/USD", hour)
        assert (found["counts"], found["left_out"]) == (False, reason)
        assert (prices[hour]["price"], prices[hour]["venues"]) == (110.0, 3)


def test_nothing_is_carried_forward(marts):
    load(marts, [candle(source, "BTC/USD", "110", hour=5) for source in ("bitfinex", "bitstamp", "coinbase")])
    assert set(consensus(marts)) == {5}


def test_a_venue_counts_with_its_market_in_dollars_or_else_with_the_one_of_the_largest_volume(marts):
    rates = [candle(source, f"{coin}/USD", "1") for coin in ("USDT", "USDC") for source in VENUES]
    markets = [
        candle("binance", "BTC/USDT", "100", base_volume="5"),
        candle("binance", "BTC/USDC", "101", base_volume="6"),
        candle("bitstamp", "BTC/USD", "102", base_volume="1"),
        candle("bitstamp", "BTC/USDT", "103", base_volume="9"),
    ]
    load(marts, rates + markets)
    found = {(each.source, each.quote): venue(marts, each.source, f"BTC/{each.quote}")["left_out"] for each in markets}
    assert found == {
        ("binance", "USDT"): "other_market",
        ("binance", "USDC"): None,
        ("bitstamp", "USD"): None,
        ("bitstamp", "USDT"): "other_market",
    }


def test_of_several_candles_that_end_on_the_hour_the_longest_of_at_most_an_hour_counts(marts):
    opens_at = START + timedelta(hours=4)
    load(
        marts,
        [
            candle("bitstamp", "BTC/USD", "1", 4),
            candle("bitstamp", "BTC/USD", "2", candle_interval="5m", observed_at=opens_at + timedelta(minutes=55)),
            candle("bitstamp", "BTC/USD", "3", candle_interval="1d", observed_at=START),
            candle("coinbase", "BTC/USD", "4", candle_interval="4h", observed_at=START + timedelta(hours=20)),
            candle("coinbase", "BTC/USD", "5", candle_interval="1d", observed_at=START),
        ],
    )
    found = {(row["source"], row["hour_end"][11:13]): row["price"][0] for row in marts.rows("venue_prices")}
    assert found == {("bitstamp", "05"): "1", ("bitstamp", "00"): "3", ("coinbase", "00"): "4"}


# ------------------------------------------------------------------------------------------------ the property

VENUES = ("binance", "bitfinex", "bitstamp", "coinbase")
MARKETS = ("BTC/USD", "BTC/USDT", "BTC/USDC", "USDT/USD", "USDC/USD")
SCENARIOS = 40


def scenario(chosen: random.Random) -> Prices:
    """Return random markets and prices of some venues."""
    found: Prices = {}
    for source in VENUES:
        for market in MARKETS:
            if chosen.random() < 0.75:
                found[source, market] = _price(chosen, market)
    return found


def _price(chosen: random.Random, market: str, spread: float = 0.02) -> str:
    usual = 100.0 if market.startswith("BTC") else 1.0
    return f"{usual * (1 + chosen.uniform(-spread, spread)):.6f}"


def variants(chosen: random.Random, base: Prices) -> list[tuple[str, Prices]]:
    """Return the scenario with each venue removed, replaced by nonsense, or changed a little; and the venue."""
    found = []
    for source in VENUES:
        others = {place: price for place, price in base.items() if place[0] != source}
        for spread in (0.02, 0.99):
            own = {(source, market): _price(chosen, market, spread) for market in MARKETS if chosen.random() < 0.75}
            found.append((source, others | own))
        found.append((source, others))
    return found


def own_rates(
    of_hour: list[tuple[str, Prices]], venues: Mapping[int, list[dict[str, Any]]]
) -> dict[tuple[int, str, str], set[tuple[float | None, bool]]]:
    """Return a venue's rates in the variants that replace its prices, by scenario, venue and quote currency."""
    found: dict[tuple[int, str, str], set[tuple[float | None, bool]]] = {}
    variants_of_scenario = len(of_hour) // SCENARIOS
    for hour, (moved, _) in enumerate(of_hour):
        for row in venues.get(hour, []):
            if row["source"] == moved and row["quote_currency"] != "USD":
                place = (hour // variants_of_scenario, moved, row["quote_currency"])
                found.setdefault(place, set()).add((row["usd_rate"], row["is_weak"]))
    return found


def check_property(moved: str, row: Mapping[str, Any] | None, venues: list[dict[str, Any]]) -> str | None:
    """Return how a venue has moved the consensus beyond the others, or None."""
    if row is None or row["price"] is None:
        return None
    others = [v["usd_price"] for v in venues if v["symbol"] == "BTC" and v["counts"] and v["source"] != moved]
    # With two venues, the price is weak: half of 50 basis points from either.
    tolerance = 0.0 if row["venues"] >= 3 else 0.0025 * max(others)
    if row["venues"] < 3 and row["status"] != "weak":
        return f"two venues, but {row}"
    if min(others) - tolerance <= row["price"] <= max(others) + tolerance:
        return None
    return f"{moved} has moved the price to {row['price']}, the others are {others}"


@pytest.mark.parametrize("seed", range(2))
def test_replacing_or_removing_one_venue_leaves_the_price_among_the_others(marts, seed):
    chosen = random.Random(seed)
    of_hour: list[tuple[str, Prices]] = []
    for _ in range(SCENARIOS):
        of_hour += variants(chosen, scenario(chosen))
    load(
        marts,
        [
            candle(source, market, price, hour)
            for hour, (_, prices) in enumerate(of_hour)
            for (source, market), price in prices.items()
        ],
    )
    prices, venues = consensus(marts), hours(marts.rows("venue_prices"))
    moved = [check_property(source, prices.get(hour), venues.get(hour, [])) for hour, (source, _) in enumerate(of_hour)]
    assert [each for each in moved if each] == []
    # Whatever a venue's own prices are, its rates come from the others.
    rates = own_rates(of_hour, venues)
    assert {place: found for place, found in rates.items() if len(found) > 1} == {}
    assert any(found != {(None, False)} for found in rates.values())
    # The test would be worthless if most prices were NULL.
    assert sum(1 for row in prices.values() if row["venues"] >= 3) > SCENARIOS
