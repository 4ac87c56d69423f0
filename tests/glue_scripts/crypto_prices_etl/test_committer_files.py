from __future__ import annotations

import datetime as dt
import uuid

import pytest
from crypto_prices_etl.committer_files import delete_leftovers, runs_to_clean_up, written_objects
from crypto_prices_etl.errors import CurationError

NOON = dt.datetime(2024, 1, 2, 12, tzinfo=dt.UTC)
# Keys as Hadoop's documentation describes them: a run that was killed leaves them behind.
JOB = "__magic_job-6b0c2f3e-0d1a-4c55-9f5d-0c8d6a1f7b21/"
TASK = f"{JOB}job-202401021200/00/tasks/attempt_202401021200_0000_m_000000_0/__base/year=2024/month=01/day=01/"
LEFT_BEHIND = (JOB, TASK, f"{TASK}part-0.parquet", f"{TASK}part-0.parquet.pending")


def job_run(run_id, state, started, completed=None):
    """Return a run as GetJobRuns does. The times are minutes after noon."""
    ended = {} if completed is None else {"CompletedOn": NOON + dt.timedelta(minutes=completed)}
    return {"Id": run_id, "JobRunState": state, "StartedOn": NOON + dt.timedelta(minutes=started), **ended}


class Runs:
    """A Glue client with one job."""

    def __init__(self, *runs):
        self._runs = list(runs)

    def get_job_runs(self, *, JobName, MaxResults):
        return {"JobRuns": self._runs[:MaxResults] if JobName == "curate" else []}


@pytest.fixture
def bucket(lake):
    name = f"lake-{uuid.uuid4()}"
    lake.s3.create_bucket(Bucket=name)
    return name


def put(lake, bucket, *keys):
    for key in keys:
        lake.s3.put_object(Bucket=bucket, Key=key, Body=b"x")


def keys(lake, bucket):
    return {item["Key"] for item in lake.s3.list_objects_v2(Bucket=bucket).get("Contents", [])}


def test_runs_that_have_not_ended_are_not_cleaned_up():
    ended = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR")
    running = ("STARTING", "RUNNING", "STOPPING", "WAITING", "a state that AWS may add")
    runs = [job_run(state, state, 0, 1) for state in ended] + [job_run(state, state, 0) for state in running]
    assert runs_to_clean_up(runs) == list(ended)


def test_runs_that_ended_before_a_successful_run_started_are_clean():
    runs = [
        job_run("running", "RUNNING", 40),
        job_run("failed later", "FAILED", 35, 36),
        job_run("newest success", "SUCCEEDED", 30, 34),
        job_run("stopped after that start", "STOPPED", 10, 31),
        job_run("failed before", "FAILED", 20, 25),
        job_run("older success", "SUCCEEDED", 0, 5),
    ]
    assert runs_to_clean_up(runs) == ["failed later", "newest success", "stopped after that start"]
    assert runs_to_clean_up(runs[:2]) == ["failed later"]
    assert runs_to_clean_up([]) == []


def test_what_an_ended_run_left_behind_is_deleted_and_nothing_else(lake, bucket):
    zones = ("curated/crypto_prices/version=", "quarantine/crypto_prices/version=")
    left = {f"{zone}{run}/{key}" for zone in zones for run in ("jr_failed", "jr_running") for key in LEFT_BEHIND}
    written = {f"{zone}jr_failed/{key}" for zone in zones for key in ("_SUCCESS", "part-0.parquet", "a/__magic_job-1")}
    put(lake, bucket, *left, *written)
    runs = Runs(job_run("jr_running", "RUNNING", 0), job_run("jr_failed", "FAILED", 0, 1))
    delete_leftovers(lake.s3, runs, job_name="curate", bucket=bucket)
    assert keys(lake, bucket) == written | {key for key in left if "jr_running" in key}
    delete_leftovers(lake.s3, runs, job_name="curate", bucket=bucket)


def test_an_object_that_cannot_be_deleted_is_an_error(lake, bucket, monkeypatch):
    put(lake, bucket, f"curated/crypto_prices/version=jr_1/{JOB}")
    denied = {"Key": "curated/k", "Code": "AccessDenied", "Message": "Access Denied"}
    monkeypatch.setattr(lake.s3, "delete_objects", lambda **_: {"Errors": [denied]})
    with pytest.raises(CurationError, match=r"curated/k.* cannot be deleted: AccessDenied"):
        delete_leftovers(lake.s3, Runs(job_run("jr_1", "FAILED", 0, 1)), job_name="curate", bucket=bucket)


def test_readers_do_not_see_the_committers_objects(lake, bucket):
    put(lake, bucket, *(f"v/{key}" for key in ("_SUCCESS", "a/part-0.parquet", *LEFT_BEHIND)))
    assert [item["Key"] for item in written_objects(lake.s3, bucket, "v/")] == ["v/_SUCCESS", "v/a/part-0.parquet"]
