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


def test_where_nothing_ever_ran_nothing_is_found(tmp_path):
    assert running_airflow(tmp_path) is None


def test_what_a_killed_one_left_is_not_taken_for_a_running_one(tmp_path, home):
    (home / "endpoint.json").write_text(json.dumps(ENDPOINT))
    assert running_airflow(tmp_path) is None


def test_a_running_one_is_found_and_no_second_one_starts(tmp_path, home):
    (home / "endpoint.json").write_text(json.dumps(ENDPOINT))
    with (home / "lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        found = running_airflow(tmp_path)
        assert found is not None
        assert found.url == ENDPOINT["url"]
        with pytest.raises(AirflowRunsError, match=rf"already runs on .* \(process {os.getpid()}\)"):
            LocalAirflow(tmp_path, "http://127.0.0.1:9").start()


def test_a_port_in_use_is_said_before_anything_starts(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(LocalAirflowError, match=f"Port {port} of 127.0.0.1 cannot be used: .* Give another one"):
            LocalAirflow(tmp_path, "http://127.0.0.1:9", port=port).start()
    assert not (tmp_path / "airflow" / "postgres").exists()
