"""The keeper, with a test program in place of an Airflow component."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from local_platform.airflow_services import component_keeper

# A component with a child task that has its own session and ignores SIGTERM, as Airflow's tasks can.
PROGRAM = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    open(sys.argv[1], "w").write(str(os.getpid()))
    time.sleep(60)
if sys.argv[2] == "ignore":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1] + ".ready", "w").close()
time.sleep(60)
"""


class Kept:
    def __init__(self, folder: Path, *, grace: float, ignores_sigterm: bool = False) -> None:
        self.status_file = folder / "component.status"
        self._task_file = folder / "task"
        program = [sys.executable, "-c", PROGRAM, str(self._task_file), "ignore" if ignores_sigterm else "obey"]
        keeper = [sys.executable, "-I", "-S", component_keeper.__file__, str(self.status_file), str(grace)]
        self.keeper = subprocess.Popen([*keeper, *program], stdin=subprocess.PIPE)
        wait_for(lambda: self._task_file.exists() and self._task_file.read_text())
        wait_for(Path(f"{self._task_file}.ready").exists)
        self.task = psutil.Process(int(self._task_file.read_text()))
        word, pid = self.status_file.read_text().split()
        assert word == "running"
        self.component = psutil.Process(int(pid))

    def is_gone(self) -> bool:
        return has_ended(self.task) and has_ended(self.component)


def has_ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_for(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def keep(tmp_path):
    kept = []

    def start(**options):
        kept.append(Kept(tmp_path, **options))
        return kept[-1]

    yield start
    for one in kept:
        one.keeper.stdin.close()
        one.keeper.wait(20)
        assert one.is_gone()


def test_the_end_of_the_owner_ends_component_and_task(keep):
    kept = keep(grace=10)
    began = time.monotonic()
    kept.keeper.stdin.close()
    kept.keeper.wait(10)
    assert time.monotonic() - began < 5  # the component obeys; its task does not get the full grace period
    assert kept.is_gone()


def test_a_component_that_ignores_sigterm_is_killed_after_its_grace_period(keep):
    kept = keep(grace=0.2, ignores_sigterm=True)
    kept.keeper.terminate()
    kept.keeper.wait(10)
    assert kept.is_gone()
    assert kept.status_file.read_text() == "ended -9\n"


def test_sigusr1_kills_component_and_task_immediately(keep):
    kept = keep(grace=60, ignores_sigterm=True)
    kept.keeper.send_signal(signal.SIGUSR1)
    kept.keeper.wait(10)
    assert kept.is_gone()


def test_the_task_of_a_killed_component_keeps_running_until_the_stop(keep):
    kept = keep(grace=10)
    kept.component.kill()
    wait_for(lambda: kept.status_file.read_text() == "ended -9\n")
    assert kept.task.is_running()
    assert kept.keeper.poll() is None
    kept.keeper.terminate()
    kept.keeper.wait(10)
    assert kept.is_gone()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux signals the death of a parent")
def test_the_component_ends_when_its_keeper_is_killed(keep):
    kept = keep(grace=10)
    kept.keeper.kill()
    wait_for(lambda: has_ended(kept.component))
    os.kill(kept.task.pid, signal.SIGKILL)  # the keeper would have done it
    wait_for(lambda: has_ended(kept.task))
