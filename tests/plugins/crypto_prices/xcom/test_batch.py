from datetime import date

from crypto_prices.sql_literals import sql_name
from crypto_prices.xcom.batch import Batch
from crypto_prices.xcom.fetched_source import FetchedSource
from crypto_prices_contract.window import Window

WINDOW = Window.of_day(date(2023, 12, 18))
FETCHED = FetchedSource("binance", "1h", "s3://lake/manifest.json", "ab" * 32, 24, ["BTC/USDT"], [], {})


def batch(dag_id="crypto_prices_daily", run_id="manual__2023-12-18T00:00:00+00:00", window=WINDOW):
    return Batch.of_run(dag_id, run_id, window, [FETCHED])


def test_a_cleared_run_keeps_its_names():
    assert batch() == batch()


def test_no_two_runs_or_windows_share_a_staging_table():
    others = [
        batch(),
        batch(dag_id="crypto_prices_backfill"),
        batch(run_id="scheduled__2023-12-18T00:00:00+00:00"),
        batch(window=Window.parse("2023-12-18", "2023-12-20")),
    ]
    assert len({other.staging_table for other in others}) == len({other.batch_id for other in others}) == 4


def test_names_contain_the_window_and_are_plain_sql():
    assert batch().batch_id.startswith("20231218-20231219-")
    assert sql_name(batch().staging_table)


def test_a_batch_has_the_window_and_the_records_of_its_sources():
    assert batch().window == WINDOW
    assert batch().records == 24
