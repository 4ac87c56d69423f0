from datetime import date

from crypto_prices.backfill.window_run import window_run
from crypto_prices_contract.window import Window

JANUARY = Window(date(2024, 1, 1), date(2024, 2, 1))


def test_the_run_id_depends_on_the_backfill_and_the_configuration():
    """An existing run is only cleared, so it would load its old configuration instead of the requested one."""
    first = window_run("manual__1", JANUARY, {"binance": ["BTCUSDT"]}, reload=False)
    assert first == window_run("manual__1", JANUARY, {"binance": ("BTCUSDT",)}, reload=False)
    more = window_run("manual__1", JANUARY, {"binance": ["ETHUSDT", "BTCUSDT"]}, reload=False)
    assert more["conf"]["symbols"] == ["BTCUSDT", "ETHUSDT"]
    ids = [
        run["trigger_run_id"]
        for run in (first, more, window_run("manual__2", JANUARY, {"binance": ["BTCUSDT"]}, reload=False))
    ]
    assert len(set(ids)) == 3
    assert all(name.startswith("backfill__20240101-20240201__") for name in ids)
