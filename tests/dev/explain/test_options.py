import pytest

from dev.explain.command import parse_options

GOOD = ["--market", "BTC/USDT", "--source", "binance", "--at", "2024-01-05T13:00"]


def test_the_candle_is_of_an_hour_unless_another_interval_is_given():
    assert parse_options(GOOD).question.candle_interval == "1h"
    assert parse_options([*GOOD, "--interval", "5m"]).question.candle_interval == "5m"


@pytest.mark.parametrize("missing", [0, 2, 4])
def test_a_missing_part_is_named(capsys, missing):
    with pytest.raises(SystemExit):
        parse_options(GOOD[:missing] + GOOD[missing + 2 :])
    assert GOOD[missing].removeprefix("--").upper() in capsys.readouterr().err


def test_a_text_that_is_not_a_market_is_refused_before_anything_starts(capsys):
    with pytest.raises(SystemExit):
        parse_options(["--market", "x'; DROP TABLE y --", *GOOD[2:]])
    assert "is not a market" in capsys.readouterr().err
