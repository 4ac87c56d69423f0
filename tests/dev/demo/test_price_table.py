from decimal import Decimal

import pytest

from dev.demo.price_table import chart, market_days, plain
from tests.support.price_rows import row


def test_a_day_is_summarized_by_its_first_last_lowest_and_highest_price():
    rows = [row(0, "10", "8", "11", "9"), row(1, "9", "9", "20", "12"), row(0, "1", "1", "1", "1", symbol="ETH")]
    bitcoin, ether = market_days(rows)
    assert (bitcoin.market, bitcoin.candles) == ("BTC/USDT", 2)
    assert [bitcoin.open_price, bitcoin.low_price, bitcoin.high_price, bitcoin.close_price] == [10, 8, 20, 12]
    assert bitcoin.change_percent == Decimal(20)
    assert bitcoin.chart == "▁█"
    assert ether.chart == "▁"


def test_prices_of_a_source_without_candles_follow_the_same_asset():
    rows = [row(0, "10", "8", "11", "9", symbol="ETH"), row(0, "1", "1", "1", "1")]
    points = [row(hour, price, None, None, None) | {"source": "coingecko"} for hour, price in ((0, "10"), (1, "15"))]
    btc, point, eth = market_days([*rows, *points])
    assert (btc.source, btc.market, eth.market) == ("binance", "BTC/USDT", "ETH/USDT")
    assert (point.source, point.open_price, point.chart) == ("coingecko", 10, "▁█")


def test_a_single_price_is_never_a_low_a_high_or_a_close():
    (point,) = market_days([row(hour, price, None, None, None) for hour, price in ((0, "10"), (1, "15"))])
    assert (point.low_price, point.high_price, point.close_price, point.change_percent) == (None,) * 4
    assert plain(point.close_price) == "–"  # noqa: RUF001


def test_a_chart_spans_the_lowest_to_the_highest_price():
    assert chart([Decimal(price) for price in (1, 2, 3, 4, 5, 6, 7, 8)]) == "▁▂▃▄▅▆▇█"
    assert chart([Decimal(5)] * 3) == "▁▁▁"


@pytest.mark.parametrize(
    ("number", "text"),
    [("41364.770000000000000000", "41364.77"), ("0.000000010000000000", "0.00000001"), ("100", "100"), ("0E-18", "0")],
)
def test_prices_keep_their_digits_without_padding(number, text):
    assert plain(Decimal(number)) == text
