"""The bench: a local AWS in this process, whose calls can be broken, and a real Airflow that uses it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from dev.chaos import signals
from dev.chaos.boundaries import MARTS_DAG_ID, Boundaries
from dev.chaos.faults import CLIENT_SECONDS, TASK_SECONDS, Faults
from dev.chaos.signals import Signals
from local_aws.clients import local_client
from local_aws.emulator import LocalAws
from local_platform.airflow_services.api import AirflowApi
from local_platform.airflow_services.local_airflow import COMPONENTS, LocalAirflow
from local_platform.checkout import checkout_environment
from local_platform.exchange import exchange_mount
from local_platform.names import Provisioned
from local_platform.provision import provision
from local_platform.warehouse_queries import WarehouseQueries

DAG_ID = "crypto_prices_daily"
SYMBOLS = ("BTCUSDT", "ETHUSDT")
REJECTED_RECORDS = 1
"""The number of invalid records that the generated exchange adds to a window: an unclosed candle after ETHUSDT's last
one."""
SLOW_SECONDS = max(CLIENT_SECONDS, TASK_SECONDS) + 10.0
"""Longer than the timeouts of client and task, in seconds."""

_POLICY = Path(__file__).with_name("airflow_policy.py")
_TASKS_AT_ONCE = 8
_MAX_REJECTED_SHARE = 0.05
"""Allows the one invalid record among a day's 49."""
_S3A_RETRIES = "spark.hadoop.fs.s3a.attempts.maximum=1 --conf spark.hadoop.fs.s3a.retry.limit=1"
"""S3A sends a failed call once more, as botocore does here. By default it waits ten minutes for a permanent fault."""
_SET_BY_GLUE = {"Name", "CreatedOn", "LastModifiedOn", "AllocatedCapacity", "MaxCapacity"}
"""Members of a job that UpdateJob does not take, or not beside a worker type."""
_INVALID = {"kind": "unclosed_candle", "source": "binance", "symbol": "ETHUSDT", "times": None}


class Bench:
    """Starts and stops the platform under test; a context manager.

    Args:
        state_dir: Folder for state and logs.
        market_data: Folder of recorded candles. None generates candles, as ``checks`` expects them, with one record
            that must be quarantined.
        symbols: Exchange symbols to load.
        on_step: Called with a description of each step of the start.
        glue_runs_at_once: Maximum number of Glue runs that have Spark at the same time. Each of them starts its own
            JVM, which costs several times the CPU time of a run in a JVM that has run before. A slow run keeps its
            place for minutes, so a wave of many cases needs some.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        market_data: Path | None = None,
        symbols: Sequence[str] = SYMBOLS,
        on_step: Any = None,
        glue_runs_at_once: int = 4,
    ) -> None:
        self.state_dir = state_dir
        self.boundaries = Boundaries()
        self.signals = Signals(state_dir / "chaos-signals")
        self.faults = Faults(self.boundaries, slow_seconds=SLOW_SECONDS, on_fire=self.signals.fired)
        self._market_data = market_data
        self._symbols = tuple(symbols)
        self._on_step = on_step
        self._glue_runs_at_once = glue_runs_at_once
        self._closing = contextlib.ExitStack()
        self._aws: LocalAws | None = None
        self._names: Provisioned | None = None
        self._airflow: LocalAirflow | None = None
        self._restarting = threading.Lock()
        self._clients: dict[str, Any] = {}

    @property
    def airflow(self) -> LocalAirflow:
        """The Airflow under test."""
        if self._airflow is None:
            raise RuntimeError("the bench has not been started")
        return self._airflow

    @property
    def api(self) -> AirflowApi:
        """A client of Airflow's API."""
        return self.airflow.api

    @property
    def names(self) -> Provisioned:
        """The names of the resources in the local AWS."""
        if self._names is None:
            raise RuntimeError("the bench has not been started")
        return self._names

    @property
    def warehouse(self) -> WarehouseQueries:
        """Queries the warehouse."""
        return WarehouseQueries(self.names)

    def client(self, service: str) -> Any:
        """Return a boto3 client for the local AWS."""
        if service not in self._clients:
            self._clients[service] = local_client(service, self.names.endpoint)
        return self._clients[service]

    @contextlib.contextmanager
    def holding(self, table: str) -> Iterator[None]:
        """Lock a table of the warehouse, so that everything that needs it waits."""
        if self._aws is None:
            raise RuntimeError("the bench has not been started")
        with self._aws.warehouse.connect(self.names.redshift_database) as connection:
            connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
            yield
            connection.rollback()

    def keep_alive(self) -> None:
        """Restart the Airflow components that have ended, as a service manager would."""
        with self._restarting:
            for name in COMPONENTS:
                if not self.airflow.components[name].is_running:
                    self.airflow.restart(name, wait=False)

    def __enter__(self) -> Bench:
        try:
            self.state_dir.mkdir(parents=True, exist_ok=True)
            self.signals.switch_off({})
            self._aws = self._closing.enter_context(
                LocalAws(
                    self.state_dir,
                    port=0,
                    mounts=exchange_mount(self._market_data),
                    interceptor=self.faults.intercept_call,
                    statement_interceptor=self.faults.intercept_statements,
                    glue_runs_at_once=self._glue_runs_at_once,
                )
            )
            self._names = provision(
                self._aws.endpoint, symbols={"binance": self._symbols}, max_rejected_share=_MAX_REJECTED_SHARE
            )
            self._limit_retries_of_s3a()
            if self._market_data is None:
                faults = {"faults": [_INVALID]}
                url = f"{self.names.endpoint}/exchange/_faults"
                requests.put(url, json=faults, timeout=10).raise_for_status()
            self._airflow = self._closing.enter_context(
                LocalAirflow(
                    self.state_dir,
                    self.names.endpoint,
                    names=self.names,
                    parallelism=_TASKS_AT_ONCE,
                    cluster_policy=_POLICY,
                    on_step=self._on_step,
                    extra_environment={
                        # The cluster policy imports this package.
                        "PYTHONPATH": checkout_environment()["PYTHONPATH"],
                        signals.FOLDER_VARIABLE: str((self.state_dir / "chaos-signals").absolute()),
                        # botocore retries a lost response once.
                        "AWS_MAX_ATTEMPTS": "2",
                        # An unpaused DAG would also load yesterday, which is not part of any case.
                        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
                        # Waves keep the scheduler busy. Looking for work more often would only cost CPU.
                        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1",
                        "AIRFLOW__SCHEDULER__TRIGGER_TIMEOUT_CHECK_INTERVAL": "2",
                        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
                        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
                    },
                )
            )
            for dag_id in (DAG_ID, MARTS_DAG_ID):
                self.api.unpause(dag_id)
        except BaseException:
            self._closing.close()
            raise
        return self

    def _limit_retries_of_s3a(self) -> None:
        glue, name = self.client("glue"), self.names.glue_job
        job = glue.get_job(JobName=name)["Job"]
        definition = {member: value for member, value in job.items() if member not in _SET_BY_GLUE}
        arguments = {**job["DefaultArguments"], "--conf": _S3A_RETRIES}
        glue.update_job(JobName=name, JobUpdate={**definition, "DefaultArguments": arguments})

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()


def logical_date(day: date) -> datetime:
    """Return the logical date of a day's run."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
