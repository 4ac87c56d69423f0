"""Replaces moto's GetMetricStatistics, whose periods begin at the first value instead of the rounded start time.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from local_aws.protocol.errors import AwsError

MAX_DATA_POINTS = 1440
_SHORT_PERIODS = (1, 5, 10, 20, 30)


def rounded_start(start: dt.datetime, period: int, now: dt.datetime) -> dt.datetime:
    """Return the time at which the first period begins.

    Args:
        start: The request's StartTime.
        period: The request's Period, in seconds.
        now: The current time.
    """
    age = now - start
    if period in _SHORT_PERIODS:
        step = period
    elif age < dt.timedelta(days=15):
        step = 60
    else:
        step = 300 if age <= dt.timedelta(days=63) else 3600
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    return start - (start - midnight) % dt.timedelta(seconds=step)


def shortest_period(start: dt.datetime, now: dt.datetime) -> int:
    """Return the seconds of which a period must be a multiple for CloudWatch to return data points."""
    age = now - start
    if age <= dt.timedelta(hours=3):
        return 1
    if age <= dt.timedelta(days=15):
        return 60
    return 300 if age <= dt.timedelta(days=63) else 3600


def align_metric_statistics() -> None:
    """Replace moto's method. Repeated calls have no effect."""
    from moto.cloudwatch.exceptions import InvalidParameterCombination, InvalidParameterValue
    from moto.cloudwatch.models import CloudWatchBackend, Statistics
    from moto.cloudwatch.responses import CloudWatchResponse

    responses: Any = CloudWatchResponse
    if hasattr(responses, "get_unaligned_statistics"):
        return
    answer = responses.get_unaligned_statistics = responses.get_metric_statistics

    def get_metric_statistics(self: Any) -> Any:
        if self._get_param("ExtendedStatistics"):
            raise AwsError(
                "NotImplemented",
                "ExtendedStatistics in GetMetricStatistics is not supported by the local monitoring, so it is refused "
                "instead of being ignored.",
                501,
            )
        return answer(self)

    def data_points(
        self: Any,
        namespace: str,
        metric_name: str,
        start_time: dt.datetime,
        end_time: dt.datetime,
        period: int,
        stats: list[str],
        dimensions: list[dict[str, str]],
        unit: str | None = None,
    ) -> list[Any]:
        if start_time >= end_time:
            raise InvalidParameterValue("The parameter StartTime must be less than the parameter EndTime.")
        if period < 1 or (period % 60 and period not in _SHORT_PERIODS):
            raise InvalidParameterValue("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.")
        now = dt.datetime.now(dt.UTC) if start_time.tzinfo else dt.datetime.now(dt.UTC).replace(tzinfo=None)
        start, length = rounded_start(start_time, period, now), dt.timedelta(seconds=period)
        asked = -((start - end_time) // length)
        if asked > MAX_DATA_POINTS:
            raise InvalidParameterCombination(
                f"You have requested up to {asked:,} datapoints, which exceeds the limit of {MAX_DATA_POINTS:,}. You "
                "may reduce the datapoints requested by increasing Period, or decreasing the time range."
            )
        if period % shortest_period(start_time, now):
            return []
        wanted = {(dimension["Name"], dimension["Value"]) for dimension in dimensions}
        found: dict[tuple[int, Any], Any] = {}
        for value in self.get_all_metrics():
            if (
                (value.namespace, value.name) == (namespace, metric_name)
                and start <= value.timestamp < end_time
                and {(dimension.name, dimension.value) for dimension in value.dimensions} == wanted
                and unit in (None, value.unit)
            ):
                number = (value.timestamp - start) // length
                point = found.setdefault((number, value.unit), Statistics(stats, start + number * length, value.unit))
                point.metric_data.append(value)
        return list(found.values())

    backend: Any = CloudWatchBackend
    backend.get_metric_statistics = data_points
    responses.get_metric_statistics = get_metric_statistics
