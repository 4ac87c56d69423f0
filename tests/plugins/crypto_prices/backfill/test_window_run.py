from datetime import date

from airflow.models.dagrun import DagRunNote
from crypto_prices.backfill.window_run import LONGEST_NOTE, window_run
from crypto_prices.plan.check_accepted import Acceptance
from crypto_prices_contract.window import Window

JANUARY = Window(date(2024, 1, 1), date(2024, 2, 1))


def test_the_run_id_depends_on_the_backfill_and_the_configuration():
    """An existing run is only cleared, so it would load its old configuration instead of the requested one."""
    first = window_run("backfill", "manual__1", JANUARY, {"binance": ["BTCUSDT"]}, reload=False)
    assert first == window_run("backfill", "manual__1", JANUARY, {"binance": ("BTCUSDT",)}, reload=False)
    more = window_run("backfill", "manual__1", JANUARY, {"binance": ["ETHUSDT", "BTCUSDT"]}, reload=False)
    assert more["conf"]["symbols"] == ["BTCUSDT", "ETHUSDT"]
    ids = [
        run["trigger_run_id"]
        for run in (first, more, window_run("backfill", "manual__2", JANUARY, {"binance": ["BTCUSDT"]}, reload=False))
    ]
    assert len(set(ids)) == 3
    assert all(name.startswith("backfill__20240101-20240201__") for name in ids)


def test_the_note_names_the_days_the_sources_and_the_starter():
    run = window_run("crypto_prices_audit", "manual__1", JANUARY, {"b": ["X"], "a": ["Y"]}, reload=True)
    assert run["note"] == "Days [2024-01-01, 2024-02-01) of a, b, started by crypto_prices_audit, run manual__1"
    long = window_run("crypto_prices_audit", "x" * 2000, JANUARY, {"a": ["Y"]}, reload=True)
    assert len(long["note"]) == LONGEST_NOTE
    assert DagRunNote.__table__.c.content.type.length == LONGEST_NOTE


def test_an_accepted_window_names_the_user_who_accepted_it_and_why():
    run = window_run("audit", "r", JANUARY, {"binance": ["X"]}, reload=True, accepted=Acceptance("ada", "off the grid"))
    assert run["conf"] == {
        "start": "2024-01-01", "end": "2024-02-01", "sources": ["binance"], "symbols": ["X"], "reload": True,
        "accepted_sources": ["binance"], "accepted_because": "off the grid", "accepted_by": "ada",
    }  # fmt: skip
