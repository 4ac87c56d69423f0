"""The local AWS and the local Airflow, for programs that need both."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from local_aws.launcher import RunningLocalAws
from local_aws.replaced_file import replacing
from local_aws.state_folder import StateFolderError
from local_platform.airflow_environment import choices_file
from local_platform.airflow_services.local_airflow import (
    AirflowRunsError,
    LocalAirflow,
    LocalAirflowError,
    running_airflow,
)
from local_platform.local_aws_process import running_platform_aws
from local_platform.markets import Markets
from local_platform.names import Provisioned
from local_platform.provision import provision
from local_platform.state_options import StateOptions, StateOptionsError, other_folder


class LocalPlatform:
    """A local AWS in its own process with the bundle's resources, and a complete Airflow; a context manager.

    Args:
        state_dir: Folder for state and logs.
        markets: The markets to load.
        aws_port: The local AWS's port; 0 takes a free one.
        ui_port: The port of Airflow's UI and API; 0 takes a free one.
        extra_environment: Additional environment variables for Airflow.
        on_step: Called with a description of each step of the start.
    """

    def __init__(
        self,
        state_dir: Path,
        markets: Markets,
        *,
        aws_port: int = 0,
        ui_port: int = 0,
        extra_environment: Mapping[str, str] | None = None,
        on_step: Callable[[str], None] | None = None,
    ) -> None:
        self._state_dir = state_dir
        self._markets = markets
        self._aws_port = aws_port
        self._ui_port = ui_port
        self._extra_environment = extra_environment
        self._on_step = on_step or (lambda _: None)
        self._closing = contextlib.ExitStack()
        self._aws: RunningLocalAws | None = None
        self._airflow: LocalAirflow | None = None
        self._names: Provisioned | None = None

    @property
    def airflow(self) -> LocalAirflow:
        """The local Airflow, once it has started."""
        if self._airflow is None:
            raise RuntimeError("the local platform has not been started")
        return self._airflow

    @property
    def names(self) -> Provisioned:
        """The names of the resources in the local AWS, once it has started."""
        if self._names is None:
            raise RuntimeError("the local platform has not been started")
        return self._names

    def __enter__(self) -> LocalPlatform:
        """Start both and wait until Airflow is healthy.

        Raises:
            AirflowRunsError: An Airflow already runs on the state folder.
            LocalAirflowError: A process did not start.
        """
        try:
            self._start()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def check(self) -> None:
        """Check that everything still runs.

        Raises:
            LocalAirflowError: A process ended.
        """
        if self._aws is not None and (code := self._aws.process.poll()) is not None:
            raise LocalAirflowError(f"the local AWS exited with {code}; see the logs in {self._state_dir / 'logs'}")
        self.airflow.check()

    def _start(self) -> None:
        try:
            other = running_airflow(self._state_dir)
        except StateFolderError as error:
            raise LocalAirflowError(str(other_folder(error))) from error
        if other is not None:
            raise AirflowRunsError(
                f"an Airflow already runs on {self._state_dir}: {other.url} (process {other.pid}). "
                "Use that one, stop it, or choose a different folder with STATE=<folder>."
            )
        try:
            StateOptions(self._state_dir, self._aws_port).require_usable()
        except StateOptionsError as error:
            raise LocalAirflowError(str(error)) from error
        self._on_step("starting the local AWS")
        aws = running_platform_aws(
            self._state_dir, port=self._aws_port, market_data=self._markets.market_data, provisioned=False
        )
        try:
            self._aws = self._closing.enter_context(aws)
        except (RuntimeError, TimeoutError) as error:
            raise LocalAirflowError(str(error)) from error
        self._names = provision(self._aws.endpoint, symbols=self._markets.symbols)
        write_choices(self._state_dir, self._markets.symbols)
        self._airflow = self._closing.enter_context(
            LocalAirflow(
                self._state_dir,
                self._aws.endpoint,
                names=self._names,
                port=self._ui_port,
                extra_environment=self._extra_environment,
                on_step=self._on_step,
            )
        )


def write_choices(state_dir: Path, symbols: Mapping[str, Sequence[str]]) -> None:
    """Write the sources and symbols that the trigger forms offer, as Terraform does on AWS.

    Args:
        state_dir: The state folder, below which Airflow's home is.
        symbols: The exchange symbols of each source.
    """
    file = choices_file(state_dir)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with replacing(file) as draft:
        draft.write_text(json.dumps({source: list(listed) for source, listed in symbols.items()}), encoding="utf-8")
