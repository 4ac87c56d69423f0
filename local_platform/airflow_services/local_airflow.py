"""Starts and stops the components of the local Airflow in order, and lets other programs find it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from local_aws.clients import aws_environment
from local_aws.folder_lock import FolderInUseError, only_process_in
from local_aws.ports import PortNotFreeError, free_port
from local_aws.redshift.warehouse import WarehouseError
from local_aws.replaced_file import replacing
from local_aws.state_folder import unusable
from local_platform.airflow_environment import airflow_home
from local_platform.airflow_services.api import AirflowApi, AirflowApiError, AirflowUnreachableError
from local_platform.airflow_services.component import Component
from local_platform.airflow_services.environment import DEFAULT_PARALLELISM, services_environment, shell_lines
from local_platform.airflow_services.metadata_database import MetadataDatabase
from local_platform.checkout import REPOSITORY
from local_platform.names import Provisioned

API_SERVER = "api-server"
SCHEDULER = "scheduler"
DAG_PROCESSOR = "dag-processor"
TRIGGERER = "triggerer"

# In start order: the API server takes longest, and the scheduler's tasks need it. Scheduler and triggerer would serve
# logs on every interface of the machine. The API server reads the logs from the folder instead.
_ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    API_SERVER: ("api-server",),
    DAG_PROCESSOR: ("dag-processor",),
    TRIGGERER: ("triggerer", "--skip-serve-logs"),
    SCHEDULER: ("scheduler", "--skip-serve-logs"),
}
COMPONENTS = tuple(_ARGUMENTS)
_HEALTH_NAMES = {SCHEDULER: "scheduler", DAG_PROCESSOR: "dag_processor", TRIGGERER: "triggerer"}
_GRACE_SECONDS = 5.0
_START_SECONDS = 300.0
_LOOK_SECONDS = 0.2


class LocalAirflowError(Exception):
    """The local Airflow cannot start, or one of its components ended; the message has the component and the reason."""


class AirflowRunsError(LocalAirflowError):
    """Another local Airflow is running on the state folder."""


SCHEDULER_WARM_UP = Path(__file__).with_name("scheduler_warm_up.py")


class LocalAirflow:
    """A complete Airflow that uses a running local AWS; a context manager that starts and stops it.

    Start it from the main thread (see child_process). New DAGs are paused, as on MWAA.

    Args:
        state_dir: The state folder of the local AWS. Airflow's home is ``airflow`` below it.
        aws_endpoint: The URL of the local AWS.
        names: The names of the local AWS's resources, for programs that use ``running_airflow``.
        port: The port of UI and API on 127.0.0.1; 0 takes a free one.
        parallelism: Number of tasks that run at the same time.
        extra_environment: Additional environment variables for every process, which override the others.
        cluster_policy: A file to use as Airflow's ``airflow_local_settings.py``, for example with a ``task_policy``. It
            must import ``scheduler_warm_up``, which it replaces.
        start_seconds: Timeout of the start.
        on_step: Called with a description of each step of the start.

    Attributes:
        home: Airflow's home.
        components: The components by name (see COMPONENTS), once it has started.
        environment: The environment of every component, once it has started.
    """

    def __init__(
        self,
        state_dir: Path,
        aws_endpoint: str,
        *,
        names: Provisioned | None = None,
        port: int = 0,
        parallelism: int = DEFAULT_PARALLELISM,
        extra_environment: Mapping[str, str] | None = None,
        cluster_policy: Path = SCHEDULER_WARM_UP,
        start_seconds: float = _START_SECONDS,
        on_step: Callable[[str], None] | None = None,
    ) -> None:
        self.home = airflow_home(state_dir.absolute())
        self.components: dict[str, Component] = {}
        self.environment: dict[str, str] = {}
        self._state_dir = state_dir.absolute()
        self._aws_endpoint = aws_endpoint
        self._names = names
        self._port = port
        self._parallelism = parallelism
        self._extra_environment = dict(extra_environment or {})
        self._cluster_policy = cluster_policy
        self._start_seconds = start_seconds
        self._on_step = on_step or (lambda _: None)
        self._closing = contextlib.ExitStack()
        self._api: AirflowApi | None = None
        self._is_warm = False

    @property
    def url(self) -> str:
        """The URL of UI and API, once it has started."""
        return self.api.url

    @property
    def api(self) -> AirflowApi:
        """A client of the API, once it has started."""
        if self._api is None:
            raise RuntimeError("the local Airflow has not been started")
        return self._api

    @property
    def environment_file(self) -> Path:
        """A shell script that lets the ``airflow`` command in another terminal use this Airflow."""
        return self.home / "environment.sh"

    def start(self) -> None:
        """Start everything and wait until each component is healthy and the DAGs are parsed.

        Raises:
            AirflowRunsError: Another local Airflow is running on the state folder.
            LocalAirflowError: A component did not start, or a DAG cannot be imported.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        deadline = time.monotonic() + self._start_seconds
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._closing.enter_context(only_process_in(self.home))
        except FolderInUseError as error:
            raise AirflowRunsError(
                f"an Airflow is already running on {self.home} (process {error.holder}): stop it, or choose a "
                "different folder with STATE=<folder>"
            ) from None
        _endpoint_file(self._state_dir).unlink(missing_ok=True)
        try:
            url = f"http://127.0.0.1:{free_port(self._port)}"
        except PortNotFreeError as error:
            raise LocalAirflowError(
                f"{error} Choose a different port for the UI with PORT=<port>; 0 takes a free one."
            ) from error
        self._on_step("starting Airflow's database")
        try:
            database = self._closing.enter_context(MetadataDatabase(self.home / "postgres"))
        except WarehouseError as error:
            raise LocalAirflowError(f"Airflow's metadata database: {error}") from error
        self.environment = (
            services_environment(
                self._state_dir,
                aws_environment(self._aws_endpoint),
                database_url=database.url,
                url=url,
                parallelism=self._parallelism,
            )
            | self._extra_environment
        )
        self._place_cluster_policy()
        self._write_environment_file()
        self._on_step("creating Airflow's tables if they do not exist")
        try:
            database.migrate(self.environment, self.home / "services" / "migration.log")
        except (RuntimeError, TimeoutError) as error:
            raise LocalAirflowError(str(error)) from error
        self._on_step("starting Airflow")
        self._api = AirflowApi(url)
        self.components.clear()
        self._closing.callback(self._stop_components)
        started_at = datetime.now(UTC)
        for name, arguments in _ARGUMENTS.items():
            if name == SCHEDULER:
                # The scheduler immediately resumes the runs of an earlier start, whose tasks need the API server.
                self._wait(lambda: [] if self._answers() else [API_SERVER], deadline)
            self.components[name] = self._component(name, arguments)
            self._start_component(name)
        self._wait(lambda: self._unhealthy(None), deadline)
        self._on_step("waiting until the DAGs are parsed")
        self._wait_until_parsed(started_at, deadline)
        endpoint_file = _endpoint_file(self._state_dir)
        names = None if self._names is None else asdict(self._names)
        found = {"url": url, "pid": os.getpid(), "aws_endpoint": self._aws_endpoint, "names": names}
        with replacing(endpoint_file) as draft:
            draft.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        self._closing.callback(endpoint_file.unlink, missing_ok=True)

    def stop(self) -> None:
        """Stop everything in reverse order. A second call does nothing."""
        self._closing.close()

    def __enter__(self) -> LocalAirflow:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def check(self) -> None:
        """Check that every component still runs.

        Raises:
            LocalAirflowError: A component ended; the message has its name and the end of its log.
        """
        for component in self.components.values():
            if not component.is_running:
                raise LocalAirflowError(
                    f"Airflow's {component.name} {component.ended_in_words}; the end of {component.log}:\n"
                    f"{component.log_end()}"
                )

    def kill(self, name: str, *, with_children: bool = True) -> None:
        """Kill a component with SIGKILL. ``restart`` starts it again.

        Args:
            name: One of COMPONENTS.
            with_children: Whether to kill its descendants, too. The tasks are descendants of the scheduler. They
                continue otherwise.
        """
        self.components[name].kill(with_children=with_children)

    def restart(self, name: str, *, timeout_seconds: float = 60, wait: bool = True) -> None:
        """Restart a component that has ended.

        Args:
            name: One of COMPONENTS.
            timeout_seconds: Timeout of the wait.
            wait: Whether to wait until it is healthy.

        Raises:
            LocalAirflowError: It did not start.
        """
        began = datetime.now(UTC)
        self._start_component(name)
        if wait:
            self._wait(lambda: self._unhealthy(began), time.monotonic() + timeout_seconds)

    def _component(self, name: str, arguments: tuple[str, ...]) -> Component:
        return Component(
            name,
            arguments,
            environment=self.environment,
            folder=self.home / "services",
            directory=self.home,
            grace_seconds=_GRACE_SECONDS,
        )

    def _start_component(self, name: str) -> None:
        self._is_warm = self._is_warm and name != API_SERVER
        try:
            self.components[name].start()
        except RuntimeError as error:
            raise LocalAirflowError(str(error)) from error

    def _stop_components(self) -> None:
        # Ask all of them first, so that their grace periods overlap.
        for component in self.components.values():
            component.ask_to_stop()
        for name in reversed(COMPONENTS):
            if name in self.components:
                self.components[name].stop()

    def _wait(self, unready: Callable[[], list[str]], deadline: float) -> None:
        while waiting := unready():
            self.check()
            if time.monotonic() > deadline:
                component = self.components[waiting[0]]
                raise LocalAirflowError(
                    f"Airflow's {component.name} did not start in time; the end of {component.log}:\n"
                    f"{component.log_end()}"
                )
            time.sleep(_LOOK_SECONDS)

    def _answers(self) -> bool:
        try:
            self.api.health()
        except (AirflowUnreachableError, AirflowApiError):
            return False
        return True

    def _unhealthy(self, heard_since: datetime | None) -> list[str]:
        """Return the unhealthy components. The API server comes first, because others depend on it."""
        try:
            if not self._is_warm:
                self.api.warm_up()
                self._is_warm = True
            health = self.api.health()
        except (AirflowUnreachableError, AirflowApiError):
            return [API_SERVER]
        return [name for name, key in _HEALTH_NAMES.items() if not _is_well(health.get(key), key, heard_since)]

    def _wait_until_parsed(self, started_at: datetime, deadline: float) -> None:
        files = {path.name for path in (REPOSITORY / "dags").glob("*.py") if "DAG(" in path.read_text("utf-8")}
        while True:
            for problem in self.api.import_errors():
                if datetime.fromisoformat(problem["timestamp"]) >= started_at:
                    raise LocalAirflowError(f"{problem['filename']} cannot be imported:\n{problem['stack_trace']}")
            parsed = {
                dag["relative_fileloc"]
                for dag in self.api.dags()
                if dag["last_parsed_time"] and datetime.fromisoformat(dag["last_parsed_time"]) >= started_at
            }
            missing = files - parsed
            if not missing:
                return
            self.check()
            if time.monotonic() > deadline:
                component = self.components[DAG_PROCESSOR]
                raise LocalAirflowError(
                    f"{', '.join(sorted(missing))} was not parsed in time; the end of {component.log}:\n"
                    f"{component.log_end()}"
                )
            time.sleep(_LOOK_SECONDS)

    def _place_cluster_policy(self) -> None:
        place = self.home / "config" / "airflow_local_settings.py"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._cluster_policy, place)

    def _write_environment_file(self) -> None:
        path = self.environment_file
        path.touch(mode=0o600)
        path.write_text(shell_lines(self.environment), encoding="utf-8")


