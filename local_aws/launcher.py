"""Starts an emulator in a separate process and waits until it is ready."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_aws import child_process
from local_aws.clients import aws_environment, local_client
from local_aws.endpoint_file import read_endpoint

_SOURCES = Path(__file__).resolve().parent.parent
_STOP_SECONDS = 20


@dataclass(frozen=True)
class RunningLocalAws:
    """An emulator in a separate process.

    Attributes:
        endpoint: Its URL.
        pid: Its process id.
        state_dir: Its state folder.
        names: Names of the resources that the program created in it; empty if there are none.
        process: The process.
    """

    endpoint: str
    pid: int
    state_dir: Path
    names: Mapping[str, Any]
    process: subprocess.Popen[bytes]

    def client(self, service: str) -> Any:
        """Return a boto3 client for it."""
        return local_client(service, self.endpoint)

    def environment(self) -> dict[str, str]:
        """Return the environment variables that point other programs to it."""
        return aws_environment(self.endpoint)

    def kill(self) -> None:
        """Kill it with SIGKILL, as a power failure would, and wait until it has ended."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def running_local_aws(
    state_dir: Path,
    *,
    module: str = "local_aws",
    options: Sequence[str] = (),
    port: int = 0,
    enforce_iam: bool = False,
    environment: Mapping[str, str] | None = None,
    timeout_seconds: float = 180,
) -> Iterator[RunningLocalAws]:
    """Run an emulator in a separate process, which ends with the current process, however that ends.

    Its log is ``logs/local_aws.log`` in the state folder. Call this from the main thread (see child_process).

    Args:
        state_dir: Its state folder.
        module: The program: this package, or one that takes at least the same options (see command_line).
        options: More options for the program.
        port: Its port; 0 selects a free one.
        enforce_iam: Whether it checks every call against IAM policies.
        environment: The program's environment variables. Default: this process's own.
        timeout_seconds: How long it may take to start.

    Yields:
        The running emulator.

    Raises:
        RuntimeError: It ended before it was ready. The message contains the end of its log.
        TimeoutError: It was not ready in time.
    """
    command = [sys.executable, "-m", module, "--state-dir", str(state_dir), "--port", str(port)]
    command += ["--enforce-iam"] if enforce_iam else []
    log = state_dir / "logs" / "local_aws.out"
    process = child_process.start(
        [*command, *options],
        environment=os.environ if environment is None else environment,
        log=log,
        directory=_SOURCES,
    )
    try:
        found = _await_endpoint(state_dir, process, log, timeout_seconds)
        yield RunningLocalAws(found["endpoint"], process.pid, state_dir, found["names"] or {}, process)
    finally:
        child_process.stop(process, _STOP_SECONDS)


def _await_endpoint(
    state_dir: Path, process: subprocess.Popen[bytes], log: Path, timeout_seconds: float
) -> dict[str, Any]:
    deadline = time.monotonic() + timeout_seconds
    while True:
        with contextlib.suppress(FileNotFoundError):
            found = read_endpoint(state_dir)
            if found["pid"] == process.pid:
                return found
        if process.poll() is not None:
            end = log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RuntimeError(f"the local AWS ended with {process.returncode} before it was ready:\n{end}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"the local AWS was not ready within {timeout_seconds} seconds; see {log}")
        time.sleep(0.05)
