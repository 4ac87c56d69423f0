"""Programs of this repository, each in a separate process."""

import os
import subprocess
import sys

from local_platform.checkout import REPOSITORY


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
    """Return the ids of the live processes whose command line contains the text."""
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
