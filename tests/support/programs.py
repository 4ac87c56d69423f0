"""Programs of this repository, each in a separate process."""

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


def start(module, *arguments, **environment):
    """Start ``python -m module`` in the checkout, with pipes for its output."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=REPOSITORY, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def greeting_of(process):
    """Return what a local AWS prints until it is ready, and fail with its errors if it ends before that."""
    greeting = ""
    while "AWS_EC2_METADATA_DISABLED" not in greeting:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        greeting += line
    return greeting


def processes_with(text):
    """Return the other live processes with a text in the command line, the working directory or the error log's path.

    The command line is not enough: PostgreSQL and Airflow's workers overwrite theirs.
    """
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        command, places = "", []
        with suppress(OSError):  # it has ended
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        for link in ("cwd", "fd/2"):
            with suppress(OSError):  # it has ended, or has no standard error
                places.append(os.readlink(process / link))
        if int(process.name) != os.getpid() and any(text in place for place in (command, *places)):
            found.append(f"{process.name} {command}")
    return found
