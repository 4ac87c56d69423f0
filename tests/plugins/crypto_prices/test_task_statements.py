"""Every statement that changes a table of all loads runs in a batch that holds the load lock."""

import re
from pathlib import Path

from crypto_prices import task_statements

from tests.support.rendered_sql import rendered_sql

SQL = Path(__file__).parents[3] / "sql"
CHANGES = re.compile(r"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO)\s+crypto\.\w+")
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
    locked = {name for batch in batches() if batch[:1] == task_statements.LOCK for name in batch}
    assert changing_statements() >= {
        "load/replace/merge_staged_rows.sql", "load/gaps/insert_empty_window_gaps.sql", "publish/record_load.sql"
    }  # fmt: skip
    assert changing_statements() <= locked
