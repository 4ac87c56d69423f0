import datetime as dt

import pytest
from botocore.exceptions import ClientError

from local_aws.clients import local_client
from local_aws.moto_backend.metric_statistics import rounded_start, shortest_period

NOW = dt.datetime(2026, 3, 1, 15, 40, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("start", "period", "rounded"),
    [
        ("2026-02-28T12:32:34+00:00", 60, "2026-02-28T12:32:00+00:00"),
        ("2026-02-01T12:32:34+00:00", 300, "2026-02-01T12:30:00+00:00"),
        ("2025-12-01T12:32:34+00:00", 3600, "2025-12-01T12:00:00+00:00"),
        ("2026-03-01T15:02:17+00:00", 5, "2026-03-01T15:02:15+00:00"),
        ("2026-03-01T15:05:13+00:00", 10, "2026-03-01T15:05:10+00:00"),
    ],
)
def test_the_documented_rounding_of_the_start(start, period, rounded):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html (StartTime)."""
    assert rounded_start(dt.datetime.fromisoformat(start), period, NOW).isoformat() == rounded


@pytest.mark.parametrize(
    ("age", "seconds"),
    [
        (dt.timedelta(hours=2), 1),
        (dt.timedelta(hours=4), 60),
        (dt.timedelta(days=16), 300),
        (dt.timedelta(days=64), 3600),
    ],
)
def test_the_documented_multiples_of_a_period(age, seconds):
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html (Period)."""
    assert shortest_period(NOW - age, NOW) == seconds


@pytest.fixture(scope="module")
def metrics(moto_endpoint):
    client = local_client("cloudwatch", moto_endpoint)
    for minute, value, unit, dimension in (
        (19, 1.0, "Count", "a"),
        (59, 2.0, "Count", "a"),
        (61, 4.0, "Count", "a"),
        (61, 8.0, "Seconds", "a"),
        (61, 16.0, "Count", "b"),
    ):
        client.put_metric_data(
            Namespace="n",
            MetricData=[
                {
                    "MetricName": "m",
                    "Timestamp": START + dt.timedelta(minutes=minute),
                    "Value": value,
                    "Unit": unit,
                    "Dimensions": [{"Name": "d", "Value": dimension}],
                }
            ],
        )
    return client


START = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0) - dt.timedelta(hours=20, minutes=7)


def points(client, *, period=3600, value="a", start=START, **more):
    found = client.get_metric_statistics(
        Namespace="n",
        MetricName="m",
        Dimensions=[{"Name": "d", "Value": value}] if value else [],
        StartTime=start,
        EndTime=START + dt.timedelta(hours=2),
        Period=period,
        Statistics=["Sum"],
        **more,
    )["Datapoints"]
    return {((point["Timestamp"] - START).total_seconds() / 60, point["Unit"]): point["Sum"] for point in found}


def test_periods_begin_at_the_start_time(metrics):
    """As in the example of https://docs.aws.amazon.com/cli/latest/reference/cloudwatch/get-metric-statistics.html."""
    assert points(metrics) == {(0, "Count"): 3.0, (60, "Count"): 4.0, (60, "Seconds"): 8.0}
    assert points(metrics, start=START + dt.timedelta(seconds=59), Unit="Count") == {
        (0, "Count"): 3.0,
        (60, "Count"): 4.0,
    }
    assert points(metrics, start=START - dt.timedelta(minutes=1), Unit="Count") == {
        (-1, "Count"): 1.0,
        (59, "Count"): 6.0,
    }


def test_each_combination_of_dimensions_is_a_metric(metrics):
    assert points(metrics, value="b") == {(60, "Count"): 16.0}
    assert points(metrics, value=None) == {}


def test_requests_that_cloudwatch_refuses(metrics):
    for period, code in ((90, "InvalidParameterValue"), (60, "InvalidParameterCombination")):
        with pytest.raises(ClientError, match=code):
            points(metrics, period=period, start=START - dt.timedelta(days=2))
    with pytest.raises(ClientError, match="NotImplemented"):
        points(metrics, ExtendedStatistics=["p99"])
    assert points(metrics, period=30) == {}  # older than three hours
