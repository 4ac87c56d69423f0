"""The embedded PostgreSQL's process: kills, orphans, long paths, two owners, and its identities when root starts it."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from local_aws.redshift.warehouse import Warehouse, WarehouseError

pytestmark = pytest.mark.usefixtures("starts_warehouse")

_OWNER = """
import sys, time
from pathlib import Path
from local_aws.redshift.warehouse import Warehouse

warehouse = Warehouse(Path(sys.argv[1]))
warehouse.start()
warehouse.ensure_plain_database("other")
with warehouse.connect("other", autocommit=True) as connection:
    connection.execute("CREATE TABLE IF NOT EXISTS t (x int)")
    connection.execute("INSERT INTO t VALUES (1)")
print("ready", flush=True)
time.sleep(600)
"""


def start_owner(folder: Path) -> subprocess.Popen[str]:
    root = Path(__file__).parents[3]
    owner = subprocess.Popen([sys.executable, "-c", _OWNER, str(folder)], cwd=root, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    assert owner.stdout.readline() == "ready\n"
    return owner


def effective_user(process: psutil.Process) -> int | None:
    """Return a process's user, or None if the process has ended since, as PostgreSQL's workers do."""
    try:
        return int(process.uids().effective)
    except psutil.NoSuchProcess:
        return None


def servers(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["name"]):
        try:
            if process.info["name"] == "postgres" and Path(process.cwd()) == folder / "data":
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_until_gone(folder: Path) -> None:
    deadline = time.monotonic() + 10
    while servers(folder):
        assert time.monotonic() < deadline, "PostgreSQL outlived its owner"
        time.sleep(0.05)


def count(warehouse: Warehouse) -> int:
    with warehouse.connect("other") as connection:
        row = connection.execute("SELECT count(*) FROM t").fetchone()
    assert row is not None
    return int(row[0])


def test_a_killed_owners_server_ends_and_loses_no_commit(tmp_path: Path) -> None:
    owner = start_owner(tmp_path)
    owner.kill()
    owner.wait()
    with Warehouse(tmp_path) as warehouse:  # immediately, while the old server may still be shutting down
        assert count(warehouse) == 1
    wait_until_gone(tmp_path)


@pytest.mark.parametrize("victims", ["supervisor", "server", "all"])
def test_after_any_sigkill_the_next_start_finds_every_commit(tmp_path: Path, victims: str) -> None:
    owner = start_owner(tmp_path)
    supervisors = psutil.Process(owner.pid).children()
    assert len(supervisors) == 1
    postgres = [process for process in servers(tmp_path) if process.ppid() == supervisors[0].pid]
    assert len(postgres) == 1
    doomed = {"supervisor": supervisors, "server": postgres, "all": [*supervisors, *servers(tmp_path)]}[victims]
    for process in doomed:
        with contextlib.suppress(psutil.NoSuchProcess):  # the server's own children end with it
            process.send_signal(signal.SIGKILL)
    owner.kill()
    owner.wait()
    with Warehouse(tmp_path) as warehouse:
        assert count(warehouse) == 1
    wait_until_gone(tmp_path)


def test_an_orphaned_server_is_ended_by_the_next_start(tmp_path: Path) -> None:
    with Warehouse(tmp_path) as warehouse:
        warehouse.ensure_plain_database("other")
        # A server without an owner: it has neither a supervisor's pipe nor a lock.
        orphan, warehouse._process = warehouse._process, None
        warehouse._folder_lock.close()
        before = {process.pid for process in servers(tmp_path)}
        with Warehouse(tmp_path) as second, second.connect("other") as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
            assert not before & {process.pid for process in servers(tmp_path)}
        assert orphan is not None
        assert orphan.stdin is not None
        orphan.stdin.close()
        orphan.wait(10)


def test_a_stale_pid_file_of_another_living_process_does_not_stop_the_start(tmp_path: Path) -> None:
    with Warehouse(tmp_path):
        pass
    (tmp_path / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path / 'data'}\n1\n5432\n\n\n\n")
    with Warehouse(tmp_path) as warehouse, warehouse.connect("postgres") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_two_owners_of_one_folder_are_refused(tmp_path: Path) -> None:
    with Warehouse(tmp_path) as first:
        with pytest.raises(WarehouseError, match="in use"):
            Warehouse(tmp_path).start()
        with first.connect("postgres") as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_deep_folder_and_a_folder_closed_to_others(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    folder = closed / ("deep" * 20) / ("er" * 30)
    with Warehouse(folder) as warehouse:
        warehouse.ensure_database("crypto")
        with psycopg.connect(warehouse.connection_url("crypto")) as connection:
            assert connection.execute("SELECT current_setting('timezone')").fetchone() == ("UTC",)
        socket_folder = warehouse._socket_folder
        assert socket_folder.stat().st_mode & 0o777 == 0o700
    assert not socket_folder.exists()
    assert closed.stat().st_mode & 0o777 == 0o700
    assert not servers(folder)


def test_databases(tmp_path: Path) -> None:
    with Warehouse(tmp_path) as warehouse:
        warehouse.ensure_database("crypto")
        warehouse.ensure_database("crypto")
        warehouse.ensure_plain_database("airflow")
        assert warehouse.databases() == ["crypto"]
        with warehouse.connect("airflow") as connection:
            assert connection.execute("SELECT count(*) FROM pg_namespace WHERE nspname = 'redshift'").fetchone() == (0,)
        warehouse.drop_database("crypto")
        assert warehouse.databases() == []


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="only root can switch to another user")
@pytest.mark.parametrize("identity", ["namespace", "nobody"])
def test_root_runs_it_under_either_identity_on_the_same_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, identity: str
) -> None:
    with Warehouse(tmp_path) as warehouse:
        warehouse.ensure_plain_database("other")
    for now in (identity, "namespace", identity):
        monkeypatch.setattr(Warehouse, "_identity", lambda _self, now=now: now)
        with Warehouse(tmp_path) as warehouse:
            with warehouse.connect("other") as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
            found = {uid for process in servers(tmp_path) if (uid := effective_user(process)) is not None}
            assert found == {0 if now == "namespace" else 65534}
    wait_until_gone(tmp_path)


def test_a_user_without_a_name_is_refused_in_one_line(tmp_path, monkeypatch):
    """initdb looks the name up. Without one, it fails only after the whole start."""
    monkeypatch.setattr(Warehouse, "_identity", lambda _: "self")
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    with pytest.raises(WarehouseError, match=rf"user {os.geteuid()} has no entry in /etc/passwd") as raised:
        Warehouse(tmp_path).start()
    assert len(str(raised.value).splitlines()) == 1
