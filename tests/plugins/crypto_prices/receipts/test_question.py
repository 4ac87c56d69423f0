"""A question is data from a user: whatever is not a market, a source, a time or a day is refused in one sentence."""

import re
from datetime import UTC, datetime

import pytest
from crypto_prices.receipts.question import QuestionError, ask

GOOD = {"market": "BTC/USDT", "source": "binance", "at": "2024-01-05T13:00", "candle_interval": "1h"}
DAILY = GOOD | {"at": "", "mart": "daily", "day": "2024-01-05"}
REFUSED = {
    "no market": (GOOD | {"market": ""}, "MARKET '' is not a market: write base and quote"),
    "a market without a quote": (GOOD | {"market": "BTCUSDT"}, "MARKET 'BTCUSDT' is not a market"),
    "SQL in a market": (GOOD | {"market": "BTC/USDT'; DROP TABLE x --"}, "is not a market"),
    "a path in a market": (GOOD | {"market": "../../raw/x"}, "is not a market"),
    "HTML in a market": (GOOD | {"market": "<b>/USDT"}, "is not a market"),
    "a line feed in a market": (GOOD | {"market": "BTC/USDT\n"}, "is not a market"),
    "a long text": (GOOD | {"market": "X" * 5000}, "MARKET 'X{40}…' is not a market"),
    "an unknown source": (GOOD | {"source": "mtgox"}, "SOURCE 'mtgox' is unknown: use one of binance, bitfinex"),
    "no time": (GOOD | {"at": ""}, "AT '' is not a time in UTC: write it as in 2024-01-05T13:00"),
    "another zone": (GOOD | {"at": "2024-01-05T13:00+01:00"}, "is not a time in UTC"),
    "digits that are not ASCII": (GOOD | {"at": "٢٠٢٤-01-05T13:00"}, "is not a time in UTC"),
    "a day that does not exist": (GOOD | {"at": "2024-02-30T13:00"}, "AT '2024-02-30T13:00' does not exist"),
    "a time inside a candle": (GOOD | {"at": "2024-01-05T13:30"}, "is not the open time of a candle of 1h"),
    "an unknown interval": (GOOD | {"candle_interval": "1w"}, "INTERVAL '1w' is not a candle interval"),
    "a day without a mart": (GOOD | {"day": "2024-01-05"}, "DAY is for a mart: add MART=daily"),
    "an unknown mart": (DAILY | {"mart": "other"}, "MART 'other' cannot be explained: use one of daily"),
    "a mart that only has receipts of its inputs": (
        DAILY | {"mart": "consensus"},
        "MART consensus has no receipts, but its inputs have: ask for the candles that close at the hour",
    ),
    "a mart without a day": (DAILY | {"day": ""}, "DAY '' is not a day"),
    "a mart and a time": (DAILY | {"at": "2024-01-05T13:00"}, "AT and AS_OF are for a candle"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_anything_else_is_refused(name):
    texts, words = REFUSED[name]
    with pytest.raises(QuestionError, match=words) as error:
        ask(**texts)
    assert "\n" not in str(error.value)


def test_a_candle_has_a_market_a_source_and_an_open_time():
    question = ask(**GOOD)
    assert (question.symbol, question.quote_currency, question.source) == ("BTC", "USDT", "binance")
    assert question.at == datetime(2024, 1, 5, 13, tzinfo=UTC)
    assert question.observed_at == "2024-01-05 13:00:00"


@pytest.mark.parametrize(
    "at", ["2024-01-05T13:00", "2024-01-05 13:00", "2024-01-05T13:00:00Z", "2024-01-05T13:00:00+00:00"]
)
def test_a_time_can_be_written_in_several_ways(at):
    assert ask(**GOOD | {"at": at}) == ask(**GOOD)


def test_every_part_of_the_question_is_in_its_name_which_is_a_plain_path():
    others = [
        *({"market": "BTC/USD"}, {"market": "ETH/USDT"}, {"source": "coinbase"}, {"at": "2024-01-05T14:00"}),
        *({"candle_interval": "5m"}, {"as_of": "2024-02-01T00:00"}),
    ]
    names = [ask(**GOOD | other).name for other in ({}, *others)] + [ask(**DAILY).name]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9._=/-]+|.*as_of=.*", name) and ".." not in name for name in names)
