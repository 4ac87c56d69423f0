import fcntl
import json
import os
import socket

import pytest

from local_platform.airflow_services.local_airflow import (
    AirflowRunsError,
    LocalAirflow,
    LocalAirflowError,
    running_airflow,
)

ENDPOINT = {"url": "http://127.0.0.1:8080", "pid": 1, "aws_endpoint": "http://127.0.0.1:4566", "names": None}


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "airflow"
    home.mkdir()
    return home


def test_a_folder_without_airflow_has_no_running_airflow(tmp_path):
    assert running_airflow(tmp_path) is None


def test_the_files_of_a_killed_airflow_do_not_count_as_running(tmp_path, home):
    (home / "endpoint.json").write_text(json.dumps(ENDPOINT))
    assert running_airflow(tmp_path) is None


def test_a_running_airflow_is_found_and_prevents_a_second_one(tmp_path, home):
    (home / "endpoint.json").write_text(json.dumps(ENDPOINT))
    with (home / "lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        found = running_airflow(tmp_path)
        assert found is not None
        assert found.url == ENDPOINT["url"]
        with pytest.raises(AirflowRunsError, match=rf"{home} .*{os.getpid()}"):
            LocalAirflow(tmp_path, "http://127.0.0.1:9").start()


def test_a_port_in_use_is_reported_before_anything_starts(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(LocalAirflowError, match=f"Port {port} "):
            LocalAirflow(tmp_path, "http://127.0.0.1:9", port=port).start()
    assert not (tmp_path / "airflow" / "postgres").exists()
