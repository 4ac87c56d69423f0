from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from crypto_prices.fetch.errors import FatalSourceError, MarketSettingsError
from crypto_prices.fetch.exchange_markets import ask_markets
from crypto_prices.fetch.http_client import Response
from crypto_prices.fetch.json_body import parse_json
from crypto_prices.fetch.markets import Pair
from crypto_prices.fetch.sources import get_source
from crypto_prices_contract.window import Window

from local_exchange.faults import Fault, FaultKind
from local_exchange.limits import RequestLimit

START = 1702857600  # 2023-12-18T00:00:00Z
HOUR = 3600


def window(days: int) -> Window:
    return Window(date(2023, 12, 18), date(2023, 12, 18) + timedelta(days=days))


def fetch(exchange, client, days=1, symbol="btcusd", interval="1h"):
    return list(get_source("bitstamp", exchange.url_of("bitstamp")).fetch_pages(client, symbol, window(days), interval))


def candles(pages) -> list[dict[str, str]]:
    return [candle for page in pages for candle in page.response.json["data"]["ohlc"]]


def test_a_day_is_one_request(exchange, client):
    (page,) = fetch(exchange, client)
    assert exchange.paths == ["/exchange/bitstamp/api/v2/ohlc/btcusd/"]
    assert exchange.queries == [
        {"step": "3600", "limit": "24", "start": str(START), "end": str(START + 23 * HOUR)},
    ]
    assert [int(candle["timestamp"]) for candle in candles([page])] == [START + hour * HOUR for hour in range(24)]
    assert (page.records, page.surplus) == (24, 0)


def test_pages_together_have_every_candle_once(exchange, client):
    pages = fetch(exchange, client, days=60)
    assert [page.records for page in pages] == [1000, 440]
    assert [int(candle["timestamp"]) for candle in candles(pages)] == [START + n * HOUR for n in range(60 * 24)]
    assert [(page.first, page.end) for page in pages] == [
        (window(60).starts_at, window(60).starts_at + timedelta(hours=1000)),
        (window(60).starts_at + timedelta(hours=1000), window(60).ends_at),
    ]


class Sparse:
    """An exchange that returns the last ``limit`` candles up to ``end``, of which some are missing."""

    def __init__(self, missing: set[int]) -> None:
        self.missing = missing

    def get_json(self, url, *, params, headers):
        hours, number = [], params["end"] // HOUR
        while len(hours) < params["limit"]:
            if number - START // HOUR not in self.missing:
                hours.insert(0, number)
            number -= 1
        body = json.dumps({"data": {"ohlc": [{"timestamp": str(hour * HOUR)} for hour in hours], "pair": "BTC/USD"}})
        return Response(url, 200, body.encode(), datetime.now(UTC), json.loads(body))


def test_candles_that_a_response_has_instead_of_missing_ones_are_surplus_before_the_window():
    pages = list(get_source("bitstamp").fetch_pages(Sparse({5, 6, 1001}), "btcusd", window(60), "1h"))
    assert [(page.records, page.surplus) for page in pages] == [(1000, 2), (440, 0)]


def test_a_market_that_ended_before_the_window_has_only_surplus():
    (page,) = get_source("bitstamp").fetch_pages(Sparse(set(range(24))), "btcusd", window(1), "1h")
    assert (page.records, page.surplus) == (24, 24)


def test_an_unknown_market_is_named(exchange, client):
    with pytest.raises(FatalSourceError, match=r"bitstamp has no market nopeusd: .*404.*Currency pair not found"):
        fetch(exchange, client, symbol="nopeusd")


@pytest.mark.parametrize("body", ['{"data":{"pair":"BTC/USD"}}', "[]", '{"ohlc":[]}', '{"data":[]}', "null"])
def test_a_response_without_a_list_of_candles_is_an_error(body):
    class Odd:
        def get_json(self, url, *, params, headers):
            return Response(url, 200, body.encode(), datetime.now(UTC), parse_json(body.encode()))

    with pytest.raises(FatalSourceError, match="bitstamp responded without a list of candles"):
        list(get_source("bitstamp").fetch_pages(Odd(), "btcusd", window(1), "1h"))


def test_an_empty_response_is_requested_once_more(exchange, client):
    exchange.faults.replace([Fault(FaultKind.EMPTY)])
    assert [page.records for page in fetch(exchange, client)] == [0, 24]


def test_a_reached_rate_limit_is_waited_for(exchange, client):
    exchange.limits.replace({"bitstamp": RequestLimit(1000)})
    exchange.faults.replace([Fault(FaultKind.RATE_LIMITED, times=2, retry_after=1)])
    (page,) = fetch(exchange, client)
    assert (page.records, len(exchange.paths)) == (24, 3)


def test_base_and_quote_are_the_exchanges_and_not_the_letters(exchange, client):
    source = get_source("bitstamp", exchange.url_of("bitstamp"))
    found = ask_markets(source, client, ["btcusd", "shibusd"], {})
    assert found.pairs == {"btcusd": Pair("BTC", "USD"), "shibusd": Pair("SHIB", "USD")}
    assert exchange.paths == ["/exchange/bitstamp/api/v2/markets/"]
    with pytest.raises(MarketSettingsError, match="bitstamp does not list nopeusd"):
        ask_markets(source, client, ["nopeusd"], {})


@pytest.mark.parametrize(
    "symbol", ["BTCUSD", "btc-usd", "btcusd-perp", "btc/usd", "../usd", "btcusd\n", "usd", "\u0431tcusd"]
)
def test_symbols_that_are_unsafe_in_paths_and_perpetuals_are_refused(symbol):
    with pytest.raises(FatalSourceError, match="is not a market of bitstamp"):
        get_source("bitstamp").checked_symbol(symbol)


@pytest.mark.parametrize("interval", ["8h", "3d", "1w"])
def test_unknown_intervals_are_refused(interval):
    with pytest.raises(FatalSourceError, match=r"Set candle_interval to one of: 1m, 3m, 5m, .*12h, 1d"):
        get_source("bitstamp").interval_length(interval)
