"""The sources whose days an audit fetches again."""

import json
from datetime import date

from crypto_prices.audit.days_to_heal import MarketDay
from crypto_prices.audit.refetch import refetch
from crypto_prices.fetch.markets import MarketsByDay, Pair
from crypto_prices.settings import parse_settings

from tests.support.settings_document import GOOD

DAY = date(2024, 1, 5)
PLACES = [
    MarketDay("binance", "BTC/USDT", DAY),
    MarketDay("coinbase", "BTC/USD", DAY),
    MarketDay("coingecko", "BTC/USD", DAY),
]


def test_a_source_without_its_connection_or_its_markets_does_not_hold_up_the_others(exchange, caplog):
    sources = {
        "binance": {"symbols": ["BTCUSDT"], "api_url": exchange.url_of("binance")},
        "coinbase": {"symbols": ["BTC-USD"], "api_url": exchange.url_of("coinbase")},
        "coingecko": {
            "symbols": ["bitcoin"], "api_url": exchange.url_of("coingecko"), "connection_id": "no_such_connection",
        },
    }  # fmt: skip
    settings = parse_settings(json.dumps(GOOD | {"sources": sources}))
    # Coinbase did not name its markets.
    markets = MarketsByDay(
        {"binance": {"BTCUSDT": Pair("BTC", "USDT")}, "coingecko": {"bitcoin": Pair("bitcoin", "USD")}}
    )
    ((place, candles),) = refetch(settings, PLACES, markets)
    assert (place, len(candles)) == (PLACES[0], 24)
    assert "1 days of coinbase are not compared, because it did not name its markets" in caplog.text
    assert "1 days of coingecko are not compared: the Airflow connection no_such_connection is missing" in caplog.text
    assert set(exchange.paths) == {"/exchange/binance/api/v3/klines"}
