"""Scenarios of the platform that use its roles. A scenario succeeds only if IAM allows each of its steps.

Together they use every permission that the local AWS can exercise. ``make prove`` fails if a permission is not needed.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from dev.prove.pipeline import Pipeline
from dev.prove.worker import Worker, WorkerError, start_worker
from local_aws.clients import local_client
from local_aws.emulator import LocalAws
from local_aws.front.server import Call
from local_aws.glue.run_history import UNFINISHED
from local_aws.iam.authorization_log import RecordedCheck, read_log
from local_platform.airflow_services.local_airflow import LocalAirflow

METRICS_NAMESPACE = "CryptoPrices"
DAILY, WINDOW = "crypto_prices_daily", "crypto_prices_window"
FIRST_DAY = dt.date(2024, 1, 5)
"""The day that is loaded before every scenario after the first two."""
EMPTIED = (dt.date(2024, 2, 1), dt.date(2024, 2, 27))
"""Days [first, last) of one Coinbase market, in pages of 300 candles. The first page is empty the second time."""

SOURCES: Mapping[str, Mapping[str, Any]] = {
    "binance": {"symbols": ["BTCUSDT", "ETHUSDT"]},
    "coinbase": {"symbols": ["BTC-USD"]},
    "coingecko": {"symbols": ["bitcoin"], "connection_id": "coingecko"},
}
"""The sources in the settings of the proof."""

API_KEY = "planted-api-key"  # the local exchange requires it
_WAIT_SECONDS = 600.0
_RENEW_SECONDS = 1800.0
"""Half of the hour after which a role's session expires."""
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Step:
    """One expected step of a scenario.

    Attributes:
        name: A description; for a failed DAG run, the failed task.
        error: Why the step failed; None if it succeeded.
    """

    name: str
    error: str | None = None


