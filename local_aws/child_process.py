"""Child processes that never outlive this one, however it ends."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def start(
    arguments: Sequence[str], *, environment: Mapping[str, str], log: Path, directory: Path
) -> subprocess.Popen[bytes]:
    """Start a program in a process group of its own, its output in a file and its standard input a pipe.

    On Linux the kernel ends it with SIGTERM when this process dies, SIGKILL included; call it from the main thread,
    because the kernel means the thread that starts the child.

    Args:
        arguments: Program and arguments.
        environment: The whole environment.
        log: File that standard output and error are appended to.
        directory: Working directory.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        return subprocess.Popen(
            list(arguments),
            env=dict(environment),
            cwd=directory,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,
        )


def stop(process: subprocess.Popen[bytes], seconds: float) -> None:
    """End a child with SIGTERM, and its whole process group with SIGKILL if it has not ended after some seconds."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
