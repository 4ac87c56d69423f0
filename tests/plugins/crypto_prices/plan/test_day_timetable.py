"""The schedule of the daily DAG."""

from datetime import timedelta

import pendulum
import pytest
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable
from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.utils.types import DagRunType
from crypto_prices.plan.day_timetable import DayTimetable

DAY = pendulum.datetime(2024, 1, 5, tz="UTC")
INTERVAL = DataInterval(DAY, DAY + timedelta(days=1))


def run_id(run_type, data_interval=INTERVAL):
    return DayTimetable().generate_run_id(run_type=run_type, run_after=INTERVAL.end, data_interval=data_interval)


def test_the_id_of_a_scheduled_run_has_the_day_that_it_loads():
    assert run_id(DagRunType.SCHEDULED) == "scheduled__2024-01-05"


@pytest.mark.parametrize("data_interval", [INTERVAL, None])
def test_the_id_of_a_users_run_has_no_day_because_airflow_does_not_pass_it(data_interval):
    assert run_id(DagRunType.MANUAL, data_interval) == "manual__2024-01-06T00:00:00+00:00"


def test_a_run_follows_each_utc_day():
    restriction = TimeRestriction(earliest=DAY, latest=None, catchup=True)
    following = DayTimetable().next_dagrun_info(last_automated_data_interval=INTERVAL, restriction=restriction)
    assert (following.data_interval.start, following.run_after) == (INTERVAL.end, INTERVAL.end + timedelta(days=1))


def test_the_scheduler_finds_it_through_the_plugin():
    restored = decode_timetable(encode_timetable(DayTimetable()))
    assert type(restored) is DayTimetable
    assert restored.summary == "0 0 * * *"
