"""The check of the real exchanges, against the local exchange as their API."""

import threading
from datetime import date

import pytest
from crypto_prices.fetch.request_retry_policy import RequestRetryPolicy
from werkzeug.serving import WSGIRequestHandler, make_server

from dev.demo import live_markets
from dev.demo.live_markets import LiveMarketError, require_live_markets
from local_exchange.faults import FaultPlan
from local_exchange.server import create_exchange

DAY = date(2023, 12, 18)


class Quiet(WSGIRequestHandler):
    def log(self, *_):
        pass


@pytest.fixture
def api_urls():
    server = make_server("127.0.0.1", 0, create_exchange(None, FaultPlan()), threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    names = ("binance", "coinbase", "coingecko")
    yield {name: f"http://127.0.0.1:{server.server_port}/exchange/{name}" for name in names}
    server.shutdown()
    server.server_close()
    thread.join()


def test_known_markets_pass(api_urls):
    require_live_markets({"binance": ["BTCUSDT", "ETHUSDT"], "coinbase": ["BTC-USD"]}, DAY, api_urls=api_urls)


@pytest.mark.parametrize(("source", "symbol"), [("binance", "QXZUSDT"), ("coinbase", "QXZ-USD")])
def test_an_unknown_market_is_refused_with_the_exchanges_reason(api_urls, source, symbol):
    with pytest.raises(LiveMarketError, match=rf"SYMBOLS: {symbol} of {source}: "):
        require_live_markets({source: [symbol]}, DAY, api_urls=api_urls)


def test_an_exchange_that_cannot_be_reached_is_reported(monkeypatch):
    monkeypatch.setattr(live_markets, "_POLICY", RequestRetryPolicy(max_attempts=1))
    with pytest.raises(LiveMarketError, match="BTCUSDT of binance: the connection failed"):
        require_live_markets({"binance": ["BTCUSDT"]}, DAY, api_urls={"binance": "http://127.0.0.1:9"})
