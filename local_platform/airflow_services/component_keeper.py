"""Runs one Airflow component, and ends all its processes when its owner ends, whatever the reason.

``component.py`` runs it as a script. It uses only the standard library, so that it starts fast:

    python -I -S component_keeper.py <status file> <grace seconds> <program> [argument …]

The owner holds the other end of standard input, which closes when the owner ends. Process groups are not enough:
Airflow puts each task into its own group, and LocalExecutor's workers outlive a killed scheduler. On Linux this process
is therefore the subreaper of the component's descendants, which lets it end processes that have lost their parent.

* End of standard input, SIGTERM, SIGINT: SIGTERM to the component, and SIGKILL to all remaining processes after the
  grace period.
* SIGUSR1: SIGKILL to all processes.

If a component ends by itself, its descendants continue, as the tasks of a killed scheduler do. The status file contains
``running <process id>`` or ``ended <exit code>``.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LOOK_SECONDS = 0.02
_KILL_SECONDS = 10.0
_LINUX = sys.platform.startswith("linux")


def _main(arguments: list[str]) -> int:
    status_file, grace, *command = arguments
    return _Keeper(Path(status_file), float(grace)).keep(command)


class _Keeper:
    def __init__(self, status_file: Path, grace_seconds: float) -> None:
        self._status_file = status_file
        self._grace_seconds = grace_seconds
        self._stop_asked = False
        self._kill_asked = False
        self._exit_code: int | None = None

    def keep(self, command: list[str]) -> int:
        """Run the component until all its processes have ended, and return its exit code."""
        if _LINUX:
            _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        wake_reader = self._watch_signals()
        component = self._fork(command)
        self._say(f"running {component}")
        sources = [0, wake_reader]
        give_up_at: float | None = None
        while self._reap(component):
            if self._kill_asked or (give_up_at is not None and time.monotonic() >= give_up_at):
                break
            if self._stop_asked and self._exit_code is not None:
                break
            if self._stop_asked and give_up_at is None:
                os.kill(component, signal.SIGTERM)
                give_up_at = time.monotonic() + self._grace_seconds
            wait = None if give_up_at is None else max(0.0, give_up_at - time.monotonic())
            readable, _, _ = select.select(sources, [], [], wait)
            if wake_reader in readable:
                os.read(wake_reader, 4096)
            if 0 in readable and os.read(0, 4096) == b"":
                self._stop_asked = True
                sources.remove(0)
        self._kill_all(component)
        return 0 if self._exit_code is None else self._exit_code

    def _watch_signals(self) -> int:
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._ask_stop)
        signal.signal(signal.SIGINT, self._ask_stop)
        signal.signal(signal.SIGUSR1, self._ask_kill)
        return reader

    def _ask_stop(self, *_: object) -> None:
        self._stop_asked = True

    def _ask_kill(self, *_: object) -> None:
        self._kill_asked = True

    @staticmethod
    def _fork(command: list[str]) -> int:
        keeper = os.getpid()
        component = os.fork()
        if component == 0:
            # The component must neither hold the owner's pipe nor inherit these signal handlers.
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
                signal.signal(number, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            if _LINUX:
                _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
                if os.getppid() != keeper:  # the keeper ended before the flag was set
                    os._exit(1)
            os.execv(command[0], command)  # noqa: S606
        return component

    def _reap(self, component: int) -> bool:
        """Reap ended children; return whether any child is left."""
        with contextlib.suppress(ChildProcessError):
            while True:
                ended, status = os.waitpid(-1, os.WNOHANG)
                if ended == 0:
                    return True
                if ended == component:
                    self._exit_code = os.waitstatus_to_exitcode(status)
                    self._say(f"ended {self._exit_code}")
        return False

    def _kill_all(self, component: int) -> None:
        deadline = time.monotonic() + _KILL_SECONDS
        while True:
            for process in _descendants(os.getpid()):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(process, signal.SIGKILL)
            if not self._reap(component) or time.monotonic() > deadline:
                return
            time.sleep(_LOOK_SECONDS)

    def _say(self, status: str) -> None:
        # Not with local_aws.replaced_file: `python -I -S` finds only the standard library.
        draft = self._status_file.with_suffix(".draft")
        draft.write_text(status + "\n")
        draft.replace(self._status_file)


def _descendants(ancestor: int) -> list[int]:
    children: dict[int, list[int]] = defaultdict(list)
    for process, parent in _parents():
        children[parent].append(process)
    found: list[int] = []
    wanted = [ancestor]
    while wanted:
        below = children[wanted.pop()]
        found += below
        wanted += below
    return found


def _parents() -> list[tuple[int, int]]:
    """Return all process ids with the ids of their parents."""
    if not _LINUX:
        listing = subprocess.run(["/bin/ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=False)
        pairs = [line.split() for line in listing.stdout.splitlines()]
        return [(int(process), int(parent)) for process, parent in pairs]
    found = []
    for process in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            stat = Path(f"/proc/{process}/stat").read_bytes()
            # The name in parentheses may contain any character. State and parent follow it.
            found.append((int(process), int(stat[stat.rindex(b")") + 1 :].split()[1])))
    return found


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