class Hold:
    """Blocks Spark's writes to S3 while closed, so that a run does not finish before it is stopped."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()

    def intercept(self, call: Call, moment: str, _answer: Any) -> None:
        """Block a call, see ``server.Interceptor``."""
        if moment == "before" and call.operation == "PutObject" and b"/curated/" in call.request.raw_path.encode():
            self._open.wait(_WAIT_SECONDS)

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Block the writes inside the context."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()


@dataclass
class Platform:
    """The platform that Terraform created on a local AWS in this process, with its workers.

    Attributes:
        aws: The local AWS.
        hold: Blocks calls of the local AWS.
        outputs: Terraform's outputs by name.
        environment: The MWAA environment's name.
        folder: Folder for the workers' files.
    """

    aws: LocalAws
    hold: Hold
    outputs: Mapping[str, Any]
    environment: str
    folder: Path
    _closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _pipeline: Pipeline | None = None
    _airflow: LocalAirflow | None = None
    _started_at: float | None = None
    _stops: int = 0

    def client(self, service: str) -> Any:
        """Return a boto3 client of the account's administrator."""
        return local_client(service, self.aws.endpoint)

    def worker(self, name: str) -> Worker:
        """Start a worker of the environment in its own folder."""
        if self._started_at is None:
            self._started_at = time.monotonic()
        return start_worker(self.aws.endpoint, self.environment, self.folder / name)

    @property
    def pipeline(self) -> Pipeline:
        """The worker that runs DAGs. It starts on first use."""
        if self._pipeline is None:
            self._pipeline = self._closing.enter_context(Pipeline(self.worker("worker")))
        return self._pipeline

    @property
    def airflow(self) -> LocalAirflow:
        """A complete Airflow with the environment's files, configuration and role, for scenarios with a triggerer."""
        if self._airflow is None:
            worker = self.worker("airflow")
            airflow = LocalAirflow(worker.home, self.aws.endpoint, extra_environment=dict(worker.variables))
            self._airflow = self._closing.enter_context(airflow)
            self._airflow.api.unpause(WINDOW)
        return self._airflow

    def renew_credentials(self) -> None:
        """Stop the workers and Airflow if their credentials expire soon. The next use starts them with new ones.

        Call this between scenarios. MWAA renews the credentials of its containers itself.
        """
        if self._started_at is not None and time.monotonic() - self._started_at > _RENEW_SECONDS:
            self.close()

    def close(self) -> None:
        """Stop the workers and Airflow."""
        self._started_at = None
        self._closing.close()
        self._pipeline = self._airflow = None

    def next_stop(self) -> str:
        """Return the id of the next run to stop."""
        self._stops += 1
        return f"stopped-{self._stops}"

    @contextlib.contextmanager
    def fault(self, fault: Mapping[str, Any]) -> Iterator[None]:
        """Make the exchange return a fault inside the context."""
        url = f"{self.aws.endpoint}/exchange/_faults"
        requests.put(url, json={"faults": [dict(fault)]}, timeout=10).raise_for_status()
        try:
            yield
        finally:
            requests.delete(url, timeout=10).raise_for_status()

    def calls(self, operation: str) -> int:
        """Return how often Airflow's role called an operation."""
        return sum(check.operation == operation for check in self._checks_of_airflow())

    def denied(self, operation: str) -> int:
        """Return how often Airflow's role was denied an operation."""
        return sum(check.operation == operation and not check.allowed for check in self._checks_of_airflow())

    def _checks_of_airflow(self) -> Iterator[RecordedCheck]:
        role = self.outputs["role_arns"]["mwaa"].rpartition("/")[2]
        return (check for check in read_log(self.aws.state_dir / "authorizations.jsonl") if check.role == role)

    def answered(self, operation: str) -> int:
        """Return how often an operation succeeded, for any caller."""
        lines = (self.aws.state_dir / "calls.jsonl").read_text(encoding="utf-8").splitlines()
        calls = [json.loads(line) for line in lines if f'"{operation}"' in line]
        return sum(call["operation"] == operation and call["error"] is None for call in calls)

    def metric_count(self, name: str) -> float:
        """Return the number of values in CloudWatch for a metric of the daily DAG."""
        now = dt.datetime.now(dt.UTC)
        found = self.client("cloudwatch").get_metric_statistics(
            Namespace=METRICS_NAMESPACE,
            MetricName=name,
            Dimensions=[{"Name": "Dag", "Value": DAILY}],
            StartTime=now - dt.timedelta(hours=12),
            EndTime=now + dt.timedelta(hours=1),
            Period=86_400,
            Statistics=["SampleCount"],
        )
        return sum(float(point["SampleCount"]) for point in found["Datapoints"])

    def log_events_of_newest_run(self) -> int:
        """Return the number of log lines of the newest Glue run."""
        glue, job = self.client("glue"), self.outputs["glue_job"]
        newest = glue.get_job_runs(JobName=job, MaxResults=1)["JobRuns"][0]
        logs, group = self.client("logs"), newest["LogGroupName"]
        found = 0
        for each in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            streams = logs.describe_log_streams(logGroupName=each["logGroupName"], logStreamNamePrefix=newest["Id"])
            for stream in streams["logStreams"]:
                events = logs.get_log_events(logGroupName=each["logGroupName"], logStreamName=stream["logStreamName"])
                found += len(events["events"])
        return found

    def committer_objects(self) -> list[str]:
        """Return the keys that S3A's committer has left in the lake. A denied deletion is only logged."""
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.outputs["lake_bucket"])
        return [item["Key"] for page in pages for item in page.get("Contents", []) if "/__magic_job-" in item["Key"]]


Scenario = Callable[[Platform, dt.date], list[Step]]
"""Takes the platform and a day that is not loaded, and returns the steps in order."""


def deploy(platform: Platform, _day: dt.date) -> list[Step]:
    """Start a worker of the environment, which fetches the DAGs, the plugins and the requirements."""
    try:
        platform.worker("deploy")
    except WorkerError as error:
        return [Step("a worker starts", str(error))]
    return [Step("a worker starts")]


def daily(platform: Platform, day: dt.date) -> list[Step]:
    """Load a day of three sources with the daily DAG. One source requires a key, and one record is quarantined."""
    metrics = platform.metric_count("LoadsReconciled")
    with platform.fault({"kind": "unclosed_candle", "source": "binance", "symbol": "ETHUSDT", "times": None}):
        steps = _run(platform, DAILY, day)
    if first_error(steps) is not None:
        return steps
    steps.append(_check("the Glue run's log is in its log group", platform.log_events_of_newest_run() > 0))
    steps.append(_check("S3A's committer deletes its own objects", not platform.committer_objects()))
    steps.append(_check("the metrics are in CloudWatch", platform.metric_count("LoadsReconciled") > metrics))
    return steps


