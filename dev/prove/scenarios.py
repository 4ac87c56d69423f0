"""What the platform does, as far as roles matter: each scenario is green only when every step of it was allowed.

Together they use every permission that the local AWS can exercise; ``permissions_of`` those that none of them needs is
what ``make prove`` fails for.
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
from local_aws.iam.authorization_log import read_log
from local_platform.airflow_services.local_airflow import LocalAirflow

METRICS_NAMESPACE = "CryptoPrices"
DAILY, WINDOW = "crypto_prices_daily", "crypto_prices_window"
FIRST_DAY = dt.date(2024, 1, 5)
"""The day that every scenario after the first finds loaded."""
EMPTIED = (dt.date(2024, 2, 1), dt.date(2024, 2, 27))
"""Days [first, last) of one Coinbase market: pages of 300 candles, of which the first is empty the second time."""

SOURCES: Mapping[str, Mapping[str, Any]] = {
    "binance": {"symbols": ["BTCUSDT", "ETHUSDT"]},
    "coinbase": {"symbols": ["BTC-USD"]},
    "coingecko": {"symbols": ["bitcoin"], "connection_id": "coingecko"},
}
"""What the settings of the proof take from which exchange."""

API_KEY = "planted-api-key"  # an exchange of this machine's own asks for it
_WAIT_SECONDS = 90.0
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Step:
    """One thing that was to happen.

    Attributes:
        name: What, for a person; of a DAG run the task that failed.
        error: Why it did not happen; None when it did.
    """

    name: str
    error: str | None = None


class Hold:
    """Keeps what Spark asks of S3 waiting while it is closed, so that a run is not quicker than who stops it."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()

    def intercept(self, call: Call, moment: str, _answer: Any) -> None:
        """Let a call wait, see server.Interceptor."""
        if moment == "before" and call.operation == "PutObject" and b"/curated/" in call.request.raw_path.encode():
            self._open.wait(_WAIT_SECONDS)

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Keep it closed."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()


@dataclass
class Platform:
    """What Terraform made, on a local AWS of this process, and who works on it.

    Attributes:
        aws: The local AWS.
        hold: What can make its calls wait.
        outputs: Terraform's outputs by name.
        environment: The MWAA environment's name.
        folder: Where workers keep their files.
    """

    aws: LocalAws
    hold: Hold
    outputs: Mapping[str, Any]
    environment: str
    folder: Path
    _closing: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _pipeline: Pipeline | None = None
    _airflow: LocalAirflow | None = None
    _stops: int = 0

    def client(self, service: str) -> Any:
        """Return a boto3 client of the account's administrator."""
        return local_client(service, self.aws.endpoint)

    def worker(self, name: str) -> Worker:
        """Start a worker of the environment with a folder of its own."""
        return start_worker(self.aws.endpoint, self.environment, self.folder / name)

    @property
    def pipeline(self) -> Pipeline:
        """The worker that runs DAGs; it starts with the first."""
        if self._pipeline is None:
            self._pipeline = self._closing.enter_context(Pipeline(self.worker("worker")))
        return self._pipeline

    @property
    def airflow(self) -> LocalAirflow:
        """A whole Airflow with the environment's files, configuration and role, for what takes a triggerer."""
        if self._airflow is None:
            worker = self.worker("airflow")
            airflow = LocalAirflow(worker.home, self.aws.endpoint, extra_environment=dict(worker.variables))
            self._airflow = self._closing.enter_context(airflow)
            self._airflow.api.unpause(WINDOW)
        return self._airflow

    def close(self) -> None:
        """End who works on it."""
        self._closing.close()
        self._pipeline = self._airflow = None

    def next_stop(self) -> str:
        """Return the id of one more run that is to be stopped."""
        self._stops += 1
        return f"stopped-{self._stops}"

    @contextlib.contextmanager
    def fault(self, fault: Mapping[str, Any]) -> Iterator[None]:
        """Let the exchange answer with a fault."""
        url = f"{self.aws.endpoint}/exchange/_faults"
        requests.put(url, json={"faults": [dict(fault)]}, timeout=10).raise_for_status()
        try:
            yield
        finally:
            requests.delete(url, timeout=10).raise_for_status()

    def calls(self, operation: str) -> int:
        """Return how often Airflow's role has called an operation."""
        checks = read_log(self.aws.state_dir / "authorizations.jsonl")
        role = self.outputs["role_arns"]["mwaa"].rpartition("/")[2]
        return sum(check.operation == operation and check.role == role for check in checks)

    def answered(self, operation: str) -> int:
        """Return how often an operation was called and carried out, by whomever."""
        lines = (self.aws.state_dir / "calls.jsonl").read_text(encoding="utf-8").splitlines()
        calls = [json.loads(line) for line in lines if f'"{operation}"' in line]
        return sum(call["operation"] == operation and call["error"] is None for call in calls)

    def metric_count(self, name: str) -> float:
        """Return how many values of a metric of the daily DAG CloudWatch has got."""
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
        """Return how many lines the newest Glue run has in its log group."""
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


