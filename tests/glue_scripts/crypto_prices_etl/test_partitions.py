from __future__ import annotations

import pytest
from crypto_prices_etl.partitions import day_partitions, read_partitions


@pytest.mark.parametrize(
    ("records", "objects", "partitions"),
    [
        (24, 1, 1),
        (2_000_000, 2_000, 21),
        (200_000, 8_400, 17),  # many small bodies: opening them takes the time
    ],
)
def test_records_and_objects_are_spread_over_tasks(records, objects, partitions):
    assert read_partitions(records, objects) == partitions


@pytest.mark.parametrize(("records", "days", "partitions"), [(24, 7, 1), (2_000_000, 7, 7), (2_000_000, 365, 21)])
def test_a_day_is_in_one_partition(records, days, partitions):
    assert day_partitions(records, days) == partitions
