"""A docker-compose project of this repository's docker-compose.yaml, started from a copy that a test may edit."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.stand_in_images import REPOSITORY

SERVICES = ("api-server", "dag-processor", "exchange", "local-aws", "postgres", "scheduler", "triggerer")
ONCE = ("airflow-init", "keys")
OWN_IMAGES = ("crypto-prices-airflow", "crypto-prices-local-aws")


def compose_command() -> list[str] | None:
    """Return how Compose is called: as ``COMPOSE`` says, or v2, or docker-compose; None when there is neither."""
    if os.environ.get("COMPOSE"):
        return os.environ["COMPOSE"].split()
    if shutil.which("docker") is None:
        return None
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


def missing_docker() -> str | None:
    """Return why nothing can be composed here, or None when it can."""
    if compose_command() is None:
        return "neither `docker compose` nor docker-compose is installed"
    found = subprocess.run(["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, check=False)
    if found.returncode:
        return f"no Docker daemon answers: {found.stderr.decode().strip()}"
    return None


@dataclass
class Composition:
    """One project.

    Attributes:
        project: Its name.
        folder: The copy of the repository that it is composed from.
        images: Base images by variable, where they are not the default ones.
        figures: What was measured, in seconds or as text, by what it is.
    """

    project: str
    folder: Path
    images: dict[str, str] = field(default_factory=dict)
    figures: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Copy the repository's files, and write .env: the example's, with free ports and the base images."""
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
        self.ports = dict(zip(("AIRFLOW_PORT", "WAREHOUSE_PORT", "LOCAL_AWS_PORT"), _free_ports(3), strict=True))
        shutil.copy(self.folder / ".env.example", self.folder / ".env")
        self.set_variables({name: str(port) for name, port in self.ports.items()} | self.images)

    def set_variables(self, variables: dict[str, str]) -> None:
        """Give variables other values in .env."""
        lines = (self.folder / ".env").read_text().splitlines()
        kept = [line for line in lines if line.partition("=")[0] not in variables]
        written = [f"{name}={value}" for name, value in variables.items()]
        (self.folder / ".env").write_text("\n".join([*kept, *written]) + "\n")

    def compose(self, *arguments: str, seconds: float = 900) -> str:
        """Run a Compose command and return its output.

        Raises:
            AssertionError: It failed.
        """
        command = [*(compose_command() or []), "--project-name", self.project, *arguments]
        done = subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=seconds, env=_clean_environment()
        )
        assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def run(self, service: str, *command: str) -> str:
        """Run a program in a service's container and return its output."""
        return self.compose("exec", "-T", service, *command, seconds=120)

    def container(self, service: str) -> dict[str, Any]:
        """Return what ``docker inspect`` says of a service's container."""
        identifier = docker("ps", "--all", "--quiet", *self._of_project(), *self._label("service", service)).strip()
        assert identifier, f"there is no container of {service}"
        found: dict[str, Any] = json.loads(docker("inspect", identifier))[0]
        return found

    def is_healthy(self, service: str) -> bool:
        """Whether a service's container runs and passes its health check."""
        state = self.container(service)["State"]
        return bool(state["Running"] and state["Health"]["Status"] == "healthy")

    def await_all_healthy(self, seconds: float) -> None:
        """Wait until every service is healthy."""
        await_that(lambda: all(map(self.is_healthy, SERVICES)), "all services are healthy", seconds)

    def kill(self, service: str) -> None:
        """Kill a service's first process from outside, as a lack of memory does, and let Docker restart it."""
        pid = self.container(service)["State"]["Pid"]
        killer = ("run", "--rm", "--pid=host", "--user=0", "--entrypoint=python", "crypto-prices-airflow")
        docker(*killer, "-c", f"import os; os.kill({pid}, 9)")

    def leftovers(self) -> list[str]:
        """Return what the daemon has of the project."""
        kinds = (("ps", "--all"), ("volume", "ls"), ("network", "ls"))
        return [line for kind in kinds for line in docker(*kind, "--quiet", *self._of_project()).split()]

    def _of_project(self) -> list[str]:
        return self._label("project", self.project)

    @staticmethod
    def _label(kind: str, value: str) -> list[str]:
        return ["--filter", f"label=com.docker.compose.{kind}={value}"]


def await_that(holds: Callable[[], bool], what: str, seconds: float, look_every: float = 1.0) -> float:
    """Wait until something holds, and return how many seconds that took.

    Raises:
        AssertionError: It did not hold in time.
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
    """Return this process's environment without what Compose would prefer to .env."""
    names = set(re.findall(r"^#?(\w+)=", (REPOSITORY / ".env.example").read_text(), re.MULTILINE)) - {"NO_PROXY"}
    return {name: value for name, value in os.environ.items() if name not in names and not name.startswith("COMPOSE_")}


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
