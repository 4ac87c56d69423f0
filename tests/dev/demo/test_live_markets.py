"""The check of the real exchanges, against the local exchange as their API."""

import threading

import pytest
from crypto_prices.fetch.request_retry_policy import RequestRetryPolicy
from werkzeug.serving import WSGIRequestHandler, make_server

from dev.demo import live_markets
from dev.demo.live_markets import LiveMarketError, require_live_markets
from local_exchange.faults import FaultPlan
from local_exchange.server import create_exchange


class Quiet(WSGIRequestHandler):
    def log(self, *_):
        pass


@pytest.fixture
def requested():
    """The paths that the exchange was asked for."""
    return []


@pytest.fixture
def api_urls(requested):
    exchange = create_exchange(None, FaultPlan())

    def recording(environ, start_response):
        requested.append(environ["PATH_INFO"].removeprefix("/exchange/"))
        return exchange(environ, start_response)

    server = make_server("127.0.0.1", 0, recording, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    names = ("binance", "coinbase", "coingecko")
    yield {name: f"http://127.0.0.1:{server.server_port}/exchange/{name}" for name in names}
    server.shutdown()
    server.server_close()
    thread.join()


def test_known_markets_pass_with_one_request_per_list_of_markets(api_urls, requested):
    """CoinGecko allows five requests per minute, and the run itself needs them."""
    symbols = {
        "binance": ["BTCUSDT", "ETHUSDT"],
        "coinbase": ["BTC-USD", "ETH-USD"],
        "coingecko": ["bitcoin", "ethereum", "solana", "ripple", "dogecoin"],
    }
    require_live_markets(symbols, api_urls=api_urls)
    assert requested == ["binance/api/v3/exchangeInfo", "coinbase/products"]


def test_the_requests_keep_the_pace_of_the_source(api_urls, monkeypatch):
    paces = []
    budget = live_markets.RequestBudget
    monkeypatch.setattr(live_markets, "RequestBudget", lambda pace: paces.append(pace) or budget(pace))
    require_live_markets({"binance": ["BTCUSDT"], "coinbase": ["BTC-USD"]}, api_urls=api_urls)
    assert paces == [live_markets.get_source(name).requests_per_second for name in ("binance", "coinbase")]


@pytest.mark.parametrize(("source", "symbol"), [("binance", "QXZUSDT"), ("coinbase", "QXZ-USD")])
def test_an_unknown_market_is_refused(api_urls, source, symbol):
    with pytest.raises(LiveMarketError, match=f"SYMBOLS: {source} does not list {symbol}"):
        require_live_markets({source: [symbol]}, api_urls=api_urls)


def test_an_exchange_that_cannot_be_reached_is_reported(monkeypatch):
    monkeypatch.setattr(live_markets, "_POLICY", RequestRetryPolicy(max_attempts=1))
    with pytest.raises(LiveMarketError, match="the markets of binance cannot be checked: the connection failed"):
        require_live_markets({"binance": ["BTCUSDT"]}, api_urls={"binance": "http://127.0.0.1:9"})
