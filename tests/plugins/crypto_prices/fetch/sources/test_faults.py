"""Faults that end by themselves, with each exchange's own errors."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from crypto_prices.fetch.http_client import HttpClient
from crypto_prices.fetch.sources import get_source
from crypto_prices_contract.window import Window

from local_exchange.api import Source
from local_exchange.faults import Fault, FaultKind

DAY = Window(date(2023, 12, 18), date(2023, 12, 19))
SYMBOLS = {
    Source.BINANCE: "BTCUSDT",
    Source.BITFINEX: "tBTCUSD",
    Source.BITSTAMP: "btcusd",
    Source.COINBASE: "BTC-USD",
    Source.COINGECKO: "bitcoin",
}


@pytest.mark.parametrize("name", list(Source))
def test_each_fault_costs_a_request_and_a_wait_but_no_candle(exchange, name):
    faults = [
        Fault(FaultKind.RATE_LIMITED),
        Fault(FaultKind.SERVER_ERROR, status=500),
        Fault(FaultKind.TRUNCATED_JSON),
        Fault(FaultKind.CUT_OFF),
    ]
    source = get_source(name, exchange.url_of(name))
    for fault in faults:
        waits: list[float] = []
        exchange.faults.replace([fault])
        before = len(exchange.paths)
        with HttpClient(sleep=waits.append, error_rules=source.error_rules) as client:
            pages = list(source.fetch_pages(client, SYMBOLS[name], DAY, "1h"))
        sent = [candle.opened_ms for page in pages for candle in source.read_candles(page.response, "1h")]
        hours = [time for time in sent if DAY.starts_at <= datetime.fromtimestamp(time / 1000, UTC) < DAY.ends_at]
        assert (fault, len(hours), len(set(hours))) == (fault, 24, 24)
        assert (fault, len(exchange.paths) - before, len(waits)) == (fault, 2, 1)