def again(platform: Platform, _day: dt.date) -> list[Step]:
    """Reload a day, which switches its partition."""
    return _run(platform, DAILY, FIRST_DAY, {"reload": True})


def emptied(platform: Platform, day: dt.date) -> list[Step]:
    """Reload days whose candles the exchange no longer returns, which deletes their partitions."""
    first, last = EMPTIED
    conf = {"start": first.isoformat(), "end": last.isoformat(), "sources": ["coinbase"], "force": True}
    steps = _run(platform, WINDOW, day, conf)
    if first_error(steps) is not None:
        return steps
    with platform.fault({"kind": "empty", "source": "coinbase", "symbol": "BTC-USD", "times": 2}):
        steps += _run(platform, WINDOW, day + dt.timedelta(days=1), conf)
    return steps


def plan(platform: Platform, day: dt.date) -> list[Step]:
    """Plan a backfill with its cost."""
    conf = {"start": FIRST_DAY.isoformat(), "end": "2024-01-20", "dry_run": True}
    return _run(platform, "crypto_prices_backfill", day, conf)


def audit(platform: Platform, day: dt.date) -> list[Step]:
    """Run the audit, which reads the warehouse, the catalog and the raw zone."""
    conf = {"start": FIRST_DAY.isoformat(), "end": (FIRST_DAY + dt.timedelta(days=1)).isoformat()}
    return _run(platform, "crypto_prices_audit", day, conf)


def marts(platform: Platform, day: dt.date) -> list[Step]:
    """Refresh the marts from the loads of the other scenarios."""
    return _run(platform, "crypto_prices_marts", day, {"full_refresh": True})


def explain(platform: Platform, day: dt.date) -> list[Step]:
    """Explain a candle whose responses were replaced, so that the recorded versions are read."""
    s3, bucket = platform.client("s3"), platform.outputs["lake_bucket"]
    conf = {"market": "BTC/USDT", "source": "binance", "at": f"{FIRST_DAY}T13:00"}
    with _replaced(s3, bucket, f"raw/crypto_prices/source=binance/{FIRST_DAY:year=%Y/month=%m/day=%d}/"):
        steps = _run(platform, "crypto_prices_explain", day, conf)
    if first_error(steps) is not None:
        return steps
    receipts = s3.list_objects_v2(Bucket=bucket, Prefix="receipts/").get("Contents", [])
    found = [json.loads(s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()) for entry in receipts]
    return [*steps, _check("the receipt names the replaced responses", any("raw" in each["broken"] for each in found))]


@contextlib.contextmanager
def _replaced(s3: Any, bucket: str, prefix: str) -> Iterator[None]:
    """Give objects a newer version with the same bytes."""
    newer: dict[str, str] = {}
    for entry in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]:
        body = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
        newer[entry["Key"]] = s3.put_object(Bucket=bucket, Key=entry["Key"], Body=body)["VersionId"]
    yield
    for key, version_id in newer.items():
        s3.delete_object(Bucket=bucket, Key=key, VersionId=version_id)


def stopped_glue_run(platform: Platform, day: dt.date) -> list[Step]:
    """Fail the task that waits for a Glue run, which stops the run."""
    run_id, glue = platform.next_stop(), platform.client("glue")
    job = platform.outputs["glue_job"]
    before = {run["Id"] for run in glue.get_job_runs(JobName=job)["JobRuns"]}
    with platform.hold.closed():
        _trigger_window(platform, run_id, day)
        started = _until(lambda: [r for r in glue.get_job_runs(JobName=job)["JobRuns"] if r["Id"] not in before])
        if not started or not _until(lambda: _is_deferred(platform, run_id, "curate_prices")):
            return [Step("a Glue run starts", _failure(platform, run_id))]
        _await_triggerer(platform, "GetJobRun")
        glue_run = started[0]["Id"]

        def is_stopped() -> bool:
            return bool(glue.get_job_run(JobName=job, RunId=glue_run)["JobRun"]["JobRunState"] == "STOPPED")

        stopped = _fail(platform, run_id, "curate_prices", "BatchStopJobRun", is_stopped)
    _until(lambda: glue.get_job_run(JobName=job, RunId=glue_run)["JobRun"]["JobRunState"] not in UNFINISHED)
    return [_check("the Glue run of a failed task is stopped", stopped)]


