"""Base and quote of markets, as the exchanges state them."""

import json

import pytest
from crypto_prices.fetch.errors import FatalSourceError, MarketSettingsError
from crypto_prices.fetch.exchange_markets import ask_markets
from crypto_prices.fetch.http_client import Response
from crypto_prices.fetch.markets import Pair
from crypto_prices.fetch.sources import get_source
from crypto_prices_contract.window import Window

NOW = Window.parse("2024-01-01", "2024-01-02").ends_at
BINANCE_US = {
    "BNBUSD": "BNB/USD",
    "USDTUSD": "USDT/USD",
    "SHIBUSD": "SHIB/USD",
    "DOTUSD": "DOT/USD",
    "BTCAEUR": "BTC/AEUR",
    "EURAEUR": "EUR/AEUR",
}
"""Markets whose letters can be read in two ways."""


class ExchangeInfo:
    """Binance's exchangeInfo with some markets, and the requested lists."""

    def __init__(self, pairs):
        self.pairs = pairs
        self.asked = []

    def get_json(self, url, *, params, headers):
        assert url.endswith("/api/v3/exchangeInfo")
        symbols = json.loads(params["symbols"])
        self.asked.append(symbols)
        if not set(symbols) <= set(self.pairs):
            raise FatalSourceError("Invalid symbol.", "", url, 400, -1121)
        rows = [
            dict(zip(("baseAsset", "quoteAsset"), self.pairs[symbol].split("/"), strict=True)) for symbol in symbols
        ]
        document = {"symbols": [{"symbol": symbol} | row for symbol, row in zip(symbols, rows, strict=True)]}
        return Response(url, 200, json.dumps(document).encode(), NOW, document)


def ask(client, symbols, source="binance", stated=None, url=None):
    return ask_markets(get_source(source, url), client, symbols, stated or {})


def test_no_market_is_guessed_from_its_letters():
    found = ask(ExchangeInfo(BINANCE_US), list(BINANCE_US))
    assert {symbol: str(pair) for symbol, pair in found.pairs.items()} == BINANCE_US


def test_the_markets_of_the_local_exchange(exchange, client):
    found = ask(client, ["ETHBTC", "BTCUSDT"], url=exchange.url)
    assert found.pairs == {"ETHBTC": Pair("ETH", "BTC"), "BTCUSDT": Pair("BTC", "USDT")}
    assert list(found.pairs) == ["ETHBTC", "BTCUSDT"]
    products = ask(client, ["BTC-USD"], "coinbase", url=exchange.url_of("coinbase"))
    assert products.pairs == {"BTC-USD": Pair("BTC", "USD")}
    coins = ask(client, ["bitcoin"], "coingecko", url=exchange.url_of("coingecko"))
    assert (coins.pairs, coins.responses) == ({"bitcoin": Pair("bitcoin", "USD")}, [])
    assert exchange.paths == ["/exchange/binance/api/v3/exchangeInfo", "/exchange/coinbase/products"]
    assert [len(each.responses) for each in (found, products)] == [1, 1]


def test_many_markets_take_one_request_per_hundred():
    client = ExchangeInfo({f"C{number}USDT": f"C{number}/USDT" for number in range(1702)})
    found = ask(client, list(client.pairs))
    assert len(found.pairs) == 1702
    assert len(client.asked) == len(found.responses) == 18
    assert max(map(len, client.asked)) == 100


def test_an_unknown_symbol_is_found_in_few_requests_although_binance_does_not_name_it():
    client = ExchangeInfo({f"C{number}USDT": f"C{number}/USDT" for number in range(99)})
    with pytest.raises(MarketSettingsError, match=r"binance does not list NOPEUSDT\. .*\"markets\": {\"NOPEUSDT\":"):
        ask(client, [*client.pairs, "NOPEUSDT"])
    assert len(client.asked) <= 1 + 2 * 7


def test_several_unknown_symbols_are_refused_together():
    client = ExchangeInfo({f"C{number}USDT": f"C{number}/USDT" for number in range(150)})
    wrong = ["NOPEUSDT", "ALSOUSDT", "BADUSDT"]
    with pytest.raises(MarketSettingsError, match=r"binance does not list NOPEUSDT, ALSOUSDT, BADUSDT\."):
        ask(client, [wrong[0], *client.pairs, *wrong[1:]])


