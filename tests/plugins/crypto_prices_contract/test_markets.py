from crypto_prices_contract.markets import Market, market_key, origins_as_text, origins_from_text


def test_a_market_has_a_canonical_name_and_a_key():
    market = Market("BTCUSDT", "BTC", "USDT")
    assert market.name == "BTC/USDT"
    assert market_key("binance", "1h", market.name) == "binance/1h/BTC/USDT"


def test_origins_survive_as_a_catalog_parameter():
    origins = {"binance/1h/ETH/USDT": "jr_1", "binance/1h/BTC/USDT": "s3://lake/curated/version=jr_0/"}
    text = origins_as_text(origins)
    assert text == "binance/1h/BTC/USDT@s3://lake/curated/version=jr_0/,binance/1h/ETH/USDT@jr_1"
    assert origins_from_text(text) == origins
    assert origins_from_text("") == {}
