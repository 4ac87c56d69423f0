from __future__ import annotations

import datetime as dt

import pytest
from crypto_prices_etl.day_columns import days_counted, partition_columns, rows_by_day
from pyspark.sql import Observation
from pyspark.sql import functions as sf

FIRST = dt.date(2023, 12, 30)
FIRST_S = 1_703_894_400  # its start


def rows(spark, *seconds):
    """Return rows that are these seconds after the start of the first day."""
    times = sf.explode(sf.array(*(sf.timestamp_seconds(sf.lit(FIRST_S + s)) for s in seconds)))
    return spark.range(1).select(times.alias("observed_at"))


def test_rows_have_the_folder_of_their_day_in_utc_on_and_outside_the_listed_days(spark):
    days = [FIRST, FIRST + dt.timedelta(1), FIRST + dt.timedelta(2)]
    found = rows(spark, -1, 0, 86_399, 86_400, 2 * 86_400, 3 * 86_400).select(*partition_columns(days).values())
    assert [tuple(row) for row in found.collect()] == [
        ("2023", "12", "29"),
        ("2023", "12", "30"),
        ("2023", "12", "30"),
        ("2023", "12", "31"),
        ("2024", "01", "01"),
        ("2024", "01", "02"),
    ]


def test_a_row_without_a_time_has_the_folder_of_no_day(spark):
    empty = spark.range(1).select(sf.lit(None).cast("timestamp").alias("observed_at"))
    assert tuple(empty.select(*partition_columns([FIRST]).values()).first()) == ("none", "none", "none")


def counted(frame):
    observation = Observation()
    frame.observe(observation, rows_by_day().alias("rows_by_day")).collect()
    return days_counted(observation.get["rows_by_day"])


def test_the_rows_of_a_thousand_days_are_counted_exactly(spark):
    days = [FIRST + dt.timedelta(n) for n in range(1000)]
    # Day n has n % 7 rows, spread over several tasks.
    numbers = spark.range(1000).select(sf.col("id"), sf.explode(sf.sequence(sf.lit(1), sf.lit(7))).alias("copy"))
    spread = numbers.where(sf.col("copy") <= sf.col("id") % 7).repartition(4)
    frame = spread.select(sf.timestamp_seconds(sf.lit(FIRST_S) + sf.col("id") * 86_400).alias("observed_at"))
    assert counted(frame) == {day: n % 7 for n, day in enumerate(days) if n % 7}


def test_without_rows_there_are_no_days(spark):
    assert counted(rows(spark, 0).where("false")) == {}


def test_joined_bins_make_the_sum_too_small():
    assert days_counted([(19_721.0, 2.0), (19_722.5, 2.0)]) == {FIRST: 2}


@pytest.mark.parametrize("bins", [None, []])
def test_no_bins_are_no_days(bins):
    assert days_counted(bins) == {}
