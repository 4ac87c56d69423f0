"""Runs the demo: start the local AWS and Airflow, watch the DAG run, query the warehouse."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crypto_prices.fetch.sources import get_source
from crypto_prices.receipts.question import ask
from crypto_prices_contract.s3_keys import curation_report_key
from crypto_prices_contract.window import Window

from dev.demo.airflow_run import DAILY, MARTS, result_file
from dev.demo.live_markets import LiveMarketError, require_live_markets
from dev.demo.options import Options
from dev.demo.screen import Screen
from dev.demo.task_progress import TaskProgress, read_progress
from local_aws import child_process
from local_aws.clients import aws_environment, local_client
from local_aws.defaults import DEFAULT_STATE_DIR
from local_aws.ports import free_port
from local_platform import task_failure
from local_platform.airflow_environment import airflow_environment, airflow_home, airflow_python
from local_platform.checkout import REPOSITORY, checkout_environment
from local_platform.local_aws_health import answering_process
from local_platform.local_receipt import local_receipt
from local_platform.names import Provisioned
from local_platform.provision import provision
from local_platform.warehouse_queries import WarehouseQueries

START_SECONDS = 120
RUN_SECONDS = 3600
STOP_SECONDS = 4
"""Airflow goes on with the run after SIGTERM, so a longer grace would let a fast machine finish the load."""

LOOK_SECONDS = 0.25

_AIRFLOW_RUN = Path(__file__).with_name("airflow_run.py")


class DemoError(Exception):
    """The demo cannot continue; the message has the reason and what to do."""


@dataclass(frozen=True)
class EndedRun:
    """A run that succeeded.

    Attributes:
        tasks: Its task instances.
        result: What ``airflow_run.py`` wrote about it.
    """

    tasks: list[TaskProgress]
    result: dict[str, Any]


@dataclass
class DayRun:
    """Runs one day and shows it on a screen.

    Attributes:
        options: What to run.
        screen: The screen to write to.
    """

    options: Options
    screen: Screen
    _children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def airflow_log(self) -> Path:
        """The log of Airflow."""
        return self.options.state.folder / "logs" / "demo-airflow.log"

    @property
    def aws_log(self) -> Path:
        """The log of the local AWS."""
        return self.options.state.folder / "logs" / "demo-local-aws.log"

    @property
    def results(self) -> Path:
        """The folder with the results of the runs, written by ``airflow_run.py``."""
        return airflow_home(self.options.state.folder)

    def execute(self) -> bool:
        """Run the day and show the result; return whether the runs succeeded and the receipt holds.

        Raises:
            DemoError: The day could not be run.
            StateOptionsError: The state folder or the port cannot be used.
        """
        began = time.monotonic()
        self.options.state.require_usable()
        if self.options.live:
            try:
                require_live_markets(self.options.markets.symbols)
            except LiveMarketError as error:
                raise DemoError(str(error)) from error
        self.screen.header(self.options, self.airflow_log, self.aws_log)
        endpoint = f"http://127.0.0.1:{free_port(self.options.state.aws_port)}"
        aws = aws_environment(endpoint)
        self._begin_logs()
        # Both take seconds to start, so they start in parallel. Airflow then waits for the local AWS.
        local_aws = self._start_local_aws(endpoint)
        airflow = self._start_airflow(aws)
        with self.screen.working("starting the local AWS and Airflow"):
            names = self._provision(local_aws, endpoint)
        aws_seconds = time.monotonic() - began
        daily = self._run(DAILY, airflow, local_aws)
        if daily is None:
            return False
        warehouse = WarehouseQueries(names)
        (marts,) = warehouse.rows("SELECT loads_behind FROM crypto_views.freshness")
        # In Airflow, the asset event of the load starts this run.
        if marts["loads_behind"] and not self._run(MARTS, airflow, local_aws):
            return False
        if airflow.stdin is not None:
            airflow.stdin.close()
        if daily.result["skipped_because"]:
            self.screen.skipped(daily.result["skipped_because"])
        self.screen.gaps(daily.result["fetched"], self.options.day)
        loads = self._show_warehouse(names, warehouse)
        receipt_holds = self._show_receipt(names, warehouse)
        self.screen.places(self._places(names, loads))
        glue = sum(task.seconds(datetime.now(UTC)) or 0 for task in daily.tasks if task.task_id == "curate_prices")
        total = time.monotonic() - began
        imported = daily.result["airflow_start_seconds"]
        parts = [("local AWS ready after", aws_seconds), ("Airflow imported after", imported)]
        self.screen.timing(total, [*parts, ("Glue run", glue)] if glue else parts)
        return receipt_holds

    def stop(self) -> None:
        """Stop every started process, the last one first."""
        for child in reversed(self._children):
            child_process.stop(child, STOP_SECONDS)
        self._children.clear()

    def _begin_logs(self) -> None:
        self.options.state.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        airflow_home(self.options.state.folder).mkdir(parents=True, exist_ok=True)
        for log in (self.airflow_log, self.aws_log):
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text("")
        for dag_id in (DAILY, MARTS):
            result_file(self.results, dag_id).unlink(missing_ok=True)

    def _start_local_aws(self, endpoint: str) -> subprocess.Popen[bytes]:
        arguments = [sys.executable, "-m", "local_platform", "--port", endpoint.rsplit(":", 1)[1]]
        arguments += ["--state-dir", str(self.options.state.folder), "--no-provision"]
        if self.options.markets.market_data:
            arguments += ["--market-data", str(self.options.markets.market_data)]
        child = child_process.start(
            arguments, environment=checkout_environment(), log=self.aws_log, directory=REPOSITORY
        )
        self._children.append(child)
        return child

    def _start_airflow(self, aws: dict[str, str]) -> subprocess.Popen[bytes]:
        arguments = airflow_python(str(_AIRFLOW_RUN), "--date", self.options.day.isoformat())
        arguments += ["--results", str(self.results), *(["--reload"] if self.options.reload else [])]
        child = child_process.start(
            arguments,
            environment=airflow_environment(self.options.state.folder, aws),
            log=self.airflow_log,
            directory=airflow_home(self.options.state.folder),
        )
        self._children.append(child)
        return child

    def _provision(self, local_aws: subprocess.Popen[bytes], endpoint: str) -> Provisioned:
        deadline = time.monotonic() + START_SECONDS
        while answering_process(endpoint) != local_aws.pid:
            if local_aws.poll() is not None:
                raise DemoError(f"the local AWS did not start: {_last_line(self.aws_log)} (log: {self.aws_log})")
            if time.monotonic() > deadline:
                raise DemoError(f"the local AWS was not ready after {START_SECONDS} s (log: {self.aws_log})")
            time.sleep(0.1)
        return provision(
            endpoint,
            symbols=self.options.markets.symbols,
            exchange_urls={source: get_source(source).default_api_url for source in self.options.markets.symbols}
            if self.options.live
            else None,
        )

    def _run(
        self, dag_id: str, airflow: subprocess.Popen[bytes], local_aws: subprocess.Popen[bytes]
    ) -> EndedRun | None:
        """Run a DAG and show its tasks; return None if the run failed, after showing why."""
        self.screen.run(dag_id)
        began_at = datetime.now(UTC)
        if airflow.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it already ended; its log has the reason
                airflow.stdin.write(f"{dag_id}\n".encode())
                airflow.stdin.flush()
        tasks = self._watch(dag_id, began_at, airflow, local_aws)
        self.screen.tasks(tasks)
        file = result_file(self.results, dag_id)
        result = json.loads(file.read_text()) if file.exists() else {}
        if result.get("state") != "success" or not tasks:
            self._explain(tasks)
            return None
        return EndedRun(tasks, result)

    def _watch(
        self, dag_id: str, began_at: datetime, airflow: subprocess.Popen[bytes], local_aws: subprocess.Popen[bytes]
    ) -> list[TaskProgress]:
        database = airflow_home(self.options.state.folder) / "airflow.db"
        file = result_file(self.results, dag_id)
        deadline = time.monotonic() + RUN_SECONDS
        tasks: list[TaskProgress] = []
        with self.screen.live() as live:
            while True:
                ended = file.exists() or airflow.poll() is not None
                tasks = read_progress(database, dag_id, self.options.logical_date, began_at) or tasks
                self.screen.progress(live, tasks)
                if ended:
                    return tasks
                if local_aws.poll() is not None:
                    raise DemoError(f"the local AWS ended: {_last_line(self.aws_log)} (log: {self.aws_log})")
                if time.monotonic() > deadline:
                    raise DemoError(f"the run did not finish within {RUN_SECONDS} s (log: {self.airflow_log})")
                time.sleep(LOOK_SECONDS)

    def _explain(self, tasks: list[TaskProgress]) -> None:
        log = self.airflow_log.read_text(errors="replace")
        failed = [task for task in tasks if task.state == "failed"]
        for task in failed:
            task_log = task_failure.log_of_task(log, task.task_id, task.map_index)
            self.screen.failure(task.name, task_failure.reason(task_log), task_failure.tail(task_log), self.airflow_log)
        if not failed:
            self.screen.failure("the run", task_failure.reason(log), task_failure.tail(log), self.airflow_log)

    def _show_warehouse(self, names: Provisioned, warehouse: WarehouseQueries) -> list[dict[str, Any]]:
        """Show the day's rows in the warehouse; return the newest load of each source that has one."""
        window = Window.of_day(self.options.day)
        loads = warehouse.ask("queries/loads_of_window.sql", window)
        # The newest load per source of this run. Another run may have loaded other sources since.
        newest = [
            next(load for load in loads if load["source"] == source)
            for source in self.options.markets.symbols
            if any(load["source"] == source for load in loads)
        ]
        if newest:
            quarantined = {
                load["source"]: self._quarantined(names, load["glue_job_run_id"])[load["source"]] for load in newest
            }
            self.screen.accounting(newest, quarantined)
        prices = warehouse.ask("queries/prices_of_window.sql", window)
        if prices:
            self.screen.prices(prices)
        (checksum,) = warehouse.ask("queries/fact_checksum.sql", window)
        self.screen.checksum(checksum["row_total"], checksum["checksum"])
        days = warehouse.ask("queries/daily_prices_of_window.sql", window)
        if days:
            self.screen.daily(days)
        return newest

    def _show_receipt(self, names: Provisioned, warehouse: WarehouseQueries) -> bool:
        """Show where the last closing price of the day's first market comes from; return whether no check fails."""
        prices = warehouse.ask("queries/prices_of_window.sql", Window.of_day(self.options.day))
        closed = [row for row in prices if row["close_price"] is not None]
        if not closed:
            return True
        market = ("source", "symbol", "quote_currency")
        last = [row for row in closed if all(row[name] == closed[0][name] for name in market)][-1]
        question = ask(
            market=f"{last['symbol']}/{last['quote_currency']}",
            source=last["source"],
            at=last["observed_at"],
            candle_interval=last["candle_interval"],
        )
        receipt, _ = local_receipt(question, names)
        self.screen.receipt(receipt.to_text())
        return not receipt.broken

    @staticmethod
    def _quarantined(names: Provisioned, job_run_id: str) -> dict[str, dict[str, int]]:
        s3 = local_client("s3", names.endpoint)
        body = s3.get_object(Bucket=names.bucket, Key=curation_report_key(job_run_id))["Body"].read()
        return {source: counts["quarantined"] for source, counts in json.loads(body)["sources"].items()}

    def _places(self, names: Provisioned, loads: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
        chosen = "" if self.options.state.folder == DEFAULT_STATE_DIR else f" STATE={self.options.state.folder}"
        places = [("state", f"{self.options.state.folder} (make clean{chosen} deletes it)")]
        places += [(f"raw manifest ({load['source']})", load["raw_manifest"]) for load in loads]
        for run in dict.fromkeys(load["glue_job_run_id"] for load in loads):
            version = f"s3://{names.bucket}/curated/crypto_prices/version={run}/"
            manifests = {load["copy_manifest"] for load in loads if load["glue_job_run_id"] == run}
            places += [("curated", version), *(("COPY manifest", manifest) for manifest in sorted(manifests))]
        return [
            *places,
            ("catalog table", f"{names.catalog_database}.{names.catalog_table}"),
            ("fact table", f"crypto.fact_crypto_prices in {names.redshift_workgroup}/{names.redshift_database}"),
            ("call log", str(self.options.state.folder / "calls.jsonl")),
            ("Airflow log", str(self.airflow_log)),
            ("query", f"make sql{chosen} opens psql"),
            ("receipt", f"make explain{chosen} MARKET=… SOURCE=… AT=… prints where any other number comes from"),
            ("report", f"make report{chosen} shows all loads, gaps and prices as one HTML file"),
            ("explore", f"make local-aws{chosen} starts the local AWS with this state, ready for boto3"),
        ]


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "its log is empty"
