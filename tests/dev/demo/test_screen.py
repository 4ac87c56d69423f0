import io

import pytest
from rich.console import Console

from dev.demo.screen import Screen
from dev.demo.task_progress import TaskProgress
from tests.support.price_rows import row


def shown(show, **options):
    console = Console(file=io.StringIO(), highlight=False, **options)
    show(Screen(console))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [80, 100, 130])
def test_prices_keep_all_their_digits_on_a_narrow_terminal(width):
    rows = [row(hour, "0.00000139", "0.00000135", "0.00000169", "0.00000161", symbol="PEPE") for hour in range(24)]
    output = shown(lambda screen: screen.prices(rows), width=width, force_terminal=True, no_color=True)
    for price in ("0.00000139", "0.00000135", "0.00000169", "0.00000161"):
        assert price in output
    assert "…" not in output


def test_single_prices_are_shown_without_a_close_and_a_change():
    points = [row(hour, price, None, None, None) for hour, price in ((0, "10.25"), (1, "10.75"))]
    output = shown(lambda screen: screen.prices(points), width=200)
    (line,) = [line for line in output.splitlines() if "BTC/USDT" in line]
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells == ["binance", "BTC/USDT", "2", "10.25", "–", "–", "–", "–", "▁█"]  # noqa: RUF001
    assert "close by" not in output


@pytest.mark.parametrize("width", [40, 80, 120])
def test_counts_keep_all_their_digits_on_a_narrow_terminal(width):
    counts = ("fetched", "curated", "quarantined", "duplicate", "staged", "merged", "in_window", "removed")
    load = {f"rows_{name}": 1_000_000 + number for number, name in enumerate(counts)} | {"source": "coingecko"}
    output = shown(lambda screen: screen.accounting([load], {}), width=width, force_terminal=True, no_color=True)
    for number in range(8):
        assert str(1_000_000 + number) in output
    assert "quarantined" in output
    assert "…" not in output


def test_daily_prices_keep_their_digits_and_show_what_is_unknown():
    day = {
        "source": "binance", "symbol": "PEPE", "quote_currency": "USDT", "candles": 23, "expected_candles": 24,
        "close_price": "0.000001390000000000", "base_volume": None, "vwap": "1.3912345678e-06", "return_1d": "-0.0125",
    }  # fmt: skip
    output = shown(lambda screen: screen.daily([day]), width=120)
    (line,) = [line for line in output.splitlines() if "PEPE/USDT" in line]
    assert [cell.strip() for cell in line.strip("│").split("│")] == [
        "binance", "PEPE/USDT", "23 of 24", "0.00000139", "–", "0.000001391235", "-1.25 %",  # noqa: RUF001
    ]  # fmt: skip


def test_a_receipt_is_shown_as_it_is():
    text = "RECEIPT binance BTC/USDT 1h      VERDICT intact (7 of 8)\nfact      [ok] one row"
    assert text in shown(lambda screen: screen.receipt(text), width=40)


def test_messages_are_not_parsed_as_markup():
    output = shown(lambda screen: screen.failure("fetch_prices[0]", "no [bold]market[/]", "tail [x]", "log"))
    assert "fetch_prices[0] failed: no [bold]market[/]" in output
    assert "end of the log of fetch_prices[0]" in output
    assert "tail [x]" in output


def test_gaps_and_unknown_counts_are_shown():
    load = dict.fromkeys(
        ("rows_fetched", "rows_curated", "rows_quarantined", "rows_duplicate", "rows_staged", "rows_merged"), 3
    ) | {"source": "binance", "rows_in_window": None, "rows_removed": 0}
    output = shown(lambda screen: screen.accounting([load], {"binance": {"off_grid": 3}}))
    assert "?" in output
    assert "binance: 3 quarantined: off_grid" in output
    fetched = {"source": "binance", "gaps": ["JTOUSDT"], "incomplete": {"ETHUSDT": 13}}
    gaps = shown(lambda screen: screen.gaps([fetched], "2023-12-05"))
    assert "JTOUSDT" in gaps
    assert "ETHUSDT (13 candles)" in gaps


REASON = "try 1 of 7 failed (HTTP 503 [busy]), the next try is in 0:00:47"


@pytest.mark.parametrize("terminal", [False, True])
def test_a_waiting_task_shows_immediately_why_and_how_long_it_waits(terminal):
    waiting = TaskProgress("fetch_prices", 0, "up_for_retry", None, None, 1, 0, REASON)

    def show(screen):
        with screen.live() as live:
            for _ in range(2):
                screen.progress(live, [waiting])

    output = shown(show, width=200, force_terminal=terminal, no_color=True)
    assert f"fetch_prices[0]: up_for_retry: {REASON}" in output or (terminal and f"fetch_prices[0]: {REASON}" in output)
    assert terminal or output.count(REASON) == 1