def cancelled_statement(platform: Platform, day: dt.date) -> list[Step]:
    """Fail the task that waits for a statement, which cancels the statement."""
    run_id = platform.next_stop()
    database = platform.outputs["redshift_database"]
    with platform.aws.warehouse.connect(database) as connection:
        connection.execute(b"LOCK TABLE crypto.load_lock IN ACCESS EXCLUSIVE MODE")
        _trigger_window(platform, run_id, day)
        if not _until(lambda: _is_deferred(platform, run_id, "merge_into_fact")):
            connection.rollback()
            return [Step("a merge waits for the load lock", _failure(platform, run_id))]
        _await_triggerer(platform, "DescribeStatement")
        before = platform.answered("CancelStatement")
        cancelled = _fail(
            platform,
            run_id,
            "merge_into_fact",
            "CancelStatement",
            lambda: platform.answered("CancelStatement") > before,
        )
        connection.rollback()
    platform.airflow.api.wait_for_dag_run(WINDOW, run_id, timeout_seconds=_WAIT_SECONDS)
    return [_check("the statement of a failed task is canceled", cancelled)]


SCENARIOS: Mapping[str, Scenario] = {
    "deploy": deploy,
    "daily": daily,
    "again": again,
    "emptied": emptied,
    "plan": plan,
    "audit": audit,
    "marts": marts,
    "explain": explain,
    "stopped Glue run": stopped_glue_run,
    "cancelled statement": cancelled_statement,
}


def first_error(steps: list[Step]) -> Step | None:
    """Return the first failed step."""
    return next((step for step in steps if step.error is not None), None)


def _run(platform: Platform, dag_id: str, day: dt.date, conf: Mapping[str, Any] | None = None) -> list[Step]:
    run = platform.pipeline.run(dag_id, day, conf)
    if run.failed is not None:
        return [Step(f"{dag_id}: {run.failed}", run.reason)]
    return [Step(dag_id, None if run.state == "success" else f"the run is {run.state}")]


def _check(name: str, holds: bool) -> Step:
    return Step(name, None if holds else "it did not happen in time")


def _trigger_window(platform: Platform, run_id: str, day: dt.date) -> None:
    end = day + dt.timedelta(days=1)
    conf = {"start": day.isoformat(), "end": end.isoformat(), "sources": ["binance"], "reload": True}
    platform.airflow.api.trigger(WINDOW, run_id=run_id, conf=conf)


def _is_deferred(platform: Platform, run_id: str, task_id: str) -> bool:
    instances = platform.airflow.api.task_instances(WINDOW, run_id)
    return any(each["task_id"] == task_id and each["state"] == "deferred" for each in instances)


def _await_triggerer(platform: Platform, operation: str) -> None:
    """Wait until the triggerer polls a deferred task. Before that it would not notice that the task was failed."""
    before = platform.calls(operation)
    if not _until(lambda: platform.calls(operation) > before):
        raise RuntimeError(f"the triggerer does not call {operation}; see the logs in {platform.folder}")


def _failure(platform: Platform, run_id: str) -> str:
    instances = platform.airflow.api.task_instances(WINDOW, run_id)
    return "; ".join(f"{each['task_id']}: {each['state']}" for each in instances if each["state"] != "success")


def _fail(platform: Platform, run_id: str, task_id: str, operation: str, has_ended: Callable[[], bool]) -> bool:
    """Fail a deferred task, wait until its work ends or the call for that is denied, and return whether it ended."""
    denied = platform.denied(operation)
    platform.airflow.api.set_task_state(WINDOW, run_id, task_id, "failed")
    _until(lambda: has_ended() or platform.denied(operation) > denied)
    return has_ended()


def _until(look: Callable[[], Any]) -> Any:
    """Poll until there is a result; return None after the timeout."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while not (found := look()):
        if time.monotonic() > deadline:
            return None
        time.sleep(_LOOK_SECONDS)
    return found
