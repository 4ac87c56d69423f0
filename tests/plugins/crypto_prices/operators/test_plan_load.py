import pytest
from crypto_prices.batch import Batch, FetchedSource
from crypto_prices.operators.plan_load import reason_to_skip


def batch(*sources):
    return Batch("b2", "stg", "2023-12-18", "2023-12-19", list(sources))


def fetched(source="binance", content_hash="h1", records=24):
    return FetchedSource(source, "1h", "s3://lake/m", content_hash, records, ["BTC/USDT"], [])


def load(source="binance", **changes):
    return {
        "source": source,
        "batch_id": "b1",
        "status": "loaded",
        "window_start": "2023-12-18",
        "window_end": "2023-12-19",
        "content_hash": "h1",
        "loaded_at": "2023-12-19 00:05:00",
        "rows_merged": 24,
        "rows_now": 24,
    } | changes


def test_the_same_content_is_skipped_with_the_load_that_has_it():
    reason = reason_to_skip(batch(fetched()), [load()])
    assert reason is not None
    assert "already holds exactly this content" in reason
    assert "binance by batch b1 at 2023-12-19 00:05:00 UTC" in reason


@pytest.mark.parametrize(
    "current",
    [
        [],
        [load(content_hash="h2")],
        [load(status="merged")],
        [load(window_start="2023-12-01")],
        [load(window_end="2023-12-31")],
        [load(rows_now=23)],
        [load(source="coinbase")],
    ],
    ids=["never", "other content", "half-way", "wider before", "wider after", "rows gone", "other source"],
)
def test_anything_else_is_loaded(current):
    assert reason_to_skip(batch(fetched()), current) is None


def test_one_source_of_two_that_differs_is_enough_to_load():
    both = batch(fetched(), fetched("coinbase"))
    assert reason_to_skip(both, [load(), load("coinbase")])
    assert reason_to_skip(both, [load(), load("coinbase", content_hash="h2")]) is None
    assert reason_to_skip(both, [load()]) is None


def test_a_window_without_any_candle_is_not_loaded_so_it_cannot_empty_the_warehouse():
    reason = reason_to_skip(batch(fetched(records=0)), [load()])
    assert reason is not None
    assert "no source has a candle" in reason
