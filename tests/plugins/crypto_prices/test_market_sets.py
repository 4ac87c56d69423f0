import hashlib

import pytest
from crypto_prices.market_sets import (
    MARKETS_PER_STATEMENT,
    MarketSets,
    UnknownMarketSetError,
    market_chunks,
    market_set_name,
)

from tests.support.tasks import fetched


def test_a_set_is_named_after_its_markets_in_any_order():
    name = market_set_name(["ETH/USDT", "BTC/USDT"])
    assert name == market_set_name(["BTC/USDT", "ETH/USDT"]) == hashlib.sha256(b"BTC/USDT\nETH/USDT").hexdigest()
    assert name != market_set_name(["BTC/USDT"])
    assert fetched().market_set == market_set_name(["BTC/USDT"])


def test_the_chunks_have_every_market_once():
    markets = [f"C{number}/USDT" for number in range(2 * MARKETS_PER_STATEMENT + 1)]
    chunks = list(market_chunks(markets))
    assert [len(chunk) for chunk in chunks] == [MARKETS_PER_STATEMENT, MARKETS_PER_STATEMENT, 1]
    assert sorted(f"{symbol}/{quote}" for chunk in chunks for symbol, quote in chunk) == sorted(markets)


def test_a_load_without_its_set_is_an_error_that_says_how_to_write_it_again():
    market_sets = MarketSets([{"market_set": "a", "market": "BTC/USDT"}, {"market_set": "a", "market": "ETH/USDT"}])
    load = {"batch_id": "b1", "source": "binance", "market_set": "a"}
    assert market_sets.of_load(load) == {"BTC/USDT", "ETH/USDT"}
    with pytest.raises(UnknownMarketSetError, match=r"lacks the set b of load b1 of binance.* clear plan_load"):
        market_sets.of_load(load | {"market_set": "b"})
