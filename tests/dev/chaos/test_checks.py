"""The checks of a chaos case find each kind of difference by itself."""

from collections import Counter
from datetime import date

import pytest

from dev.chaos.checks import DayState, expected_rows, neighbours, warehouse_differences

DAY = date(2022, 1, 1)
ATTEMPT = "s3://lake/raw/attempt=a1"


def load(batch_id="b1-1", **changes):
    counts = dict.fromkeys(("rows_curated", "rows_staged", "rows_merged", "rows_in_window"), 48)
    counts |= {"rows_fetched": 49, "rows_quarantined": 1, "rows_duplicate": 0}
    manifest = f"{ATTEMPT}/manifest.json"
    names = {"load_number": 7, "batch_id": batch_id, "source": "binance", "status": "loaded", "raw_manifest": manifest}
    return names | counts | changes


def state(**changes):
    clean = {
        "rows": expected_rows(DAY),
        "batches": Counter({"b1-1": 48}),
        "raw_objects": {f"{ATTEMPT}/BTCUSDT.json.gz"},
        "loads": [load()],
        "valid_from": {7},
        "logged": Counter([(7, "b1-1", "binance"), (7, "b0-1", "binance")]),
    }
    return DayState(**clean | changes)


def test_a_clean_load_has_no_difference():
    assert warehouse_differences(DAY, state()) == []


ONE = next(iter(expected_rows(DAY)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": expected_rows(DAY) - Counter([ONE])}, "47 rows instead of 48: 1 are missing, 0 are wrong"),
        ({"rows": expected_rows(DAY) + Counter([ONE])}, "49 rows instead of 48: 0 are missing, 1 are wrong"),
        ({"loads": []}, "has no load of the day"),
        ({"loads": [load(status="merged")]}, "is merged, not loaded"),
        ({"loads": [load(rows_fetched=48)]}, "rows_fetched=48"),
        ({"loads": [load(rows_quarantined=0)]}, "rows_quarantined=0"),
        ({"neighbours": Counter([ONE])}, "1 rows of other markets"),
        ({"loads": [load(), load()]}, "has 2 rows of batch b1-1 and binance"),
        ({"batches": Counter({"b1-1": 47, "b1-2": 1})}, "'b1-2': 1"),
        ({"raw_objects": {"s3://lake/raw/attempt=a0/x.json.gz"}}, "s3://lake/raw/attempt=a0/x.json.gz"),
        ({"logged": Counter([(8, "b1-1", "binance")])}, "load_log has 0 rows of load (7, 'b1-1', 'binance')"),
        ({"logged": Counter([(7, "b1-1", "binance")] * 2)}, "load_log has 2 rows of load (7, 'b1-1', 'binance')"),
        ({"valid_from": {0, 7}}, "rows of the day are valid from loads [0], which load_log does not have"),
        ({"loads": [load("b0-1", rows_merged=3), load()]}, "load b0-1 is loaded, but its counts differ"),
    ],
)
def test_each_difference_is_found(changes, message):
    found = warehouse_differences(DAY, state(**changes))
    assert any(message in difference for difference in found), found


def test_markets_outside_the_load_must_stay_unchanged():
    assert warehouse_differences(DAY, state(neighbours=neighbours(DAY)), seeded=True) == []
    (difference,) = warehouse_differences(DAY, state(), seeded=True)
    assert "0 rows of other markets" in difference
    assert "24" in difference
