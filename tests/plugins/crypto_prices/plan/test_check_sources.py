import pytest
from crypto_prices.fetch.errors import FatalSourceError
from crypto_prices.plan.check_sources import check_sources
from crypto_prices.settings import parse_settings

from tests.support.settings_document import changed


def test_settings_that_the_sources_accept_pass():
    check_sources(parse_settings(changed()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sources": {"mtgox": {"symbols": ["BTCUSD"]}}}, "source 'mtgox' does not exist"),
        ({"candle_interval": "7m"}, "no candles of '7m'"),
        ({"sources": {"binance": {"symbols": ["BTC-USDT"]}}}, "not a market of binance"),
        ({"sources": {"binance": {"symbols": ["BTCUSDT"], "connection_id": "key"}}}, "does not accept an API key"),
    ],
)
def test_settings_that_a_source_rejects_are_refused(changes, message):
    with pytest.raises(FatalSourceError, match=message):
        check_sources(parse_settings(changed(**changes)))
