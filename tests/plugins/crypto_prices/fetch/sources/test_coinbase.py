from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from crypto_prices.fetch.errors import FatalSourceError
from crypto_prices.fetch.sources import get_source
from crypto_prices_contract.window import Window

from local_exchange.faults import Fault, FaultKind

START = 1702857600  # 2023-12-18T00:00:00Z
HOUR = 3600


def window(days: int) -> Window:
    return Window(date(2023, 12, 18), date(2023, 12, 18) + timedelta(days=days))


def fetch(exchange, client, days=1, symbol="BTC-USD", interval="1h"):
    return list(get_source("coinbase", exchange.url_of("coinbase")).fetch_pages(client, symbol, window(days), interval))


def hours(pages) -> list[int]:
    return [(row[0] - START) // HOUR for page in pages for row in page.response.json]


def test_a_day_is_one_request(exchange, client):
    (page,) = fetch(exchange, client)
    assert exchange.paths == ["/exchange/coinbase/products/BTC-USD/candles"]
    assert exchange.queries == [
        {"granularity": "3600", "start": "2023-12-18T00:00:00+00:00", "end": "2023-12-18T23:00:00+00:00"}
    ]
    assert [hour for hour in hours([page]) if 0 <= hour < 24] == list(range(23, -1, -1))
    assert page.records - page.surplus == 24
    assert json.loads(page.response.body)[0] == [
        float(value) if isinstance(value, str) else value for value in page.response.json[0]
    ]


def test_pages_together_have_every_candle_and_rows_before_the_window_are_surplus(exchange, client):
    pages = fetch(exchange, client, days=60)
    assert len(pages) == 5
    assert max(page.records for page in pages) == 300
    found = hours(pages)
    assert sorted({hour for hour in found if 0 <= hour < 60 * 24}) == list(range(60 * 24))
    assert sum(page.surplus for page in pages) == sum(not 0 <= hour < 60 * 24 for hour in found)
    assert sum(page.records for page in pages) == len(found)


def test_some_windows_have_a_row_before_their_start(exchange, client):
    """Otherwise the tests above would not cover it."""
    source = get_source("coinbase", exchange.url_of("coinbase"))
    surplus = [
        page.surplus
        for day in range(1, 20)
        for page in source.fetch_pages(client, "BTC-USD", Window.of_day(date(2023, 12, day)), "1h")
    ]
    assert set(surplus) == {0, 1}


def test_an_unknown_product_is_named(exchange, client):
    with pytest.raises(FatalSourceError, match=r"coinbase has no product NOPE-USD: .*404.*NotFound"):
        fetch(exchange, client, symbol="NOPE-USD")


def test_a_response_that_is_not_a_list_is_an_error(exchange, client):
    exchange.faults.replace([Fault(FaultKind.NOT_JSON, times=None)])
    with pytest.raises(Exception, match="the body is not JSON"):
        fetch(exchange, client)


@pytest.mark.parametrize(
    "symbol", ["btc-usd", "BTCUSD", "BTC-USD-X", "BTC/USD", "BTC-", "-USD", "BTC-USD\n", "\u0411-USD"]
)
def test_symbols_that_are_unsafe_in_paths_are_refused(symbol):
    with pytest.raises(FatalSourceError, match="is not a market of coinbase"):
        get_source("coinbase").checked_symbol(symbol)


@pytest.mark.parametrize("interval", ["30m", "2h", "3m"])
def test_unknown_intervals_are_refused(interval):
    with pytest.raises(FatalSourceError, match="Set candle_interval to one of: 1m, 5m, 15m, 1h, 6h, 1d"):
        get_source("coinbase").interval_length(interval)
