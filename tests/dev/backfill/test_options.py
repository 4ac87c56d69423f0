from datetime import UTC, date, datetime

import pytest

from dev.backfill.command import parse_options

TODAY = date(2026, 11, 23)
DAYS = ("--from", "2024-01-30", "--to", "2024-02-01")


def options(*arguments):
    return parse_options(list(arguments), today=TODAY)


def test_the_range_includes_its_last_day():
    chosen = options(*DAYS)
    assert chosen.days == [date(2024, 1, 30), date(2024, 1, 31), date(2024, 2, 1)]
    assert chosen.first_date == datetime(2024, 1, 30, tzinfo=UTC)
    assert chosen.last_date == datetime(2024, 2, 1, tzinfo=UTC)
    assert (chosen.max_active_runs, chosen.reprocess, chosen.backwards) == (4, "none", False)
    assert chosen.markets is None


def test_every_option_is_applied():
    chosen = options(
        *DAYS, "--max-active-runs", "2", "--reprocess", "failed", "--backwards", "--symbols", "BTCUSDT,ETHUSDT",
        "--state-dir", "/state", "--aws-port", "4567",
    )  # fmt: skip
    assert (str(chosen.state.folder), chosen.state.aws_port) == ("/state", 4567)
    assert (chosen.max_active_runs, chosen.reprocess, chosen.backwards) == (2, "failed", True)
    assert chosen.markets is not None
    assert chosen.markets.symbols == {"binance": ["BTCUSDT", "ETHUSDT"]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--from", "2024-01-01"), "TO is missing"),
        (("--from", "", "--to", "2024-01-01"), "FROM is missing: make backfill FROM=YYYY-MM-DD TO=YYYY-MM-DD"),
        (("--from", "01.02.2024", "--to", "2024-02-02"), "FROM=01.02.2024 is not a date"),
        (("--from", "2024-01-02", "--to", "2024-01-01"), "TO=2024-01-01 is before FROM=2024-01-02"),
        (("--from", "2024-01-02", "--to", "2026-11-23"), "TO=2026-11-23 has not ended yet"),
        ((*DAYS, "--max-active-runs", "0"), "MAX_ACTIVE_RUNS=0"),
        ((*DAYS, "--reprocess", "all"), "invalid choice"),
        ((*DAYS, "--symbols", "QXZBUSD"), "no market QXZBUSD of binance"),
        ((*DAYS, "--aws-port", "-1"), "AWS_PORT=-1 is not a port"),
    ],
)
def test_invalid_options_are_rejected(capsys, arguments, message):
    with pytest.raises(SystemExit):
        options(*arguments)
    assert message in capsys.readouterr().err
