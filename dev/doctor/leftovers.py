"""Checks for what a killed command may have left behind: processes, and folders in the temporary folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from dev.doctor.finding import Finding, Grade, fine

_TEMPORARY = ("local-aws-spark-*", "crypto-prices-chaos-*", "crypto-prices-prove-*")
"""Names of the folders that commands create in the temporary folder, and delete at their end."""

_SPARK = "org.apache.spark.deploy.SparkSubmit"
_PYTHON_PROGRAMS = ("postgres_supervisor.py", "component_keeper.py", "driver.py")
"""Scripts in local_aws and local_platform that run in processes of their own."""

_PS_SECONDS = 30


def leftover_findings(state_dir: Path, checkout: Path, running: frozenset[int]) -> Iterator[Finding]:
    """Look for processes and folders that nothing uses any more.

    Args:
        state_dir: The state folder.
        checkout: The repository.
        running: Ids of the platform's own programs that run on the state folder and answer.
    """
    found = False
    if not running:
        alive = processes()
        holder = lock_holder(state_dir)
        left = [pid for pid, line in alive.items() if is_started_program(line) and names_a_folder(line, state_dir)]
        if holder in alive:
            found = True
            yield Finding(
                "leftovers",
                Grade.NOTE,
                f"process {holder} uses {state_dir}, but its local AWS does not answer",
                f"wait until it has started, or press Ctrl-C in its terminal; if neither helps, kill {holder}",
            )
        elif left:
            found = True
            yield Finding(
                "leftovers",
                Grade.WRONG,
                f"process{'es' if len(left) > 1 else ''} {' '.join(map(str, left))} of a command that was killed or "
                f"hangs, on {state_dir}",
                f"kill {' '.join(map(str, left))}",
            )
    folders = [path for pattern in _TEMPORARY for path in Path(tempfile.gettempdir()).glob(pattern) if _is_ours(path)]
    folders += checkout.glob(".dist-*")
    unused = [path for path in folders if not any(names_a_folder(command, path) for command in processes().values())]
    if unused:
        found = True
        shown = " ".join(map(str, sorted(unused)[:5])) + (" …" if len(unused) > 5 else "")
        yield Finding("leftovers", Grade.NOTE, f"folders that no process uses ({len(unused)})", f"rm -r {shown}")
    if not found:
        yield fine("leftovers", "none")


def lock_holder(state_dir: Path) -> int | None:
    """Return the process in the state folder's lock file. If it has ended, another program may have its id."""
    try:
        return int((state_dir / "lock").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def is_started_program(command: str) -> bool:
    """Return whether a command line is that of a program that the local AWS or Airflow starts on its state folder.

    People's own programs, such as editors, can name files in the state folder, too.
    """
    parts = command.split("\0")
    match Path(parts[0]).name:
        case "postgres":
            return True
        case "java":
            return _SPARK in parts
        case name if name.startswith("python"):
            return any(Path(part).name in _PYTHON_PROGRAMS for part in parts)
        case _:
            return False


def names_a_folder(command: str, folder: Path) -> bool:
    """Return whether a command line names a folder or a path below it."""
    text = str(folder)
    return any(part == text or f"{text}/" in part for part in command.split("\0"))


def processes() -> Mapping[int, str]:
    """Return the command lines of the user's processes, arguments separated by NUL, without this one's ancestors."""
    found = _from_proc() if sys.platform == "linux" else _from_ps()
    own, parents = os.getpid(), {}
    for pid, (parent, _) in found.items():
        parents[pid] = parent
    while own in parents:
        found.pop(own)
        own = parents.pop(own)
    return {pid: command for pid, (_, command) in found.items()}


def _from_proc() -> dict[int, tuple[int, str]]:
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.stat().st_uid != os.geteuid():
                continue
            command = (folder / "cmdline").read_bytes().decode(errors="replace").strip("\0")
            # The second field of stat is a name in parentheses, which may contain spaces.
            parent = int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue  # the process has ended
        found[int(folder.name)] = (parent, command)
    return found


def _from_ps() -> dict[int, tuple[int, str]]:
    command = ["ps", "-U", str(os.geteuid()), "-o", "pid=,ppid=,args="]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_PS_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return {}
    rows = (line.split(None, 2) for line in done.stdout.splitlines())
    return {int(row[0]): (int(row[1]), row[2].replace(" ", "\0")) for row in rows if len(row) == 3}


def _is_ours(path: Path) -> bool:
    try:
        return path.is_dir() and path.stat().st_uid == os.geteuid()
    except OSError:
        return False