Scenario = Callable[[Platform, dt.date], list[Step]]
"""Takes the platform and a day that was not loaded before, and returns its steps in their order."""


def deploy(platform: Platform, _day: dt.date) -> list[Step]:
    """A worker of the environment starts: it fetches the DAGs, the plugins and the requirements."""
    try:
        platform.worker("deploy")
    except WorkerError as error:
        return [Step("a worker starts", str(error))]
    return [Step("a worker starts")]


def daily(platform: Platform, day: dt.date) -> list[Step]:
    """The daily DAG loads a day of three sources, one of which asks for a key; a record is quarantined."""
    metrics = platform.metric_count("LoadsReconciled")
    with platform.fault({"kind": "unclosed_candle", "source": "binance", "symbol": "ETHUSDT", "times": None}):
        steps = _run(platform, DAILY, day)
    if first_error(steps) is not None:
        return steps
    steps.append(_check("the Glue run's log is in its log group", platform.log_events_of_newest_run() > 0))
    steps.append(_check("the figures are in CloudWatch", platform.metric_count("LoadsReconciled") > metrics))
    return steps


def again(platform: Platform, _day: dt.date) -> list[Step]:
    """A day that is loaded is loaded again: its partition is switched."""
    return _run(platform, DAILY, FIRST_DAY, {"reload": True})


def emptied(platform: Platform, day: dt.date) -> list[Step]:
    """Days that are loaded have no candles any more: their partitions are taken away."""
    first, last = EMPTIED
    conf = {"start": first.isoformat(), "end": last.isoformat(), "sources": ["coinbase"], "force": True}
    steps = _run(platform, WINDOW, day, conf)
    if first_error(steps) is not None:
        return steps
    with platform.fault({"kind": "empty", "source": "coinbase", "symbol": "BTC-USD", "times": 1}):
        steps += _run(platform, WINDOW, day + dt.timedelta(days=1), conf)
    return steps


def plan(platform: Platform, day: dt.date) -> list[Step]:
    """A backfill is planned and its price shown."""
    conf = {"start": FIRST_DAY.isoformat(), "end": "2024-01-20", "dry_run": True}
    return _run(platform, "crypto_prices_backfill", day, conf)


def audit(platform: Platform, day: dt.date) -> list[Step]:
    """The audit looks at the warehouse, the catalog and the raw zone."""
    conf = {"start": FIRST_DAY.isoformat(), "end": (FIRST_DAY + dt.timedelta(days=1)).isoformat()}
    return _run(platform, "crypto_prices_audit", day, conf)


def stopped_glue_run(platform: Platform, day: dt.date) -> list[Step]:
    """A person ends the task that waits for a Glue run: the run is stopped."""
    api, run_id, glue = platform.airflow.api, platform.next_stop(), platform.client("glue")
    job = platform.outputs["glue_job"]
    before = {run["Id"] for run in glue.get_job_runs(JobName=job)["JobRuns"]}
    with platform.hold.closed():
        _trigger_window(platform, run_id, day)
        started = _until(lambda: [r for r in glue.get_job_runs(JobName=job)["JobRuns"] if r["Id"] not in before])
        if not started or not _until(lambda: _is_deferred(platform, run_id, "curate_prices")):
            return [Step("a Glue run starts", _failure(platform, run_id))]
        _await_triggerer(platform, "GetJobRun")
        api.set_task_state(WINDOW, run_id, "curate_prices", "failed")
        glue_run = started[0]["Id"]
        stopped = _until(
            lambda: glue.get_job_run(JobName=job, RunId=glue_run)["JobRun"]["JobRunState"] == "STOPPED", 20
        )
    _until(lambda: glue.get_job_run(JobName=job, RunId=glue_run)["JobRun"]["JobRunState"] not in UNFINISHED)
    return [_check("the Glue run of an ended task is stopped", bool(stopped))]


