"""Runs DAGs in this process, as ``airflow dags test`` does, and writes a result file for each run.

Importing Airflow takes seconds, so the demo starts this program before the local AWS is ready. Each line on standard
input is the id of a DAG to run. The end of the input, or a failed run, ends the program.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.session

DAILY = "crypto_prices_daily"
MARTS = "crypto_prices_marts"


def result_file(folder: Path, dag_id: str) -> Path:
    """Return the file with the result of a DAG's run. It exists when the run has ended."""
    return folder / f"demo-result-{dag_id}.json"


def main() -> int:
    """Run the DAGs and return 0 if all runs succeeded, else 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--date", required=True)
    parser.add_argument("--reload", action="store_true")
    parser.add_argument("--results", required=True, type=Path, help="folder for the result files")
    arguments = parser.parse_args()

    started = time.monotonic()
    # Airflow's hooks create a session for each client. Sessions that share their loader do not read it all again.
    botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)
    dags = _load_dags()
    _warm_up()
    seconds = time.monotonic() - started
    logical_date = datetime.fromisoformat(arguments.date).replace(tzinfo=UTC)
    while dag_id := sys.stdin.readline().strip():
        conf = {"reload": True} if arguments.reload and dag_id == DAILY else {}
        dag_run = dags[dag_id].test(logical_date=logical_date, run_conf=conf)
        result = _result(dag_run) | {"airflow_start_seconds": seconds}
        unfinished = arguments.results / f"{dag_id}.unfinished"
        unfinished.write_text(json.dumps(result, indent=1, default=str))
        unfinished.replace(result_file(arguments.results, dag_id))
        if result["state"] != "success":
            return 1
    return 0


def _load_dags() -> dict[str, Any]:
    from airflow.configuration import conf
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils import db

    database = Path(conf.get("database", "sql_alchemy_conn").removeprefix("sqlite:///"))
    # Written after initdb, so that an interrupted initdb is repeated.
    initialized = database.with_suffix(".initialized")
    if not initialized.exists():
        print("Creating Airflow's metadata database", flush=True)
        db.initdb()
        initialized.touch()
    folder = Path(conf.get("core", "dags_folder"))
    dags: dict[str, Any] = {}
    for dag_id in (DAILY, MARTS):
        bag = DagBag(folder / f"{dag_id}.py")
        if bag.import_errors:
            raise SystemExit("\n".join(bag.import_errors.values()))
        dags |= bag.dags
    return dags


def _warm_up() -> None:
    """Build the API that tasks call. This takes seconds, which would otherwise delay the first task."""
    from airflow.sdk.execution_time.supervisor import in_process_api_server

    _ = in_process_api_server().transport


def _result(dag_run: Any) -> dict[str, Any]:
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    def xcoms(task_id: str, key: str) -> list[Any]:
        query = XComModel.get_many(run_id=dag_run.run_id, dag_ids=dag_run.dag_id, task_ids=task_id, key=key)
        with create_session() as session:
            return [XComModel.deserialize_value(row) for row in session.scalars(query)]

    return {
        "state": str(dag_run.state),
        "run_id": dag_run.run_id,
        "skipped_because": next(iter(xcoms("plan_load", "skipped_because")), None),
        "fetched": xcoms("fetch_prices", "return_value"),
    }


if __name__ == "__main__":
    sys.exit(main())
