"""Runs one DAG run of crypto_prices_daily in this process, as ``airflow dags test`` does, and writes a result file.

Importing Airflow takes seconds, so the demo starts this program before the local AWS is ready. It waits for a line on
standard input before it runs the first task.
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

DAG_ID = "crypto_prices_daily"


def main() -> int:
    """Run the DAG and return 0 if the run succeeded, else 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--date", required=True)
    parser.add_argument("--reload", action="store_true")
    parser.add_argument("--result", required=True, type=Path)
    arguments = parser.parse_args()

    started = time.monotonic()
    # Airflow's hooks create a session for each client. Sessions that share their loader do not read it all again.
    botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)
    dag = _load_dag()
    _warm_up()
    ready = time.monotonic()
    if not sys.stdin.readline():
        return 1  # the demo ended
    logical_date = datetime.fromisoformat(arguments.date).replace(tzinfo=UTC)
    dag_run = dag.test(logical_date=logical_date, run_conf={"reload": True} if arguments.reload else {})
    result = _result(dag_run) | {"airflow_start_seconds": ready - started}
    arguments.result.write_text(json.dumps(result, indent=1, default=str))
    return 0 if result["state"] == "success" else 1


def _load_dag() -> Any:
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
    bag = DagBag(Path(conf.get("core", "dags_folder")) / f"{DAG_ID}.py")
    if bag.import_errors:
        raise SystemExit("\n".join(bag.import_errors.values()))
    return bag.dags[DAG_ID]


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
