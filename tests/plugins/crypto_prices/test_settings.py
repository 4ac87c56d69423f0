import json
import re
from pathlib import Path

import pytest
from crypto_prices.fetch.sources import get_source, known_sources
from crypto_prices.quality_rules import quality_rules
from crypto_prices.settings import SettingsError, load_settings, parse_settings, select_symbols

from tests.support.settings_document import GOOD, changed

DOCUMENTATION = Path(__file__).parents[3] / "docs" / "reference"


def test_valid_settings_are_read_with_defaults():
    settings = parse_settings(json.dumps(GOOD))
    assert settings.sources["binance"].symbols == ["BTCUSDT", "ETHUSDT"]
    assert settings.candle_interval == "1h"
    assert settings.max_rejected_share == 0.01
    assert settings.restatement_sample == 20
    assert settings.freshness_hours == 30
    assert settings.rules == quality_rules({})


def test_the_example_of_the_documentation_is_valid_and_has_markets_of_every_source():
    example = re.search(r"```json\n(.*?)```", (DOCUMENTATION / "settings.md").read_text(), re.DOTALL)
    assert example
    sources = parse_settings(example[1]).sources
    assert sorted(sources) == known_sources()
    for name, of_source in sources.items():
        source = get_source(name)
        assert [source.checked_symbol(symbol) for symbol in of_source.symbols] == of_source.symbols


@pytest.mark.parametrize("symbol", ["BTCUSDT", "BTC-USD", "avalanche-2", "tDOGE:USD", "BTC_USDT"])
def test_symbols_have_the_spelling_of_their_exchange(symbol):
    settings = parse_settings(changed(sources={"binance": {"symbols": [symbol]}}))
    assert settings.sources["binance"].symbols == [symbol]


@pytest.mark.parametrize("key", sorted(GOOD))
def test_each_missing_key_is_named(key):
    with pytest.raises(SettingsError, match=f"{key}: this key is missing"):
        parse_settings(changed(**{key: ...}))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"s3_bucket": "s3://lake"}, "s3_bucket"),
        ({"s3_bucket": "Upper"}, "s3_bucket"),
        ({"redshift_secret_arn": "crypto-prices/redshift-admin"}, "redshift_secret_arn"),
        ({"redshift_copy_role_arn": "arn:aws:iam::123456789012:role/x' ; DROP TABLE y --"}, "redshift_copy_role_arn"),
        ({"catalog_table": "crypto prices"}, "catalog_table"),
        ({"candle_interval": "hourly"}, "candle_interval"),
        ({"max_rejected_share": 1.5}, "max_rejected_share"),
        ({"max_rejected_share": "0.1"}, "max_rejected_share"),
        ({"restatement_sample": -1}, "restatement_sample"),
        ({"restatement_sample": 201}, "restatement_sample"),
        ({"restatement_sample": 0.5}, "restatement_sample"),
        # Loads are daily, so a candle is up to a day old, and the alarms look back at most a week.
        ({"freshness_hours": 24}, "freshness_hours"),
        ({"freshness_hours": 169}, "freshness_hours"),
        ({"freshness_hours": 30.5}, "freshness_hours"),
        ({"sources": {}}, "sources"),
        ({"sources": {"binance": {"symbols": []}}}, "sources.binance.symbols"),
        ({"sources": {"binance": {"symbols": ["../etc"]}}}, "sources.binance.symbols.0"),
        ({"sources": {"binance": {"symbols": ["BTCUSDT", "BTCUSDT"]}}}, "listed more than once: BTCUSDT"),
        ({"sources": {"binance": {"symbols": ["BTCUSDT"], "api_url": "ftp://x"}}}, "sources.binance.api_url"),
        ({"sources": {"binance": {"symbols": ["BTCUSDT"], "key": "x"}}}, "binance.key: this key does not exist"),
        ({"sources": {"binance": {"symbols": ["BTCUSDT"], "connection_id": "a/b"}}}, "sources.binance.connection_id"),
        ({"sources": {"binance": {"symbols": ["BCCUSDT"], "markets": {"BCCUSDT": "BCCUSDT"}}}}, "markets.BCCUSDT"),
        ({"sources": {"binance": {"symbols": ["BCCUSDT"], "markets": {"BCCUSDT": "BC-C/USDT"}}}}, "markets.BCCUSDT"),
        (
            {"sources": {"binance": {"symbols": ["BTCUSDT"], "markets": {"BCCUSDT": "BCC/USDT"}}}},
            "markets has BCCUSDT, which symbols does not list",
        ),
        ({"sources": {"binance": {"symbols": ["BTCUSDT"], "requests_per_second": 0}}}, "binance.requests_per_second"),
        ({"quality_rules": {"beauty": {}}}, "rule 'beauty' does not exist"),
        ({"quality_rules": {"off_grid": {"action": "warn"}}}, "off_grid cannot warn"),
        ({"quality_rules": {"off_grid": {"action": "drop"}}}, "quality_rules.off_grid.action"),
        ({"quality_rules": {"price_jump": {"limit": 1}}}, "quality_rules.price_jump.limit: this key does not exist"),
        ({"buckt": "x"}, "buckt: this key does not exist"),
    ],
)
def test_each_wrong_key_is_named(changes, named):
    with pytest.raises(SettingsError) as error:
        parse_settings(changed(**changes))
    assert named in str(error.value)
    assert "crypto_prices_settings" in str(error.value)


