from __future__ import annotations

import datetime as dt

import pytest
from crypto_prices_etl.accounting import check_rejected_share, counts_from
from crypto_prices_etl.errors import CurationError
from crypto_prices_etl.quality import REASONS

DAYS = [dt.date(2023, 12, 18), dt.date(2023, 12, 19)]


def observed(**outcomes):
    nothing = {f"binance {name}": 0 for name in ("curated", "duplicate", *REASONS)}
    return nothing | {f"binance {name}": n for name, n in outcomes.items()}


def written(first, second=0, **changes):
    return {
        "rows": first + second,
        "rows_missing_required_values": 0,
        "2023-12-18": first,
        "2023-12-19": second,
    } | changes


def test_counts_that_add_up():
    counts = counts_from({"binance": 10}, observed(curated=7, duplicate=1, off_grid=2), written(7), DAYS)
    assert (counts.fetched, counts.curated, counts.rejected, counts.duplicates) == (10, 7, 2, 1)
    assert counts.rows_by_day == {DAYS[0]: 7}
    assert counts.sources["binance"].quarantined == {"off_grid": 2}


@pytest.mark.parametrize(
    ("fetched", "outcomes", "wrote", "message"),
    [
        (11, {"curated": 10}, written(10), "unaccounted for: the raw manifests say 11"),
        (10, {"curated": 11}, written(11), "unaccounted for"),
        (10, {"curated": 10}, written(9), "curated 10 rows, wrote 9"),
        (10, {"curated": 10}, written(9, rows=10), "of which 9 on days of the window"),
        (10, {"curated": 10}, written(10, rows_missing_required_values=1), "1 curated rows lack a required value"),
    ],
)
def test_counts_that_do_not_add_up_fail(fetched, outcomes, wrote, message):
    with pytest.raises(CurationError, match=message):
        counts_from({"binance": fetched}, observed(**outcomes), wrote, DAYS)


def test_the_share_itself_is_tolerated_and_one_more_is_not():
    counts = counts_from({"binance": 100}, observed(curated=99, off_grid=1), written(99), DAYS)
    check_rejected_share(counts, 0.01, "s3://q/")
    with pytest.raises(CurationError, match="1 of 100 records were rejected"):
        check_rejected_share(counts, 0.009, "s3://q/")


def test_nothing_fetched_is_not_too_many_rejected():
    check_rejected_share(counts_from({"binance": 0}, observed(), written(0), DAYS), 0.0, "s3://q/")
