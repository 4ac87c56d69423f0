from datetime import date

import pytest

from local_aws.demo.__main__ import parse_options
from local_aws.markets import DEFAULT_SYMBOLS

TODAY = date(2026, 11, 23)


def options(*arguments):
    return parse_options(list(arguments), today=TODAY)


def test_without_arguments_it_is_yesterday_with_generated_candles():
    default = options()
    assert default.day == date(2026, 11, 22)
    assert default.symbols == list(DEFAULT_SYMBOLS)
    assert default.market_data is None
    assert not default.live
    assert not default.force
    assert default.state_dir.name == ".local"


def test_a_date_symbols_and_recorded_candles_can_be_chosen(tmp_path):
    (tmp_path / "JTOUSDT.csv.gz").touch()
    chosen = options("--date", "2023-12-18", "--symbols", "BTCUSDT, ETHUSDT,BTCUSDT", "--market-data", str(tmp_path))
    assert chosen.day == date(2023, 12, 18)
    assert chosen.symbols == ["BTCUSDT", "ETHUSDT"]
    assert chosen.market_data == tmp_path
    assert chosen.logical_date.isoformat() == "2023-12-18T00:00:00+00:00"


def test_recorded_candles_bring_all_their_symbols(tmp_path):
    (tmp_path / "binance-1h").mkdir()
    for symbol in ("ETHUSDT", "BTCUSDT"):
        (tmp_path / "binance-1h" / f"{symbol}.csv.gz").touch()
    assert options("--market-data", str(tmp_path)).symbols == ["BTCUSDT", "ETHUSDT"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--date", "18.12.2023"], "DATE=18.12.2023 is not a day"),
        (["--date", "2026-11-23"], "has not ended yet"),
        (["--date", "2027-01-01"], "has not ended yet"),
        (["--symbols", "BTC/USDT"], "'BTC/USDT' is no exchange symbol"),
        (["--market-data", "nowhere"], "MARKET_DATA=nowhere is not a folder"),
        (["--market-data", "."], "holds no SYMBOL.csv.gz file"),
        (["--live", "--market-data", "."], "exclude each other"),
    ],
)
def test_what_cannot_be_run_is_refused_in_words(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_:
        options(*arguments)
    assert exit_.value.code == 2
    assert said in capsys.readouterr().err
