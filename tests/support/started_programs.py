"""Notices the programs that a test starts, itself or through its child processes."""

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
    "terraform": re.compile(r"(^|/)terraform$"),
}
"""By mark, the names of programs that a test may start only if it has that mark."""

_INTERPRETER = re.compile(r"(^|/)(python[\d.]*|sh|bash)$")
_STAND_INS = "/pytest-of-"
"""Part of the path of a program that a test has written itself."""

_watching: list[dict[str, str]] = []


def program_of(command: list[str]) -> str | None:
    """Return the mark of a command's program; None if any test may start it.

    What an interpreter runs counts as a program, too.
    """
    words = [word for word in command if not word.startswith("-") and _STAND_INS not in word]
    programs = words[:2] if words and _INTERPRETER.search(words[0]) else words[:1]
    return next((mark for mark, name in MARKS.items() if any(name.search(program) for program in programs)), None)


def _on_event(event: str, arguments: tuple) -> None:
    if event == "subprocess.Popen" and _watching:
        program, command = arguments[0], arguments[1]
        words = [command] if isinstance(command, str | bytes | os.PathLike) else list(command)
        described = [os.fsdecode(word) for word in (words or [program])]
        if (mark := program_of(described)) is not None:
            _watching[-1][" ".join(described)[:200]] = mark


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += map(int, task.read_text().split())
        except OSError:
            continue
    return found


def _look(known: set[int], found: dict[str, str], ended: threading.Event) -> None:
    while not ended.wait(LOOK_SECONDS):
        below = [pid for pid in _children(os.getpid()) if pid not in known]
        while below:
            pid = below.pop()
            below += _children(pid)
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if (mark := program_of(command)) is not None:
                found[" ".join(command).strip()[:200]] = mark


@contextmanager
def watched_programs():
    """Give the commands that are started here and their marks; Linux shows those of child processes, too."""
    found: dict[str, str] = {}
    ended = threading.Event()
    looking = threading.Thread(target=_look, args=(set(_children(os.getpid())), found, ended), daemon=True)
    _watching.append(found)
    looking.start()
    try:
        yield found
    finally:
        _watching.pop()
        ended.set()
        looking.join()


sys.addaudithook(_on_event)
