import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from local_aws.assembly import CHECKOUT, running_local_aws


def _start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "local_aws", *map(str, arguments)],
        cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _processes_with(text):
    """The ids of the live processes whose command line or environment names the text."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = open(f"{entry.path}/cmdline", "rb").read()  # noqa: SIM115
            except OSError:
                continue
            if text.encode() in command:
                found.append(int(entry.name))
    return found


def test_a_second_start_on_the_same_state_is_refused(local_aws):
    second = _start("--state-dir", local_aws.state_dir, "--port", 0)
    output, errors = second.communicate(timeout=60)
    assert (second.returncode, output) == (1, "")
    assert f"process {local_aws.pid}" in errors
    assert "Traceback" not in errors
    assert json.loads((local_aws.state_dir / "endpoint.json").read_text())["pid"] == local_aws.pid


def test_a_port_in_use_is_refused(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = _start("--state-dir", tmp_path, "--port", port)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"Port {port}" in errors
    assert "Traceback" not in errors
    assert _processes_with(str(tmp_path)) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_how_to_use_it_and_stops_without_leaving_anything(tmp_path, number):
    process = _start("--state-dir", tmp_path, "--port", 0, "--no-provision")
    greeting = ""
    while "AWS_EC2_METADATA_DISABLED" not in greeting:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        greeting += line
    endpoint = json.loads((tmp_path / "endpoint.json").read_text())
    assert endpoint == {"endpoint": endpoint["endpoint"], "pid": process.pid, "names": None}
    assert f"export AWS_ENDPOINT_URL={endpoint['endpoint']}\n" in greeting
    assert len(_processes_with(str(tmp_path))) > 1  # PostgreSQL is one of them
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert not (tmp_path / "endpoint.json").exists()
    assert _processes_with(str(tmp_path)) == []


def test_after_a_kill_nothing_stays_and_the_state_is_taken_up(tmp_path):
    with running_local_aws(tmp_path) as running:
        running.kill()
    for _ in range(100):
        if not _processes_with(str(tmp_path)):
            break
        time.sleep(0.1)
    assert _processes_with(str(tmp_path)) == []
    with running_local_aws(tmp_path) as running:  # endpoint.json of the dead process does not mislead
        assert running.names["created"] == ["new settings in secret airflow/variables/crypto_prices_settings"]
        with urllib.request.urlopen(f"{running.endpoint}/_local_aws/health") as answer:
            assert json.load(answer)["pid"] == running.pid


def test_a_failed_start_is_told_with_its_reason(local_aws):
    with pytest.raises(RuntimeError, match="already runs"), running_local_aws(local_aws.state_dir):
        pass


def test_redshift_answers_with_the_admins_secret(local_aws):
    data = local_aws.client("redshift-data")
    names = local_aws.names
    target = {"WorkgroupName": names["redshift_workgroup"], "Database": names["redshift_database"]}
    statement = data.execute_statement(Sql="select 40 + 2", SecretArn=names["redshift_secret_arn"], **target)["Id"]
    for _ in range(200):
        if data.describe_statement(Id=statement)["Status"] in ("FINISHED", "FAILED"):
            break
        time.sleep(0.05)
    assert data.get_statement_result(Id=statement)["Records"] == [[{"longValue": 42}]]


def test_redshift_refuses_another_password(local_aws):
    manager = local_aws.client("secretsmanager")
    wrong = manager.create_secret(Name="wrong", SecretString='{"username": "admin", "password": "Wrong-123"}')["ARN"]
    data = local_aws.client("redshift-data")
    statement = data.execute_statement(
        Sql="select 1", SecretArn=wrong, WorkgroupName="crypto-prices", Database="crypto"
    )["Id"]
    for _ in range(200):
        found = data.describe_statement(Id=statement)
        if found["Status"] in ("FINISHED", "FAILED"):
            break
        time.sleep(0.05)
    assert found["Status"] == "FAILED"


def test_an_unknown_workgroup_is_refused(local_aws):
    data = local_aws.client("redshift-data")
    with pytest.raises(data.exceptions.ValidationException):
        data.execute_statement(Sql="select 1", WorkgroupName="nowhere", Database="crypto")
