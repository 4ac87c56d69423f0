"""The data that plan_load compares for one day: the fetched sources, and the load in the warehouse."""

from crypto_prices.xcom.batch import Batch
from crypto_prices.xcom.fetched_source import FetchedSource


def batch(*sources):
    return Batch("b2", "stg", "2023-12-18", "2023-12-19", list(sources))


def fetched(source="binance", content_hash="h1", records=24):
    return FetchedSource(source, "1h", "s3://lake/m", content_hash, records, ["BTC/USDT"], [], {})


def load(source="binance", **changes):
    return {
        "source": source,
        "batch_id": "b1",
        "status": "loaded",
        "is_recorded": 1,
        "window_start": "2023-12-18",
        "window_end": "2023-12-19",
        "content_hash": "h1",
        "loaded_at": "2023-12-19 00:05:00",
        "glue_job_run_id": "jr_1",
        "rows_merged": 24,
        "rows_now": 24,
        "days_now": "2023-12-18",
        "rows_in_window": 24,
    } | changes