def test_an_unknown_product_is_refused(exchange, client):
    with pytest.raises(MarketSettingsError, match=r"coinbase does not list NOPE-USD, ALSO-USD\."):
        ask(client, ["BTC-USD", "NOPE-USD", "ALSO-USD"], "coinbase", url=exchange.url_of("coinbase"))


def test_an_unknown_coin_is_refused_without_a_request(exchange, client):
    with pytest.raises(
        MarketSettingsError, match=r"'dentacoin' of coingecko is unknown\. .*\"dentacoin\": \"BASE/USD\""
    ):
        ask(client, ["dentacoin"], "coingecko", url=exchange.url_of("coingecko"))
    with pytest.raises(MarketSettingsError, match=r"'dentacoin' of coingecko is unknown; coin 'nope' of coingecko is"):
        ask(client, ["dentacoin", "bitcoin", "nope"], "coingecko", url=exchange.url_of("coingecko"))
    assert exchange.paths == []


def test_a_market_that_is_no_longer_listed_can_be_stated():
    client = ExchangeInfo({"BTCUSDT": "BTC/USDT"})
    found = ask(client, ["BCCUSDT", "BTCUSDT"], stated={"BCCUSDT": "BCC/USDT"})
    assert list(found.pairs.items()) == [("BCCUSDT", Pair("BCC", "USDT")), ("BTCUSDT", Pair("BTC", "USDT"))]
    # Binance refuses the whole request because of BCCUSDT.
    assert client.asked == [["BTCUSDT", "BCCUSDT"], ["BTCUSDT"], ["BCCUSDT"]]
    assert ask(client, ["BCCUSDT"], stated={"BCCUSDT": "BCC/USDT"}).responses == []
    assert ask(None, ["dentacoin"], "coingecko", {"dentacoin": "DCN/USD"}).pairs == {"dentacoin": Pair("DCN", "USD")}


@pytest.mark.parametrize(
    ("source", "symbols", "wrong", "right"),
    [
        ("coinbase", ["BTC-USD"], "BTX/USD", "BTC/USD"),
        ("coinbase", ["BTC-USD", "ETH-USD"], "BTX/USD", "BTC/USD"),
        ("bitfinex", ["tBTCUSD"], "BTC/USDT", "BTC/USD"),
        ("bitfinex", ["tUSTUSD"], "USDT/USD", "UST/USD"),
        ("bitstamp", ["btcusd"], "BTX/USD", "BTC/USD"),
        ("binance", ["BTCUSDT"], "BT/CUSDT", "BTC/USDT"),
        ("binance", ["BTCUSDT", "ETHUSDT"], "BT/CUSDT", "BTC/USDT"),
        ("coingecko", ["bitcoin"], "ETH/USD", "bitcoin/USD"),
        ("coingecko", ["bitcoin"], "BTC/USD", "bitcoin/USD"),
    ],
)
def test_the_settings_cannot_contradict_the_exchange(exchange, client, source, symbols, wrong, right):
    with pytest.raises(
        MarketSettingsError, match=rf"state that {symbols[0]} of {source} is {wrong}, but .* lists it as {right}"
    ):
        ask(client, symbols, source, {symbols[0]: wrong}, exchange.url_of(source))


@pytest.mark.parametrize("coin", ["bitcoin", "dentacoin"])
def test_prices_in_dollars_are_never_stored_as_prices_in_another_currency(coin):
    """CoinGecko is asked for prices in US dollars, whatever the settings state."""
    with pytest.raises(
        MarketSettingsError, match=rf"state that {coin} of coingecko is X/EUR, but all prices .* are in USD"
    ):
        ask(None, [coin], "coingecko", {coin: "X/EUR"})


@pytest.mark.parametrize("symbol", ["btcusdt", "../etc", "BTC/USDT"])
def test_an_unsafe_symbol_is_refused_before_any_request(symbol):
    with pytest.raises(FatalSourceError, match="is not a market of binance"):
        ask(None, [symbol], stated={symbol: "BTC/USDT"})