@dataclass(frozen=True)
class RunningAirflow:
    """A local Airflow in another process.

    Attributes:
        url: The URL of its UI and API.
        pid: The id of that process.
        aws_endpoint: The URL of its local AWS.
        names: The names of the local AWS's resources; None if it was started without them.
    """

    url: str
    pid: int
    aws_endpoint: str
    names: Provisioned | None


def running_airflow(state_dir: Path) -> RunningAirflow | None:
    """Return the local Airflow that is running on a state folder and is ready; None if there is none.

    Raises:
        StateFolderError: The state folder cannot be read.
    """
    home = airflow_home(state_dir.absolute())
    try:
        found: dict[str, Any] = json.loads(_endpoint_file(state_dir).read_text(encoding="utf-8"))
        # A killed Airflow leaves its endpoint file, but not its lock.
        with only_process_in(home):
            return None
    except FileNotFoundError:
        return None
    except FolderInUseError:
        names = found["names"] and Provisioned(**{**found["names"], "created": ()})
        return RunningAirflow(found["url"], found["pid"], found["aws_endpoint"], names)
    except OSError as error:
        raise unusable(state_dir, error) from error


def _is_well(part: Mapping[str, Any] | None, key: str, heard_since: datetime | None) -> bool:
    if part is None or part.get("status") != "healthy":
        return False
    heard = part.get(f"latest_{key}_heartbeat")
    return heard_since is None or (heard is not None and datetime.fromisoformat(heard) >= heard_since)


def _endpoint_file(state_dir: Path) -> Path:
    return airflow_home(state_dir.absolute()) / "endpoint.json"
