"""Runs DAG runs, one after the other, in one process with the environment of an MWAA worker, as ``dags test`` does.

Importing Airflow takes longer than a short run, and a proof that removes permissions one by one has a hundred runs.
Each line of standard input requests a run. Each line of the results file has the result of a run.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def main() -> int:
    """Run the DAG runs that standard input requests, until it ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", required=True, type=Path)
    arguments = parser.parse_args()
    dags = _load_dags()
    with arguments.results.open("a", encoding="utf-8") as results:
        for line in sys.stdin:
            request = json.loads(line)
            results.write(json.dumps(_run(dags[request["dag_id"]], request["logical_date"], request["conf"])) + "\n")
            results.flush()
    return 0


def _load_dags() -> dict[str, Any]:
    from airflow.configuration import conf
    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk.definitions.mappedoperator import MappedOperator
    from airflow.sdk.execution_time.supervisor import in_process_api_server
    from airflow.utils import db

    db.initdb()
    bag = DagBag(conf.get("core", "dags_folder"))
    from crypto_prices import settings

    if not Path(settings.__file__).is_relative_to(conf.get("core", "plugins_folder")):
        raise SystemExit(f"crypto_prices was imported from {settings.__file__}, not from the worker's plugins folder")
    if bag.import_errors:
        raise SystemExit("\n".join(bag.import_errors.values()))
    for dag in bag.dags.values():
        for task in dag.tasks:
            # A denied call would be denied again. The proof only needs to know which task fails.
            if isinstance(task, MappedOperator):
                task.partial_kwargs["retries"] = 0
            else:
                task.retries = 0
    _ = in_process_api_server().transport  # takes seconds, which would otherwise delay the first task
    return dict(bag.dags)


def _run(dag: Any, day: str, run_conf: dict[str, Any]) -> dict[str, Any]:
    dag_run = dag.test(logical_date=datetime.fromisoformat(day).replace(tzinfo=UTC), run_conf=run_conf)
    instances = dag_run.get_task_instances()
    order = {task_id: place for place, task_id in enumerate(dag.task_dict)}
    return {
        "state": str(dag_run.state),
        "tasks": [
            {"task_id": instance.task_id, "map_index": instance.map_index, "state": str(instance.state)}
            for instance in sorted(instances, key=lambda each: (order[each.task_id], each.map_index))
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
