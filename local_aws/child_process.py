"""Starts child processes that never outlive the current process, however it ends."""

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
    """Start a program in its own process group, with a pipe as standard input and its output in a file.

    On Linux the kernel sends the child SIGTERM when the parent dies, even by SIGKILL. Call this from the main thread,
    because to the kernel the parent is the thread that starts the child.

    Args:
        arguments: Program and arguments.
        environment: The program's complete environment.
        log: File that standard output and standard error are appended to.
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
    """Send SIGTERM to a child, wait up to ``seconds``, then send SIGKILL to its whole process group."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
