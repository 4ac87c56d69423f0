"""One Airflow component as a process: start, stop, kill, and the end of its log."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from local_aws import child_process
from local_platform.airflow_environment import airflow_python

_KEEPER = Path(__file__).with_name("component_keeper.py")
_START_SECONDS = 10.0
_KILL_SECONDS = 15.0
_LOOK_SECONDS = 0.02


class Component:
    """One Airflow component and its keeper (see ``component_keeper.py``).

    Args:
        name: The component's name: scheduler, dag-processor, triggerer or api-server.
        arguments: The arguments of the ``airflow`` command.
        environment: All of its environment variables.
        folder: Folder for its log and its status file.
        directory: Its working directory.
        grace_seconds: Time between SIGTERM and SIGKILL.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        directory: Path,
        grace_seconds: float,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._arguments = airflow_python("-m", "airflow", *arguments)
        self._environment = environment
        self._directory = directory
        self._status_file = folder / f"{name}.status"
        self._grace_seconds = grace_seconds
        self._log_begin = 0
        self._keeper: subprocess.Popen[bytes] | None = None
        # Keepers of killed components, which still own the components' tasks.
        self._earlier_keepers: list[subprocess.Popen[bytes]] = []

    @property
    def pid(self) -> int | None:
        """The component's process id; None if it is not running."""
        word, number = self._status()
        return number if word == "running" else None

    @property
    def exit_code(self) -> int | None:
        """The component's exit code, negative for a signal; None while it runs."""
        word, number = self._status()
        return None if word == "running" else number

    @property
    def is_running(self) -> bool:
        """Whether the component's process is running."""
        return self.pid is not None

    @property
    def ended_in_words(self) -> str:
        """A description of its end, for messages."""
        code = self.exit_code
        return f"was killed by {signal.Signals(-code).name}" if code is not None and code < 0 else f"exited with {code}"

    def start(self) -> None:
        """Start it without waiting until it is ready. Call this from the main thread (see child_process).

        Raises:
            RuntimeError: It is already running, or its keeper could not be started.
        """
        if self.is_running:
            raise RuntimeError(f"the {self.name} is already running (process {self.pid})")
        if self._keeper is not None:
            self._earlier_keepers.append(self._keeper)
            self._keeper = None
        self._status_file.parent.mkdir(parents=True, exist_ok=True)
        self._status_file.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self._log_begin = self.log.stat().st_size
        keeper = [sys.executable, "-I", "-S", str(_KEEPER), str(self._status_file), str(self._grace_seconds)]
        process = child_process.start(
            [*keeper, *self._arguments], environment=self._environment, log=self.log, directory=self._directory
        )
        self._keeper = process
        deadline = time.monotonic() + _START_SECONDS
        while not self._status_file.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the {self.name} could not be started:\n{self.log_end()}")
            time.sleep(_LOOK_SECONDS)

    def ask_to_stop(self) -> None:
        """Ask it and the rest of earlier starts to end. ``stop`` waits for that."""
        for keeper in self._keepers():
            if keeper.poll() is None:
                keeper.terminate()

    def stop(self) -> None:
        """Stop it and all its descendants: first with SIGTERM, then with SIGKILL."""
        self.ask_to_stop()
        for keeper in self._keepers():
            child_process.stop(keeper, self._grace_seconds + _KILL_SECONDS)
        self._earlier_keepers.clear()

    def kill(self, *, with_children: bool = True) -> None:
        """Kill it with SIGKILL and wait until it has ended.

        Args:
            with_children: Whether to kill its descendants, too, as if the machine failed. Otherwise the tasks of a
                killed scheduler continue, as on separate worker machines.

        Raises:
            RuntimeError: It is not running.
        """
        pid = self.pid
        if self._keeper is None or pid is None:
            raise RuntimeError(f"the {self.name} is not running")
        if with_children:
            self._keeper.send_signal(signal.SIGUSR1)
            self._keeper.wait(_KILL_SECONDS)
            return
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + _KILL_SECONDS
        while self.is_running:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the {self.name} (process {pid}) did not end after SIGKILL")
            time.sleep(_LOOK_SECONDS)

    def log_end(self, lines: int = 25) -> str:
        """Return the last lines of its log since its last start."""
        with contextlib.suppress(FileNotFoundError), self.log.open("rb") as file:
            file.seek(self._log_begin)
            text = file.read().decode("utf-8", errors="replace")
            return "\n".join(text.rstrip().splitlines()[-lines:])
        return ""

    def _keepers(self) -> list[subprocess.Popen[bytes]]:
        return [*self._earlier_keepers, *([self._keeper] if self._keeper is not None else [])]

    def _status(self) -> tuple[str, int | None]:
        if self._keeper is None:
            return "ended", None
        try:
            word, number = self._status_file.read_text().split()
        except FileNotFoundError:
            return "ended", None
        if word == "running" and self._keeper.poll() is not None:
            return "ended", self._keeper.returncode  # the keeper itself was killed
        return word, int(number)
