import re
from datetime import date

import pytest
from crypto_prices.fetch.sources import known_sources

from dev.demo.command import parse_options
from local_platform.markets import DEFAULT_SYMBOLS
from tests.support.recordings import record_market

TODAY = date(2026, 11, 23)


def options(*arguments):
    return parse_options(list(arguments), today=TODAY)


def test_the_default_is_yesterday_with_generated_candles():
    default = options()
    assert default.day == date(2026, 11, 22)
    assert default.markets.symbols == {"binance": list(DEFAULT_SYMBOLS)}
    assert default.markets.market_data is None
    assert not default.live
    assert not default.reload
    assert default.state.folder.name == ".local"
    assert default.state.aws_port == 0


def test_date_symbols_and_recorded_candles_can_be_chosen(tmp_path):
    for symbol in ("BTCUSDT", "ETHUSDT"):
        record_market(tmp_path, symbol)
    chosen = options("--date", "2023-12-18", "--symbols", "BTCUSDT, ETHUSDT,BTCUSDT", "--market-data", str(tmp_path))
    assert chosen.day == date(2023, 12, 18)
    assert chosen.markets.symbols == {"binance": ["BTCUSDT", "ETHUSDT"]}
    assert chosen.markets.market_data == tmp_path
    assert chosen.logical_date.isoformat() == "2023-12-18T00:00:00+00:00"


def test_a_recording_selects_all_its_symbols(tmp_path):
    (tmp_path / "binance-1h").mkdir()
    for symbol in ("ETHUSDT", "BTCUSDT"):
        record_market(tmp_path / "binance-1h", symbol)
    assert options("--market-data", str(tmp_path)).markets.symbols == {"binance": ["BTCUSDT", "ETHUSDT"]}


def test_several_sources_load_the_same_assets():
    chosen = options("--sources", "binance,bitfinex,bitstamp,coinbase, coingecko").markets
    assert chosen.symbols == {
        "binance": list(DEFAULT_SYMBOLS),
        "bitfinex": ["tBTCUSD", "tETHUSD", "tSOLUSD", "tXRPUSD", "tDOGE:USD"],
        "bitstamp": ["btcusd", "ethusd", "solusd", "xrpusd", "dogeusd"],
        "coinbase": ["BTC-USD", "ETH-USD", "SOL-USD", "XRP-USD", "DOGE-USD"],
        "coingecko": ["bitcoin", "ethereum", "solana", "ripple", "dogecoin"],
    }


def test_a_recording_selects_the_markets_that_each_source_has(tmp_path):
    for symbol in ("BTCUSDT", "JTOUSDT"):
        record_market(tmp_path, symbol)
    chosen = options("--sources", "coinbase,coingecko", "--market-data", str(tmp_path)).markets
    assert chosen.symbols == {"coinbase": ["BTC-USD", "JTO-USD"], "coingecko": ["bitcoin"]}


def test_each_symbol_selects_the_source_that_uses_it():
    assert options("--symbols", "BTC-USD,BTCUSDT,bitcoin,btcusd,tDOGE:USD").markets.symbols == {
        "coinbase": ["BTC-USD"], "binance": ["BTCUSDT"], "coingecko": ["bitcoin"], "bitstamp": ["btcusd"],
        "bitfinex": ["tDOGE:USD"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--date", "18.12.2023"], "DATE=18.12.2023 is not a date"),
        (["--date", "2026-11-23"], "has not ended yet"),
        (["--date", "2027-01-01"], "has not ended yet"),
        (["--symbols", "BTC/USDT"], rf"'BTC/USDT' .* {' or '.join(known_sources())}"),
        (["--symbols", "BTC-USD", "--sources", "binance"], "'BTC-USD' .* binance"),
        (["--symbols", "BTCUSDT", "--sources", "binance,coinbase"], "SYMBOLS .* coinbase"),
        (["--symbols", "denta-coin"], "SYMBOLS.*'denta-coin'"),
        (["--symbols", "BTCUSDT,QXZBUSD"], r"no market QXZBUSD of binance\. It has ADAUSDT, .* LIVE=1"),
        (["--symbols", "ETHUSDT,BTCUSDX"], r"no market BTCUSDX of binance\. Did you mean BTCUSD[TC]"),
        (["--symbols", "FOO-USD"], "no market FOO-USD of coinbase"),
        (["--aws-port", "70000"], "AWS_PORT=70000 is not a port"),
        (["--sources", "kraken"], f"SOURCES.*kraken.* {', '.join(known_sources())}"),
        (["--sources", ","], "SOURCES=,"),
        (["--market-data", "nowhere"], "MARKET_DATA=nowhere is not a folder"),
        (["--market-data", "."], "has no SYMBOL.csv.gz file"),
        (["--live", "--market-data", "."], "LIVE and MARKET_DATA"),
    ],
)
def test_invalid_options_are_rejected_with_a_reason(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as exit_:
        options(*arguments)
    assert exit_.value.code == 2
    assert re.search(message, capsys.readouterr().err)


def test_a_recording_has_only_its_own_markets(tmp_path, capsys):
    record_market(tmp_path, "JTOUSDT")
    with pytest.raises(SystemExit):
        options("--symbols", "BTCUSDT", "--market-data", str(tmp_path))
    assert f"MARKET_DATA={tmp_path} has no market BTCUSDT of binance" in capsys.readouterr().err


@pytest.mark.parametrize("symbol", ["BTCUSDT", "BTC-USD", "bitcoin"])
def test_a_recording_in_microseconds_is_refused_with_file_line_and_unit_before_anything_starts(
    tmp_path, capsys, symbol
):
    """Binance's archives are in microseconds from 2025. The first day is in milliseconds."""
    record_market(tmp_path, "BTCUSDT", 1735603200000, 1735689600000000)
    record_market(tmp_path, "ETHUSDT", 1735603200000)
    with pytest.raises(SystemExit):
        options("--symbols", symbol, "--market-data", str(tmp_path))
    message = f"MARKET_DATA={tmp_path}: BTCUSDT.csv.gz, line 3: 1735689600000000 is in microseconds"
    assert message in capsys.readouterr().err
    assert options("--symbols", "ETHUSDT", "--market-data", str(tmp_path)).markets.symbols == {"binance": ["ETHUSDT"]}


def test_the_real_exchanges_may_have_markets_that_the_local_one_lacks():
    assert options("--symbols", "WLDUSDT", "--live").markets.symbols == {"binance": ["WLDUSDT"]}
