"""Glue's StartJobRun, GetJobRun, GetJobRuns and BatchStopJobRun, which really execute job runs.

Each run has its own thread. The thread fetches the script, starts Spark, follows the logs and records the end. All
changes of a run's state happen under one lock, so a stop, a timeout and the natural end of a run cannot conflict.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from local_aws.clients import Credentials
from local_aws.glue.installed_spark import SparkUnavailableError
from local_aws.glue.job_arguments import GLUE_VERSION, RunPlan, plan_run
from local_aws.glue.run_history import UNFINISHED, JobRun, RunHistory
from local_aws.glue.run_logs import LogStream
from local_aws.glue.spark_jvm import SparkJvms
from local_aws.glue.spark_runtime import RunFiles, SparkProcess, SparkRuntime, end_orphan
from local_aws.protocol.errors import AwsError
from local_aws.protocol.signature import RequestContext

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

logger = logging.getLogger(__name__)

_LOG_EVERY_SECONDS = 1.0
_PAGE = 200


@dataclass
class _Live:
    """The resources of an unfinished run. ``began`` is the time when it was granted Spark."""

    plan: RunPlan
    stop_requested: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    began: dt.datetime | None = None


class GlueJobRuns:
    """The handler of Glue's job run operations.

    Args:
        get_job: Takes a job's name and returns the job, as GetJob returns it under ``Job``. If the job is unknown, it
            raises LookupError, or GetJob's AwsError or ClientError.
        get_security_configuration: Takes a name and returns the security configuration, as GetSecurityConfiguration
            returns it under ``SecurityConfiguration``. If the name is unknown, it raises that operation's ClientError.
        role_credentials: Takes the name or ARN of a job's role and returns credentials of that role.
        endpoint_url: Returns the emulator's URL. It is called when a run starts, because the port is known then.
        state_dir: The emulator's state folder. Runs use ``glue/`` and ``logs/glue/`` in it.
        runs_at_once: Maximum number of runs that may have Spark at the same time. Each takes up to 1.5 GB. The others
            stay in STARTING, as on AWS while there is no capacity. None for no limit.
        runtime: Starts Spark. By default it uses the cache folder of this virtual environment, and ``glue/jvms`` for
            the JVMs' own files.
    """

    def __init__(
        self,
        *,
        get_job: Callable[[str], Mapping[str, Any]],
        get_security_configuration: Callable[[str], Mapping[str, Any]],
        role_credentials: Callable[[str], Credentials],
        endpoint_url: Callable[[], str],
        state_dir: Path,
        runs_at_once: int | None = None,
        runtime: SparkRuntime | None = None,
    ) -> None:
        self._get_job = get_job
        self._get_security_configuration = get_security_configuration
        self._role_credentials = role_credentials
        self._endpoint_url = endpoint_url
        self._folder = state_dir.resolve() / "glue"
        self._logs = state_dir.resolve() / "logs" / "glue"
        self._runtime = runtime or SparkRuntime(SparkJvms(work_dir=self._folder / "jvms"))
        self._history = RunHistory(self._folder / "runs")
        self._live: dict[str, _Live] = {}
        self._lock = threading.Lock()
        self._runs_at_once = runs_at_once
        self._waiting: list[str] = []
        self._with_spark: set[str] = set()
        self._turn = threading.Condition(self._lock)
        self._fail_interrupted_runs()

    def StartJobRun(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Start a run and return its id immediately."""
        plan = plan_run(self._job(params["JobName"]), params, self._security_configuration)
        now = _now()
        run = JobRun(
            id=f"jr_{secrets.token_hex(32)}",
            job_name=plan.job_name,
            state="STARTING",
            arguments=dict(plan.given_arguments),
            timeout_minutes=plan.timeout_minutes,
            capacity=dict(plan.capacity),
            started_on=now,
            last_modified_on=now,
            security_configuration=plan.security_configuration,
            log_group=plan.log_group,
        )
        live = _Live(plan)
        live.thread = threading.Thread(
            target=self._run, args=(run, live, context.region), name=f"glue-{run.id[:11]}", daemon=True
        )
        with self._lock:
            running = [other for other in self._history.of_job(plan.job_name) if other.state in UNFINISHED]
            if len(running) >= plan.max_concurrent_runs:
                raise AwsError(
                    "ConcurrentRunsExceededException",
                    f"Concurrent runs exceeded for {plan.job_name}: {len(running)} of {plan.max_concurrent_runs}",
                )
            self._live[run.id] = live
            self._waiting.append(run.id)
            self._history.save(run)
        live.thread.start()
        return {"JobRunId": run.id}

    def GetJobRun(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Return a run. It has no predecessors, which are the runs of conditional triggers."""
        with self._lock:
            run = self._history.get(params["RunId"])
            if run is None or run.job_name != params["JobName"]:
                raise _not_found(f"Job Run {params['RunId']} of job {params['JobName']} not found.")
            return {"JobRun": _answer(run)}

    def GetJobRuns(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Return a page of a job's runs, newest first."""
        self._job(params["JobName"])
        start = _offset(params.get("NextToken"))
        size = min(params.get("MaxResults") or _PAGE, _PAGE)
        with self._lock:
            runs = self._history.of_job(params["JobName"])
            page: dict[str, Any] = {"JobRuns": [_answer(run) for run in runs[start : start + size]]}
        if start + size < len(runs):
            page["NextToken"] = base64.b64encode(str(start + size).encode()).decode()
        return page

    def BatchStopJobRun(self, context: RequestContext, params: dict[str, Any]) -> dict[str, Any]:
        """Stop runs. Each becomes STOPPING immediately, and STOPPED when its processes have ended."""
        job_name = params["JobName"]
        self._job(job_name)
        stopped: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for run_id in params["JobRunIds"]:
            with self._lock:
                run = self._history.get(run_id)
                if run is None or run.job_name != job_name:
                    refusal = ("EntityNotFoundException", f"Job Run {run_id} not found.")
                elif run.state not in ("STARTING", "RUNNING"):
                    refusal = (
                        "IllegalWorkflowStateException" if run.state == "STOPPING" else "InvalidInputException",
                        f"Job Run {run_id} is {run.state} and cannot be stopped.",
                    )
                else:
                    self._change(run, "STOPPING")
                    self._live[run_id].stop_requested.set()
                    self._turn.notify_all()
                    stopped.append({"JobName": job_name, "JobRunId": run_id})
                    continue
            detail = {"ErrorCode": refusal[0], "ErrorMessage": refusal[1]}
            errors.append({"JobName": job_name, "JobRunId": run_id, "ErrorDetail": detail})
        return {"SuccessfulSubmissions": stopped, "Errors": errors}

    def close(self) -> None:
        """Stop every run and wait until their processes have ended. Call this before the process exits."""
        with self._lock:
            threads = [live.thread for live in self._live.values()]
            for run_id, live in self._live.items():
                run = self._history.get(run_id)
                if run is not None and run.state in ("STARTING", "RUNNING"):
                    self._change(run, "STOPPING")
                live.stop_requested.set()
            self._turn.notify_all()
        for thread in threads:
            if thread is not None and thread.is_alive():
                thread.join(timeout=30)
        self._runtime.close()

    def _job(self, name: str) -> Mapping[str, Any]:
        try:
            return self._get_job(name)
        except LookupError:
            raise _not_found(f"Job with name: {name} not found.") from None
        except ClientError as error:
            detail = error.response["Error"]
            raise AwsError(detail["Code"], detail["Message"]) from error

    def _security_configuration(self, name: str) -> Mapping[str, Any]:
        try:
            return self._get_security_configuration(name)
        except ClientError as error:
            detail = error.response["Error"]
            raise AwsError(detail["Code"], f"Security configuration {name}: {detail['Message']}") from error

    def _run(self, run: JobRun, live: _Live, region: str) -> None:
        """Execute a run from STARTING to its end, in the run's own thread."""
        folder = self._folder / "work" / run.id
        state, error = "FAILED", None
        try:
            if self._await_turn(run, live):
                state, error = self._execute(run, live, region, folder)
            else:
                state = "STOPPED"
        except (ClientError, BotoCoreError, SparkUnavailableError, OSError, AwsError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        except Exception as failure:
            logger.exception("job run %s", run.id)
            error = f"the local Glue failed: {type(failure).__name__}: {failure}"
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            with self._lock:
                # The caller was told STOPPED, so it stays STOPPED even if the script ended at the same moment.
                self._finish(run, "STOPPED" if run.state == "STOPPING" else state, error, live.began)
                del self._live[run.id]
                self._with_spark.discard(run.id)
                self._turn.notify_all()

    def _await_turn(self, run: JobRun, live: _Live) -> bool:
        """Wait in StartJobRun's order until this run may have Spark. Return False if it is stopped before that."""

        def is_next() -> bool:
            free = self._runs_at_once is None or len(self._with_spark) < self._runs_at_once
            return live.stop_requested.is_set() or (free and self._waiting[0] == run.id)

        with self._turn:
            self._turn.wait_for(is_next)
            self._waiting.remove(run.id)
            granted = not live.stop_requested.is_set()
            if granted:
                self._with_spark.add(run.id)
                live.began = _now()
            self._turn.notify_all()
        return granted

    def _execute(self, run: JobRun, live: _Live, region: str, folder: Path) -> tuple[str, str | None]:
        endpoint = self._endpoint_url()
        credentials = self._role_credentials(live.plan.role)
        session = boto3.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
            region_name=region,
        )
        files = self._fetch(run, live.plan, session.client("s3", endpoint_url=endpoint), folder)
        if live.stop_requested.is_set():
            return "STOPPED", None
        passed = {
            **live.plan.arguments,
            "--JOB_ID": f"j_{run.job_name}",
            "--JOB_RUN_ID": run.id,
            "--JOB_NAME": run.job_name,
        }
        process = self._runtime.start(
            files,
            arguments=[word for argument in passed.items() for word in argument],
            spark_settings=live.plan.spark_settings,
            environment={
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_REGION": region,
                "AWS_DEFAULT_REGION": region,
                "AWS_ACCESS_KEY_ID": credentials["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": credentials["SecretAccessKey"],
                "AWS_SESSION_TOKEN": credentials["SessionToken"],
            },
        )
        try:
            with self._lock:
                run.pid = process.pid
                # A stop may have been requested since then, and STOPPING must not become RUNNING again.
                self._change(run, "RUNNING" if run.state == "STARTING" else run.state)
            logs = session.client("logs", endpoint_url=endpoint)
            streams = [
                LogStream(logs, group=f"{run.log_group}/output", stream=run.id, path=files.output),
                LogStream(logs, group=f"{run.log_group}/error", stream=run.id, path=files.errors),
            ]
            ending = self._follow(live, process, streams, time.monotonic() + live.plan.timeout_minutes * 60)
        finally:
            process.end()
        for stream in streams:
            stream.send(final=True)
        if ending is not None:
            return ending
        error = process.error()
        return ("SUCCEEDED", None) if error is None else ("FAILED", error)

    @staticmethod
    def _follow(
        live: _Live, process: SparkProcess, streams: list[LogStream], deadline: float
    ) -> tuple[str, str | None] | None:
        """Wait for the end of the process; return the run's end if it is not the script's own."""
        logged = time.monotonic()
        while not process.wait(0.05):
            if live.stop_requested.is_set():
                return "STOPPED", None
            if time.monotonic() > deadline:
                return "TIMEOUT", "Job run timed out."
            if time.monotonic() - logged > _LOG_EVERY_SECONDS:
                for stream in streams:
                    stream.send()
                logged = time.monotonic()
        return None

    def _fetch(self, run: JobRun, plan: RunPlan, s3: S3Client, folder: Path) -> RunFiles:
        folder.mkdir(parents=True)
        self._logs.mkdir(parents=True, exist_ok=True)
        py_files = []
        for number, uri in enumerate(plan.py_files):
            place = folder / str(number)
            place.mkdir()
            py_files.append(_download(s3, uri, place))
        return RunFiles(
            run_id=run.id,
            folder=folder,
            script=_download(s3, plan.script, folder),
            py_files=py_files,
            output=self._logs / f"{run.id}.output.log",
            errors=self._logs / f"{run.id}.error.log",
        )

    def _change(self, run: JobRun, state: str) -> None:
        run.state = state
        run.last_modified_on = run.completed_on or _now()
        self._history.save(run)

    def _finish(self, run: JobRun, state: str, error: str | None, began: dt.datetime | None) -> None:
        run.completed_on = _now()
        # Billed time, "the amount of time (in seconds) that the job run consumed resources", excludes waiting.
        # https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-jobs-runs.html
        run.execution_seconds = 0 if began is None else round((run.completed_on - began).total_seconds())
        run.error = error if state != "STOPPED" else None
        run.pid = None
        self._change(run, state)
        logger.info("job run %s of %s: %s%s", run.id, run.job_name, state, f" ({error})" if run.error else "")

    def _fail_interrupted_runs(self) -> None:
        """Fail the runs that were interrupted when the last emulator was killed, and end their remaining processes."""
        for run in self._history.unfinished():
            if run.pid is not None and end_orphan(run.pid, run.id):
                logger.warning("ended the orphaned process group %d of job run %s", run.pid, run.id)
            began = None if run.state == "STARTING" else run.started_on
            self._finish(run, "FAILED", "The local AWS ended while the job run was running.", began)
        for left_over in ("work", "jvms"):
            shutil.rmtree(self._folder / left_over, ignore_errors=True)


def _download(s3: S3Client, uri: str, folder: Path) -> Path:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    target = folder / key.rpartition("/")[2]
    try:
        s3.download_file(bucket, key, str(target))
    except ClientError as error:
        raise AwsError("InvalidInputException", f"{uri} cannot be fetched: {error}") from error
    return target


def _answer(run: JobRun) -> dict[str, Any]:
    answer = {
        "Id": run.id,
        "Attempt": 0,
        "JobName": run.job_name,
        "JobMode": "SCRIPT",
        "StartedOn": run.started_on,
        "LastModifiedOn": run.last_modified_on,
        "CompletedOn": run.completed_on,
        "JobRunState": run.state,
        "Arguments": run.arguments,
        "ErrorMessage": run.error,
        "PredecessorRuns": [],
        "ExecutionTime": run.execution_seconds,
        "Timeout": run.timeout_minutes,
        "LogGroupName": run.log_group,
        "SecurityConfiguration": run.security_configuration,
        "GlueVersion": GLUE_VERSION,
        **run.capacity,
    }
    return {name: value for name, value in answer.items() if value is not None}


def _offset(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError):
        raise AwsError("InvalidInputException", "NextToken was not issued by GetJobRuns.") from None


def _not_found(message: str) -> AwsError:
    return AwsError("EntityNotFoundException", message)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
