"""The markets of a plan, from several exchanges."""

import json

import pytest
from crypto_prices.fetch.errors import FatalSourceError, MarketSettingsError, RetryableSourceError
from crypto_prices.plan.ask_exchanges import ask_exchanges, left_out_error
from crypto_prices.settings import parse_settings

from local_exchange.api import Source
from local_exchange.limits import RequestLimit
from tests.support.settings_document import GOOD

SYMBOLS = {"binance": ["BTCUSDT"], "coinbase": ["BTC-USD"], "coingecko": ["bitcoin"]}


def ask(exchange, *names, urls=None, **symbols):
    """Ask the exchanges. ``urls`` are the APIs to ask instead of their own, by source."""
    chosen = {name: symbols.get(name, SYMBOLS[name]) for name in names or SYMBOLS}
    sources = {
        name: {"symbols": listed, "api_url": exchange.url_of((urls or {}).get(name, name))}
        for name, listed in chosen.items()
    }
    return ask_exchanges(parse_settings(json.dumps(GOOD | {"sources": sources})), chosen)


def ban(exchange, seconds):
    """Let Binance request a wait."""
    exchange.limits.replace({Source.BINANCE: RequestLimit(1 / seconds)})
    exchange.limits.take(Source.BINANCE)


def test_exchanges_that_do_not_respond_as_expected_do_not_hold_up_the_others(exchange, caplog):
    ban(exchange, 600)
    asked = ask(exchange, urls={"coinbase": "coingecko"})
    assert asked.markets.sources == {"coingecko"}
    assert list(asked.left_out) == ["binance", "coinbase"]
    banned, wrong = asked.left_out.values()
    assert isinstance(banned, RetryableSourceError)
    assert banned.retry_after_seconds == pytest.approx(600, abs=5)
    assert isinstance(wrong, FatalSourceError)
    assert [line.partition(" is left out")[0] for line in asked.left_out_text.splitlines()] == ["binance", "coinbase"]
    assert "coinbase is left out, because it did not name its markets: " in caplog.text


def test_all_exchanges_that_respond_are_in_the_plan(exchange):
    asked = ask(exchange)
    assert asked.markets.sources == set(SYMBOLS)
    assert (asked.left_out, asked.left_out_text) == ({}, "")
    assert ask(exchange, "coinbase").markets.sources == {"coinbase"}


def test_a_symbol_that_an_exchange_does_not_list_is_an_error_whatever_the_others_send(exchange):
    ban(exchange, 600)
    with pytest.raises(MarketSettingsError, match="coinbase does not list BTC-XYZ"):
        ask(exchange, coinbase=["BTC-XYZ"])


def test_a_plan_needs_one_exchange(exchange):
    with pytest.raises(FatalSourceError, match="404"):
        ask(exchange, "coinbase", urls={"coinbase": "coingecko"})
    ban(exchange, 600)
    # One of them may respond later, so a retry helps.
    with pytest.raises(RetryableSourceError) as error:
        ask(exchange, "binance", "coinbase", urls={"coinbase": "coingecko"})
    assert error.value.retry_after_seconds == pytest.approx(600, abs=5)


def test_a_task_that_needs_all_exchanges_waits_as_long_as_they_request():
    left_out = {
        "binance": RetryableSourceError("banned", "wait", retry_after_seconds=120),
        "coinbase": RetryableSourceError("slow down", "wait", retry_after_seconds=7),
        "other": FatalSourceError("no list", "check", retry_after_seconds=None),
    }
    error = left_out_error(left_out, "not checked", "Try again")
    assert str(error) == "not checked: binance: banned; coinbase: slow down; other: no list. Try again"
    assert error.retry_after_seconds == 120