def cancelled_statement(platform: Platform, day: dt.date) -> list[Step]:
    """A person ends the task that waits for a statement: the statement is cancelled."""
    api, run_id = platform.airflow.api, platform.next_stop()
    database = platform.outputs["redshift_database"]
    with platform.aws.warehouse.connect(database) as connection:
        connection.execute(b"LOCK TABLE crypto.load_lock IN ACCESS EXCLUSIVE MODE")
        _trigger_window(platform, run_id, day)
        if not _until(lambda: _is_deferred(platform, run_id, "merge_into_fact"), 2 * _WAIT_SECONDS):
            connection.rollback()
            return [Step("a merge waits for its turn", _failure(platform, run_id))]
        _await_triggerer(platform, "DescribeStatement")
        before = platform.answered("CancelStatement")
        api.set_task_state(WINDOW, run_id, "merge_into_fact", "failed")
        cancelled = _until(lambda: platform.answered("CancelStatement") > before, 20)
        connection.rollback()
    platform.airflow.api.wait_for_dag_run(WINDOW, run_id, timeout_seconds=_WAIT_SECONDS)
    return [_check("the statement of an ended task is cancelled", bool(cancelled))]


SCENARIOS: Mapping[str, Scenario] = {
    "deploy": deploy,
    "daily": daily,
    "again": again,
    "emptied": emptied,
    "plan": plan,
    "audit": audit,
    "stopped Glue run": stopped_glue_run,
    "cancelled statement": cancelled_statement,
}


def first_error(steps: list[Step]) -> Step | None:
    """Return the first step that did not happen."""
    return next((step for step in steps if step.error is not None), None)


def _run(platform: Platform, dag_id: str, day: dt.date, conf: Mapping[str, Any] | None = None) -> list[Step]:
    run = platform.pipeline.run(dag_id, day, conf)
    if run.failed is not None:
        return [Step(f"{dag_id}: {run.failed}", run.reason)]
    return [Step(dag_id, None if run.state == "success" else f"the run is {run.state}")]


def _check(name: str, holds: bool) -> Step:
    return Step(name, None if holds else "it did not happen")


def _trigger_window(platform: Platform, run_id: str, day: dt.date) -> None:
    end = day + dt.timedelta(days=1)
    conf = {"start": day.isoformat(), "end": end.isoformat(), "sources": ["binance"], "reload": True}
    platform.airflow.api.trigger(WINDOW, run_id=run_id, conf=conf)


def _is_deferred(platform: Platform, run_id: str, task_id: str) -> bool:
    instances = platform.airflow.api.task_instances(WINDOW, run_id)
    return any(each["task_id"] == task_id and each["state"] == "deferred" for each in instances)


def _await_triggerer(platform: Platform, operation: str) -> None:
    """Wait until a deferred task is looked after: before that nobody notices that a person has ended it."""
    before = platform.calls(operation)
    if not _until(lambda: platform.calls(operation) > before):
        raise RuntimeError(f"the triggerer does not call {operation}; see the logs in {platform.folder}")


def _failure(platform: Platform, run_id: str) -> str:
    instances = platform.airflow.api.task_instances(WINDOW, run_id)
    return "; ".join(f"{each['task_id']}: {each['state']}" for each in instances if each["state"] != "success")


def _until(look: Callable[[], Any], seconds: float = _WAIT_SECONDS) -> Any:
    """Look until there is something to see; return None when the time is over."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            return None
        time.sleep(_LOOK_SECONDS)
    return found
