import sqlite3
from datetime import UTC, datetime

import pytest

from dev.demo.airflow_run import DAILY, MARTS
from dev.demo.task_progress import read_progress

DAY = datetime(2023, 12, 18, tzinfo=UTC)
BEGAN = datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "airflow.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            """
            CREATE TABLE dag_run (dag_id, run_id, logical_date, run_after);
            CREATE TABLE task_instance (
                id, dag_id, run_id, task_id, map_index, state, start_date, end_date, try_number, retry_reason
            );
            INSERT INTO dag_run VALUES
                ('crypto_prices_daily', 'new', '2023-12-18 00:00:00.000000', '2026-11-23 09:00:01.0'),
                ('crypto_prices_daily', 'old', '2023-12-18 00:00:00.000000', '2026-11-23 08:00:00.0'),
                ('crypto_prices_daily', 'other', '2023-12-19 00:00:00.000000', '2026-11-23 09:00:01.0');
            INSERT INTO task_instance VALUES
                (2, 'crypto_prices_daily', 'new', 'fetch_prices', 0, 'running', '2026-11-23 09:00:02.0', NULL, 2,
                 'of the try before'),
                (1, 'crypto_prices_daily', 'new', 'resolve_window', -1, 'success',
                 '2026-11-23 09:00:01.0', '2026-11-23 09:00:01.5', 1, NULL),
                (3, 'crypto_prices_daily', 'new', 'plan_load', -1, NULL, NULL, NULL, 0, NULL),
                (1, 'crypto_prices_daily', 'old', 'resolve_window', -1, 'failed', NULL, NULL, 1, NULL),
                (1, 'crypto_prices_daily', 'other', 'resolve_window', -1, 'failed', NULL, NULL, 1, NULL);
            """
        )
    return path


def test_only_the_tasks_of_this_run_are_read_in_order(database):
    tasks = read_progress(database, DAILY, DAY, BEGAN)
    assert [(task.name, task.state) for task in tasks] == [
        ("resolve_window", "success"),
        ("fetch_prices[0]", "running"),
        ("plan_load", None),
    ]
    assert read_progress(database, MARTS, DAY, BEGAN) == []
    now = datetime(2026, 11, 23, 9, 0, 5, tzinfo=UTC)
    assert [task.seconds(now) for task in tasks] == [0.5, 3.0, None]


def test_a_task_that_waits_for_a_retry_has_the_reason(database):
    assert [task.retry_reason for task in read_progress(database, DAILY, DAY, BEGAN)] == [None, None, None]
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE task_instance SET state = 'up_for_retry' WHERE task_id = 'fetch_prices'")
    assert [task.retry_reason for task in read_progress(database, DAILY, DAY, BEGAN)] == [
        None,
        "of the try before",
        None,
    ]


def test_without_a_database_or_tables_there_are_no_tasks(tmp_path):
    assert read_progress(tmp_path / "none.db", DAILY, DAY, BEGAN) == []
    sqlite3.connect(tmp_path / "empty.db").close()
    assert read_progress(tmp_path / "empty.db", DAILY, DAY, BEGAN) == []
