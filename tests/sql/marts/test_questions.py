"""Every question of docs/how-to/analyze-prices.md is answered by its query."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.mart_refreshes import Candle, Marts

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "analyze-prices.md"
QUESTIONS = dict(re.findall(r"^## ([^\n]+\?)\n.*?^```sql\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL))
START = date(2024, 1, 1)
PRICES = {"BTC": 40_000, "ETH": 2_000, "USDT": 1}


def candle(source: str, market: str, opens_at: datetime, interval: str, *, share: float = 0.0) -> Candle:
    """Return a candle whose price changes with the time and is a share above the others."""
    symbol, quote = market.split("/")
    wave = 1 + (opens_at.day * 7 + opens_at.hour) % 11 / 1000 if symbol != "USDT" else 0.999
    price = f"{PRICES[symbol] * wave * (1 + share):.4f}"
    return Candle(source, symbol, quote, interval, opens_at, *[price] * 4, "2", None, None)


@pytest.fixture(scope="module")
def answers(warehouse, session_client):
    """The answers of all queries, of a warehouse with a week of candles of four exchanges and a longer history."""
    marts = Marts(session_client, warehouse)
    marts.empty()
    end = START + timedelta(days=7)
    hours = [datetime.fromisoformat("2024-01-01") + timedelta(hours=hour) for hour in range(7 * 24)]
    for source, share in (("bitfinex", 0.0), ("bitstamp", 0.0001), ("coinbase", 0.01)):
        markets = ("BTC/USD", "ETH/USD", "USDT/USD")
        shares = dict.fromkeys(markets, share) | {"USDT/USD": share / 100}
        loaded = [candle(source, market, hour, "1h", share=shares[market]) for market in markets for hour in hours]
        marts.load(source, START, end, loaded)
    half_hours = [each + timedelta(minutes=minutes) for each in hours for minutes in (0, 30)]
    marts.load("binance", START, end, [candle("binance", "BTC/USDT", each, "30m") for each in half_hours], "30m")
    days = [datetime.fromisoformat("2023-11-01") + timedelta(days=day) for day in range(61)]
    history = [candle("coinbase", market, day, "1d") for market in ("BTC/USD", "ETH/USD") for day in days]
    marts.load("coinbase", date(2023, 11, 1), START, history, "1d")
    marts.refresh()
    session_client.ok("UPDATE crypto.load_log SET visible_at = '2024-01-08 00:05:00'")
    found = {}
    with warehouse.connect("crypto", autocommit=True) as reader:
        reader.execute("SET ROLE crypto_readers")
        for query in QUESTIONS.values():
            reader.execute(query)
    for question, query in QUESTIONS.items():
        outcome = session_client.run(query)
        assert outcome.error is None, f"{question}: {outcome.error}"
        names = [column["name"] for column in outcome.columns]
        found[question] = [dict(zip(names, row, strict=True)) for row in outcome.rows]
    return found


def test_there_are_at_least_ten_questions_about_the_views():
    assert len(QUESTIONS) >= 10
    for query in QUESTIONS.values():
        assert set(re.findall(r"(?:FROM|JOIN) (\w+)\.", query)) == {"crypto_views"}


@pytest.mark.parametrize("question", QUESTIONS)
def test_each_query_has_an_answer(answers, question):
    assert answers[question]
    # A column that is always NULL would answer nothing. No candle is missing here.
    names = set(answers[question][0]) - {"gap_reason"}
    assert {name for name in names if all(row[name] is None for row in answers[question])} == set()


def test_the_answers_are_right(answers):
    closes = answers["What was the daily close?"]
    assert len(closes) == 18
    assert closes[0] | {"return_1d": 0} == {
        "source": "bitfinex", "price_date": "2024-01-02", "close_price": "40160.000000000000000000", "return_1d": 0,
        "is_complete": True,
    }  # fmt: skip
    whole = answers["What was the price of the whole market?"]
    assert {(row["status"], row["venues"]) for row in whole} == {("ok", 4)}
    deviating = answers["Which exchange deviated most from the others?"]
    assert (deviating[0]["source"], deviating[0]["hours_that_deviate"]) == ("coinbase", 168)
    known = answers["What had closed by a given time?"]
    # Binance has candles of 30 minutes.
    assert {row["closes_at"] for row in known} == {"2024-01-05 13:00:00", "2024-01-05 13:30:00"}
    versions = answers["What did the warehouse know at a given time?"]
    assert {row["known_at"] for row in versions} == {"2024-01-08 00:05:00"}
    assert len(versions) == 3 * 24 + 48
    assert answers["Do two assets move together?"][0]["correlation"] == pytest.approx(1, abs=1e-4)
    assert answers["Are these tables up to date?"][0]["loads_behind"] == 0
    volume = {row["source"]: float(row["volume"]) for row in answers["Where was most of the volume?"]}
    # Binance has two candles an hour.
    assert volume == {"binance": 96, "bitfinex": 48, "bitstamp": 48, "coinbase": 48}
