"""A Docker Compose project that runs this repository's docker-compose.yaml from a copy that a test may edit."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_aws.ports import bound_socket
from tests.support.stand_in_images import REPOSITORY

SERVICES = ("api-server", "dag-processor", "exchange", "local-aws", "postgres", "scheduler", "triggerer")
ONCE = ("airflow-init", "keys")
OWN_IMAGES = ("crypto-prices-airflow", "crypto-prices-local-aws")


def compose_command() -> list[str] | None:
    """Return the Compose command: the value of ``COMPOSE``, v2, or docker-compose; None if none is installed."""
    if os.environ.get("COMPOSE"):
        return os.environ["COMPOSE"].split()
    if shutil.which("docker") is None:
        return None
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


def missing_docker() -> str | None:
    """Return why Compose cannot run here, or None if it can."""
    if compose_command() is None:
        return "neither `docker compose` nor docker-compose is installed"
    found = subprocess.run(["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, check=False)
    if found.returncode:
        return f"no Docker daemon responds: {found.stderr.decode().strip()}"
    return None


@dataclass
class Composition:
    """One Compose project.

    Attributes:
        project: The name of the project.
        folder: The copy of the repository that the project runs from.
        images: Base images by variable, if they differ from the defaults.
        measurements: Measured values with their units, by description.
    """

    project: str
    folder: Path
    images: dict[str, str] = field(default_factory=dict)
    measurements: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Copy the repository's files, and write .env: the example with free ports and the base images."""
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=REPOSITORY,
            check=True,
            capture_output=True,
            text=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            source, target = REPOSITORY / name, self.folder / name
            if source.is_symlink() or source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target, follow_symlinks=False)
        with contextlib.ExitStack() as held:
            self.ports = {
                name: held.enter_context(bound_socket(0)).getsockname()[1]
                for name in ("AIRFLOW_PORT", "WAREHOUSE_PORT", "LOCAL_AWS_PORT")
            }
        shutil.copy(self.folder / ".env.example", self.folder / ".env")
        self.set_variables({name: str(port) for name, port in self.ports.items()} | self.images)

    def set_variables(self, variables: dict[str, str]) -> None:
        """Set variables in .env."""
        lines = (self.folder / ".env").read_text().splitlines()
        kept = [line for line in lines if line.partition("=")[0] not in variables]
        written = [f"{name}={value}" for name, value in variables.items()]
        (self.folder / ".env").write_text("\n".join([*kept, *written]) + "\n")

    def compose(self, *arguments: str, seconds: float = 900) -> str:
        """Run a Compose command and return its output.

        Raises:
            AssertionError: The command failed.
        """
        command = [*(compose_command() or []), "--project-name", self.project, *arguments]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=seconds, env=_clean_environment()
        )
        assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def run(self, service: str, *command: str) -> str:
        """Run a program in the container of a service and return its output."""
        return self.compose("exec", "-T", service, *command, seconds=120)

    def container(self, service: str) -> dict[str, Any]:
        """Return the result of ``docker inspect`` for the container of a service."""
        identifier = docker("ps", "--all", "--quiet", *self._of_project(), *self._label("service", service)).strip()
        assert identifier, f"{service} has no container"
        found: dict[str, Any] = json.loads(docker("inspect", identifier))[0]
        return found

    def is_healthy(self, service: str) -> bool:
        """Whether the container of a service runs and passes its health check."""
        state = self.container(service)["State"]
        return bool(state["Running"] and state["Health"]["Status"] == "healthy")

    def await_all_healthy(self, seconds: float) -> None:
        """Wait until every service is healthy."""
        await_that(lambda: all(map(self.is_healthy, SERVICES)), "all services are healthy", seconds)

    def kill(self, service: str) -> None:
        """Kill the main process of a service from outside, as the kernel does when memory runs out."""
        pid = self.container(service)["State"]["Pid"]
        killer = ("run", "--rm", "--pid=host", "--user=0", "--entrypoint=python", "crypto-prices-airflow")
        docker(*killer, "-c", f"import os; os.kill({pid}, 9)")

    def leftovers(self) -> list[str]:
        """Return the ids of the project's containers, volumes and networks."""
        kinds = (("ps", "--all"), ("volume", "ls"), ("network", "ls"))
        return [line for kind in kinds for line in docker(*kind, "--quiet", *self._of_project()).split()]

    def _of_project(self) -> list[str]:
        return self._label("project", self.project)

    @staticmethod
    def _label(kind: str, value: str) -> list[str]:
        return ["--filter", f"label=com.docker.compose.{kind}={value}"]


def await_that(holds: Callable[[], bool], what: str, seconds: float, look_every: float = 1.0) -> float:
    """Wait until a condition is true, and return how many seconds that took.

    Raises:
        AssertionError: The condition was not true in time.
    """
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(look_every)
    return time.monotonic() - began


def docker(*arguments: str) -> str:
    """Run a docker command and return its output."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}:\n{done.stderr}"
    return done.stdout


def _clean_environment() -> dict[str, str]:
    """Return this process's environment without the variables that would override .env."""
    names = set(re.findall(r"^#?(\w+)=", (REPOSITORY / ".env.example").read_text(), re.MULTILINE)) - {"NO_PROXY"}
    return {name: value for name, value in os.environ.items() if name not in names and not name.startswith("COMPOSE_")}