def test_all_wrong_keys_are_named_together():
    with pytest.raises(SettingsError) as error:
        parse_settings(changed(s3_bucket=..., glue_job_name=3))
    assert "s3_bucket" in str(error.value)
    assert "glue_job_name" in str(error.value)


def test_a_text_that_is_not_json_is_refused():
    with pytest.raises(SettingsError, match="crypto_prices_settings"):
        parse_settings("s3_bucket=lake")


def test_a_missing_variable_is_named_with_where_to_create_it(monkeypatch):
    monkeypatch.setattr("airflow.sdk.Variable.get", lambda key, default: default)
    with pytest.raises(SettingsError, match="secret crypto_prices_settings under the variables_prefix"):
        load_settings()


SOURCES = {"binance": {"symbols": ["BTCUSDT", "ETHUSDT"]}, "coinbase": {"symbols": ["BTC-USD", "SOL-USD"]}}


@pytest.mark.parametrize(
    ("sources", "symbols", "chosen"),
    [
        ([], [], {"binance": ["BTCUSDT", "ETHUSDT"], "coinbase": ["BTC-USD", "SOL-USD"]}),
        (["coinbase"], [], {"coinbase": ["BTC-USD", "SOL-USD"]}),
        (["binance"], ["ETHUSDT"], {"binance": ["ETHUSDT"]}),
        # A source without any of the symbols is omitted instead of being fetched without symbols.
        ([], ["SOL-USD"], {"coinbase": ["SOL-USD"]}),
        # The result has the order of the settings, so the content hash does not depend on the order of the request.
        ([], ["ETHUSDT", "BTC-USD", "BTCUSDT"], {"binance": ["BTCUSDT", "ETHUSDT"], "coinbase": ["BTC-USD"]}),
    ],
)
def test_requested_sources_and_symbols_are_selected(sources, symbols, chosen):
    assert select_symbols(parse_settings(changed(sources=SOURCES)), sources, symbols) == chosen


@pytest.mark.parametrize(
    ("sources", "symbols", "message"),
    [
        (["kraken", "binance"], [], "no source kraken: use binance, coinbase"),
        ([], ["BTCUSDT", "XRPUSDT"], "no symbol XRPUSDT for binance, coinbase"),
        (["coinbase"], ["BTCUSDT"], "no symbol BTCUSDT for coinbase"),
    ],
)
def test_sources_and_symbols_outside_the_settings_are_refused(sources, symbols, message):
    with pytest.raises(SettingsError, match=message):
        select_symbols(parse_settings(changed(sources=SOURCES)), sources, symbols)


def test_a_misspelled_symbol_gets_the_nearest_one():
    settings = parse_settings(changed(sources=SOURCES))
    with pytest.raises(SettingsError, match="use BTCUSDT if you meant that"):
        select_symbols(settings, [], ["BTCUSDTT"])
    with pytest.raises(SettingsError) as raised:
        select_symbols(settings, [], ["DOGEEUR"])
    assert "if you meant" not in str(raised.value)


def test_a_byte_order_mark_is_refused_in_one_line():
    with pytest.raises(SettingsError, match="byte order mark") as raised:
        parse_settings("\ufeff" + json.dumps(GOOD))
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("first", "twice"),
    [
        ('"s3_bucket": "old",', "s3_bucket"),
        ('"sources": {"binance": {"symbols": ["A"], "symbols": ["B"]}},', "symbols"),
    ],
)
def test_a_key_that_an_object_has_twice_is_refused(first, twice):
    """Parsers keep the first or the last value, so it is unknown which one was meant."""
    with pytest.raises(SettingsError, match=rf"twice in one object: {twice}\.") as raised:
        parse_settings(json.dumps(GOOD).replace("{", "{" + first, 1))
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '"\ud800"', "NaN"])
def test_any_text_that_is_not_settings_is_refused_in_one_line(text):
    with pytest.raises(SettingsError) as raised:
        parse_settings(text)
    assert len(str(raised.value).splitlines()) == 1
