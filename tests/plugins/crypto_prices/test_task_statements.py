"""Every statement that changes a table of all loads, or a mart, runs in a batch that holds its lock."""

import re
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from crypto_prices import task_statements

from tests.support.rendered_sql import rendered_sql

DAGS, SQL = (Path(__file__).parents[3] / folder for folder in ("dags", "sql"))
CHANGES = re.compile(r"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO)\s+crypto\.\w+")
LOCKS = (task_statements.LOCK, task_statements.LOCK_MARTS)
OTHER_BATCHES = {"audit", "ensure_schema", "migrations"}
"""Folders whose statements are not in task_statements.py."""


def batches():
    return [value for value in vars(task_statements).values() if isinstance(value, tuple)]


def changing_statements():
    files = [
        path.relative_to(SQL) for path in SQL.rglob("*.sql") if path.relative_to(SQL).parts[0] not in OTHER_BATCHES
    ]
    return {str(path) for path in files if CHANGES.search(rendered_sql(str(path)))}


def test_each_changing_statement_is_in_a_batch_that_locks_first():
    locked = {name for batch in batches() if batch[:1] in LOCKS for name in batch}
    assert changing_statements() >= {
        "load/replace/insert_staged_rows.sql", "load/gaps/insert_candle_gaps.sql", "publish/record_load.sql"
    }  # fmt: skip
    assert changing_statements() <= locked


@pytest.fixture(scope="module")
def task_batches():
    """The files that each task of each DAG runs as one batch, by DAG, task and template field."""
    found = {}
    for dag in DagBag(dag_folder=DAGS).dags.values():
        for task in dag.tasks:
            for field in task.template_fields:
                value = getattr(task, field, None)
                statements = [value] if isinstance(value, str) else value if isinstance(value, list) else []
                # Parsing the DAG has replaced the files' names by their text. The first line is the name.
                names = [f"{match[1]}.sql" for each in statements if (match := re.match(r"-- (\S+)\n", str(each)))]
                if names:
                    found[dag.dag_id, task.task_id, field] = names
    return found


def test_each_task_that_runs_a_changing_statement_locks_first(task_batches):
    changing = changing_statements()
    of_task = {place: names for place, names in task_batches.items() if changing & set(names)}
    assert {(task, field) for _, task, field in of_task} >= {
        ("merge_into_fact", "sql"), ("plan_load", "empty_sql"), ("record_load", "sql"), ("refresh_marts", "sql")
    }  # fmt: skip
    assert {place: names[0] for place, names in of_task.items()} == {
        place: (task_statements.LOCK_MARTS if place[1] == "refresh_marts" else task_statements.LOCK)[0]
        for place in of_task
    }


def test_a_mart_is_changed_only_under_the_marts_own_lock():
    """A load must not wait for a refresh."""
    of_marts = {name for name in changing_statements() if name.startswith("marts/")}
    assert of_marts
    assert not of_marts & {name for batch in batches() if batch[:1] == task_statements.LOCK for name in batch}


def test_a_refresh_is_one_batch_of_the_data_api():
    """https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_BatchExecuteStatement.html"""
    assert len(task_statements.REFRESH_MARTS) <= 40
    assert len(set(task_statements.REFRESH_MARTS)) == len(task_statements.REFRESH_MARTS)
