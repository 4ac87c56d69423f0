"""Notices the programs that a test starts, itself or through its child processes."""

from __future__ import annotations

import os
import re
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

LOOK_SECONDS = 0.05
MARKS = {
    "spark": re.compile(r"(^|/)java$"),
    "warehouse": re.compile(r"(^|/)(postgres|initdb|postgres_supervisor\.py)$"),
    "airflow": re.compile(r"(^|/)(airflow|airflow_run\.py)$"),
    "browser": re.compile(r"(^|/)(chromium|chromium-browser|chrome|google-chrome(-stable)?)$"),
    "terraform": re.compile(r"(^|/)terraform$"),
}
"""By mark, the names of programs that a test may start only if it has that mark."""

_INTERPRETER = re.compile(r"(^|/)(python[\d.]*|sh|bash)$")
_STAND_INS = "/pytest-of-"
"""Part of the path of a program that a test has written itself."""

_STARTS = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn")

_watches: list[_Watch] = []


def program_of(command: list[str]) -> str | None:
    """Return the mark of a command's program; None if any test may start it.

    What an interpreter runs counts as a program, too.
    """
    words = [word for word in command if not word.startswith("-") and _STAND_INS not in word]
    programs = words[:2] if words and _INTERPRETER.search(words[0]) else words[:1]
    return next((mark for mark, name in MARKS.items() if any(name.search(program) for program in programs)), None)


class _Watch:
    """Looks for programs from the first start of a process on; most tests start none.

    Args:
        closely: Whether to look at the child processes of child processes, too.
    """

    def __init__(self, *, closely: bool) -> None:
        self.found: dict[str, str] = {}
        self._closely = closely
        self._ended = threading.Event()
        self._looking: threading.Thread | None = None

    def process_starts(self) -> None:
        if self._closely and self._looking is None:
            known = set(_children(os.getpid()))
            self._looking = threading.Thread(target=self._look, args=(known,), daemon=True)
            self._looking.start()

    def note(self, command: list[str]) -> None:
        if (mark := program_of(command)) is not None:
            self.found[" ".join(command).strip()[:200]] = mark

    def end(self) -> None:
        self._ended.set()
        if self._looking is not None:
            self._looking.join()

    def _look(self, known: set[int]) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            below = [pid for pid in _children(os.getpid()) if pid not in known]
            while below:
                pid = below.pop()
                below += _children(pid)
                try:
                    command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
                except OSError:
                    continue
                self.note(command)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for task in tasks:
        try:
            with open(f"/proc/{pid}/task/{task}/children") as children:
                found += map(int, children.read().split())
        except OSError:
            continue
    return found


def _on_event(event: str, arguments: tuple) -> None:
    if event in _STARTS and _watches:
        watch = _watches[-1]
        watch.process_starts()
        if event == "subprocess.Popen":
            program, command = arguments[0], arguments[1]
            words = [command] if isinstance(command, str | bytes | os.PathLike) else list(command)
            watch.note([os.fsdecode(word) for word in (words or [program])])


@contextmanager
def watched_programs(*, closely: bool = True):
    """Give the commands that are started here and their marks.

    Args:
        closely: Whether to include what child processes start, where Linux shows it. This costs several percent of a
            core for as long as a child process runs.
    """
    watch = _Watch(closely=closely)
    _watches.append(watch)
    try:
        yield watch.found
    finally:
        _watches.pop()
        watch.end()


sys.addaudithook(_on_event)
