import pytest

from dev.airflow.command import parse_options
from local_platform.markets import DEFAULT_SYMBOLS
from tests.support.recordings import record_market


def test_the_defaults_are_the_usual_ports_and_markets():
    options = parse_options([])
    assert (options.ui_port, options.state.aws_port) == (8080, 4566)
    assert options.markets.symbols == {"binance": list(DEFAULT_SYMBOLS)}
    assert options.state.folder.name == ".local"


def test_ports_and_markets_can_be_chosen(tmp_path):
    record_market(tmp_path, "JTOUSDT")
    options = parse_options(["--port", "0", "--aws-port", "5000", "--market-data", str(tmp_path)])
    assert (options.ui_port, options.state.aws_port) == (0, 5000)
    assert options.markets.symbols == {"binance": ["JTOUSDT"]}


def test_an_invalid_port_is_rejected(capsys):
    with pytest.raises(SystemExit):
        parse_options(["--port", "70000"])
    assert "PORT=70000" in capsys.readouterr().err


def test_an_unknown_market_is_rejected_before_anything_starts(capsys):
    with pytest.raises(SystemExit):
        parse_options(["--symbols", "QXZBUSD"])
    assert "no market QXZBUSD of binance" in capsys.readouterr().err
