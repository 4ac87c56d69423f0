from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from crypto_prices.fetch.errors import FatalSourceError, MarketSettingsError
from crypto_prices.fetch.exchange_markets import ask_markets
from crypto_prices.fetch.http_client import HttpClient, Response
from crypto_prices.fetch.markets import MarketsByDay, Pair
from crypto_prices.fetch.sources import get_source
from crypto_prices_contract.window import Window

from local_exchange.faults import Fault, FaultKind

START = 1702857600000  # 2023-12-18T00:00:00Z
HOUR = 3_600_000


def window(days: int) -> Window:
    return Window(date(2023, 12, 18), date(2023, 12, 18) + timedelta(days=days))


def fetch(exchange, client, days=1, symbol="tBTCUSD", interval="1h"):
    source = get_source("bitfinex", exchange.url_of("bitfinex"))
    return list(source.fetch_pages(client, symbol, window(days), interval))


def opened(pages) -> list[int]:
    return [row[0] for page in pages for row in page.response.json]


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def patient(waits) -> Iterator[HttpClient]:
    """A client that knows Bitfinex's errors, and notes its waits instead of waiting."""
    with HttpClient(sleep=waits.append, error_rules=get_source("bitfinex").error_rules) as client:
        yield client


class Answers:
    """A client that gets the same document for every request."""

    def __init__(self, document) -> None:
        self.document = document

    def get_json(self, url, *, headers, params=None):
        return Response(url, 200, json.dumps(self.document).encode(), datetime.now(UTC), self.document)


def test_a_day_is_one_request(exchange, client):
    (page,) = fetch(exchange, client)
    assert exchange.paths == ["/exchange/bitfinex/v2/candles/trade:1h:tBTCUSD/hist"]
    assert exchange.queries == [{"start": str(START), "end": str(START + 23 * HOUR), "limit": "24", "sort": "1"}]
    assert opened([page]) == [START + hour * HOUR for hour in range(24)]
    assert (page.records, page.surplus) == (24, 0)


def test_pages_together_have_every_candle_once(exchange, client):
    pages = fetch(exchange, client, days=8, interval="1m")
    assert [page.records for page in pages] == [10_000, 1520]
    assert opened(pages) == [START + n * 60_000 for n in range(8 * 1440)]


def test_a_day_has_a_capital_letter(exchange, client):
    (page,) = fetch(exchange, client, days=3, interval="1d")
    assert exchange.paths == ["/exchange/bitfinex/v2/candles/trade:1D:tBTCUSD/hist"]
    assert page.records == 3


def test_a_market_with_a_colon(exchange, client):
    (page,) = fetch(exchange, client, symbol="tDOGE:USD")
    assert exchange.paths == ["/exchange/bitfinex/v2/candles/trade:1h:tDOGE:USD/hist"]
    assert page.records == 24


def test_an_unknown_market_is_not_asked_for_again(exchange, patient):
    """Its error has HTTP 500, which is otherwise an outage."""
    with pytest.raises(FatalSourceError, match=r"rejected the request for tNOPUSD: .*10020: symbol: invalid.*Correct"):
        fetch(exchange, patient, symbol="tNOPUSD")
    assert len(exchange.paths) == 1


@pytest.mark.parametrize("document", [["error", 10020, "symbol: invalid"], ["error", 1, "?"], ["error"], {}, None, "x"])
def test_an_error_in_a_list_is_not_a_list_of_candles(document):
    with pytest.raises(FatalSourceError, match="bitfinex sent no list of candles"):
        list(get_source("bitfinex").fetch_pages(Answers(document), "tBTCUSD", window(1), "1h"))


def test_an_empty_response_is_requested_once_more(exchange, client):
    exchange.faults.replace([Fault(FaultKind.EMPTY)])
    assert [page.records for page in fetch(exchange, client)] == [0, 24]


def test_a_market_without_candles_has_two_empty_responses(exchange, client):
    exchange.faults.replace([Fault(FaultKind.EMPTY, times=None)])
    assert [page.records for page in fetch(exchange, client)] == [0, 0]


def test_a_reached_rate_limit_blocks_the_address_for_a_minute(exchange, patient, waits):
    exchange.faults.replace([Fault(FaultKind.RATE_LIMITED)])
    (page,) = fetch(exchange, patient)
    assert (page.records, waits) == (24, [60.0])


# --- base and quote ---------------------------------------------------------------------------------------------------


def pairs(names, currencies, symbols):
    return ask_markets(get_source("bitfinex"), Answers([names, currencies]), symbols, {}).pairs


def test_the_exchanges_lists_of_pairs_and_currencies_decide_where_the_base_ends(exchange, client):
    source = get_source("bitfinex", exchange.url_of("bitfinex"))
    found = ask_markets(source, client, ["tBTCUSD", "tDOGE:USD"], {})
    assert found.pairs == {"tBTCUSD": Pair("BTC", "USD"), "tDOGE:USD": Pair("DOGE", "USD")}
    assert exchange.paths == ["/exchange/bitfinex/v2/conf/pub:list:pair:exchange,pub:list:currency"]
    assert pairs(["ABCDEF"], ["AB", "CDEF", "DEF"], ["tABCDEF"]) == {"tABCDEF": Pair("AB", "CDEF")}


def test_a_pair_that_its_currencies_do_not_decide_is_not_guessed():
    for currencies in (["ABC", "DEF", "AB", "CDEF"], ["ABC"]):
        with pytest.raises(MarketSettingsError, match="bitfinex does not list tABCDEF"):
            pairs(["ABCDEF"], currencies, ["tABCDEF"])
    stated = ask_markets(get_source("bitfinex"), Answers([["ABCDEF"], ["X"]]), ["tABCDEF"], {"tABCDEF": "ABC/DEF"})
    assert stated.pairs == {"tABCDEF": Pair("ABC", "DEF")}


def test_ust_is_tether_and_udc_is_usdc():
    listed = pairs(["BTCUST", "USTUSD", "UDCUSD"], ["BTC", "UST", "USD", "UDC"], ["tBTCUST", "tUSTUSD", "tUDCUSD"])
    names = [market.name for market in MarketsByDay({"bitfinex": listed}).on(date(2024, 1, 1))["bitfinex"]]
    assert names == ["BTC/USDT", "USDT/USD", "USDC/USD"]


@pytest.mark.parametrize(
    "document", [[], [["BTCUSD"]], [["BTCUSD"], []], [[], ["BTC"]], ["error", 10020, "config: invalid"], {}, None]
)
def test_a_response_without_both_lists_is_refused(document):
    with pytest.raises(FatalSourceError, match="not a list of pairs and a list of currencies"):
        ask_markets(get_source("bitfinex"), Answers(document), ["tBTCUSD"], {})


@pytest.mark.parametrize(
    "symbol",
    ["BTCUSD", "tBTC/USD", "tbtcusd", "tBTCUSDX", "tDOGE:", "t:USD", "fUSD", "tBTCUSD\n", "t../USD", "tA:B:C"],
)
def test_symbols_that_are_unsafe_in_paths_are_refused(symbol):
    with pytest.raises(FatalSourceError, match="is not a market of bitfinex"):
        get_source("bitfinex").checked_symbol(symbol)


@pytest.mark.parametrize("interval", ["3m", "2h", "4h", "1D"])
def test_unknown_intervals_are_refused(interval):
    with pytest.raises(FatalSourceError, match="Set candle_interval to one of: 1m, 5m, 15m, 30m, 1h, 3h, 6h, 12h, 1d"):
        get_source("bitfinex").interval_length(interval)
