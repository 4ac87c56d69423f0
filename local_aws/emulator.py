"""Puts the laptop's AWS together: what runs, in which order it starts and stops, and how other programs find it."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from local_aws import child_process
from local_aws.control_planes.mwaa import Mwaa
from local_aws.control_planes.redshift_serverless import RedshiftServerless
from local_aws.control_planes.resources import Resources
from local_aws.front.call_log import CallLog
from local_aws.front.server import LOOPBACK, Front, HttpServer, Interceptor
from local_aws.glue.job_runs import GlueJobRuns
from local_aws.iam.account import Account
from local_aws.iam.authorization_log import AuthorizationLog
from local_aws.iam.forward_access import SecretReader
from local_aws.iam.guard import Guard
from local_aws.iam.role_sessions import AIRFLOW, GLUE, REDSHIFT, RoleSessions
from local_aws.moto_backend.state import MotoState
from local_aws.protocol.wire import ACCOUNT_ID, WireService
from local_aws.redshift.data_api import RedshiftDataApi
from local_aws.redshift.execution import StatementInterceptor
from local_aws.redshift.warehouse import Warehouse, WarehouseError
from local_exchange.faults import FaultPlan
from local_exchange.server import create_exchange
from local_platform.glue_code_watch import GlueCodeWatch
from local_platform.provision import (
    DEFAULT_MAX_REJECTED_SHARE,
    DEFAULT_SYMBOLS,
    Names,
    Provisioned,
    aws_environment,
    local_client,
    local_session,
    provision,
)

CHECKOUT = Path(__file__).resolve().parent.parent
DEFAULT_STATE_DIR = CHECKOUT / ".local"
logger = logging.getLogger(__name__)

DEFAULT_PORT = 4566
_STOP_SECONDS = 20


class StateInUseError(Exception):
    """Another local AWS runs on the state folder."""


@dataclasses.dataclass(frozen=True)
class _OwnServices:
    """The services that this project implements itself."""

    serverless: RedshiftServerless
    statements: RedshiftDataApi
    job_runs: GlueJobRuns
    mwaa: Mwaa

    def wired(self) -> dict[str, WireService]:
        return {
            "glue": WireService("glue", self.job_runs),
            "redshift-data": WireService("redshift-data", self.statements),
            "redshift-serverless": WireService("redshift-serverless", self.serverless),
            "airflow": WireService("mwaa", self.mwaa),
        }

    def source_arns(self, service: str) -> list[str]:
        """Return the ARNs that a service takes on roles as; none when that is not known here."""
        known = {REDSHIFT: self.serverless.all_source_arns, AIRFLOW: self.mwaa.environment_arns}
        return known[service]() if service in known else []


@dataclasses.dataclass(frozen=True)
class Listening:
    """Where a local AWS listens.

    Attributes:
        host: Its address, for the AWS APIs and for the warehouse; ``0.0.0.0`` for all of this machine's. The AWS APIs
            ask nobody who he is, so other than 127.0.0.1 is for a container, whose network nobody else is on.
        warehouse_port: The warehouse's own port, as Redshift's 5439, where the admin user signs in with his password;
            None for none.
        published_warehouse_port: The port by which the machine around a container reaches that one; None for the same.
    """

    host: str = LOOPBACK
    warehouse_port: int | None = None
    published_warehouse_port: int | None = None


class LocalAws:
    """The whole laptop's AWS in this process; a context manager that starts and stops it.

    Args:
        state_dir: The folder that keeps everything: state, warehouse, logs.
        port: The port; 0 takes a free one.
        market_data: The folder with recorded candles that the exchange serves; None lets it generate them.
        provisioned: Whether what the bundle needs is created; False leaves an empty AWS, for Terraform.
        symbols: The exchange symbols of each source in the bundle's settings.
        max_rejected_share: The share of rejected records in the bundle's settings.
        interceptor: Is called around each API call, for a harness that injects faults.
        statement_interceptor: Is called around each statement in the warehouse, for the same.
        enforce_iam: Whether every call is held against the policies of who makes it; every check is then in
            authorizations.jsonl of the state folder.
        listening: Where it listens.
        created_names: How what is created is called, and the region that it is in.
        write_settings: Whether the bundle's settings are written to Secrets Manager too.
        glue_runs_at_once: How many Glue runs may have Spark at the same time; None for as many as are started.

    Attributes:
        names: What was created and how it is called; None when nothing was to be created.
        warehouse: What the Redshift Data API's statements run on, once it runs.
    """

    warehouse: Warehouse

    def __init__(
        self,
        state_dir: Path,
        *,
        port: int = DEFAULT_PORT,
        market_data: Path | None = None,
        provisioned: bool = True,
        symbols: Mapping[str, tuple[str, ...]] = DEFAULT_SYMBOLS,
        max_rejected_share: float = DEFAULT_MAX_REJECTED_SHARE,
        interceptor: Interceptor | None = None,
        statement_interceptor: StatementInterceptor | None = None,
        enforce_iam: bool = False,
        listening: Listening = Listening(),
        created_names: Names = Names(),  # noqa: B008 - frozen
        write_settings: bool = True,
        glue_runs_at_once: int | None = None,
    ) -> None:
        self.state_dir = state_dir.absolute()
        self.names: Provisioned | None = None
        self._port = port
        self._market_data = market_data
        self._provisioned = provisioned
        self._symbols = symbols
        self._max_rejected_share = max_rejected_share
        self._interceptor = interceptor
        self._statement_interceptor = statement_interceptor
        self._enforce_iam = enforce_iam
        self._own: _OwnServices | None = None
        self._listening = listening
        self._created_names = created_names
        self._write_settings = write_settings
        self._glue_runs_at_once = glue_runs_at_once
        self._closing = contextlib.ExitStack()
        self._server: HttpServer | None = None

    @property
    def region(self) -> str:
        """The region that it is in."""
        return self._created_names.region

    @property
    def endpoint(self) -> str:
        """The URL that AWS_ENDPOINT_URL must name, once it runs."""
        if self._server is None:
            raise RuntimeError("the local AWS has not been started")
        return self._server.endpoint

    def start(self) -> None:
        """Start everything; when this returns, the endpoint answers and the names are there.

        Raises:
            StateInUseError: Another local AWS runs on the state folder.
            PortNotFreeError: The port is in use.
            StateVersionError: The state was written by another version of moto.
            MarketDataError: The folder has no recorded candles.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        self.state_dir.mkdir(parents=True, exist_ok=True)
        # Also where somebody else has made the folder first: secrets lie in it in clear.
        self.state_dir.chmod(0o700)
        self._closing.enter_context(_only_one(self.state_dir))
        endpoint_file = self.state_dir / "endpoint.json"
        endpoint_file.unlink(missing_ok=True)

        moto = MotoState(self.state_dir / "moto" / "journal.sqlite")
        self._closing.callback(moto.close)
        call_log = CallLog(self.state_dir / "calls.jsonl")
        self._closing.callback(call_log.close)
        resources = Resources(self.state_dir / "control_planes.sqlite")
        self._closing.callback(resources.close)
        listening = self._listening
        warehouse = self.warehouse = self._closing.enter_context(
            Warehouse(self.state_dir / "warehouse", port=listening.warehouse_port, host=listening.host)
        )
        services: dict[str, WireService] = {}
        account = self._account(moto)
        front = Front(
            moto=moto,
            services=services,
            call_log=call_log,
            exchange=create_exchange(self._market_data, FaultPlan()),
            interceptor=self._interceptor,
            guard=self._guard(account) if self._enforce_iam else None,
            health=self._health,
        )
        server = HttpServer(front, port=self._port, host=listening.host)
        self._closing.callback(server.stop)
        self._server = server
        self._own = self._services(server.endpoint, resources, warehouse, account)
        services |= self._own.wired()
        server.start()

        if self._provisioned:
            self.names = provision(
                server.endpoint,
                symbols=self._symbols,
                max_rejected_share=self._max_rejected_share,
                names=self._created_names,
                write_settings=self._write_settings,
            )
            self._closing.enter_context(GlueCodeWatch(server.endpoint, self._created_names))
        names = None if self.names is None else dataclasses.asdict(self.names)
        found = {"endpoint": server.endpoint, "pid": os.getpid(), "names": names}
        published = listening.published_warehouse_port or listening.warehouse_port
        ports = {"warehouse_port": listening.warehouse_port, "published_warehouse_port": published}
        _write(endpoint_file, {**found, **ports})
        self._closing.callback(endpoint_file.unlink, missing_ok=True)

    def _health(self) -> dict[str, Any]:
        found = {"pid": os.getpid(), "state_dir": str(self.state_dir)}
        try:
            self.warehouse.ask()
        except WarehouseError as error:
            logger.warning("%s", error)
            found["problem"] = str(error)
        return found

    def _running(self) -> _OwnServices:
        if self._own is None:
            raise RuntimeError("the local AWS has not been started")
        return self._own

    def _account(self, moto: MotoState) -> Account:
        return Account(
            standing_still=moto.standing_still,
            workgroup_arn=lambda name: self._running().serverless.workgroup_arn(name),
            namespace_arn=lambda name: self._running().serverless.namespace_arn(name),
            statement_owner=lambda statement_id: self._running().statements.owner_of(statement_id),
        )

    def _guard(self, account: Account) -> Guard:
        log = AuthorizationLog(self.state_dir / "authorizations.jsonl")
        self._closing.callback(log.close)
        return Guard(account, log, source_arns=lambda service: self._running().source_arns(service))

    def _services(self, endpoint: str, resources: Resources, warehouse: Warehouse, account: Account) -> _OwnServices:
        """Build our own services; what they start is stopped before the server is, which it may call to the end."""
        # What a service does for itself it does under its own name, see local_aws.iam.identity.
        region = self._created_names.region
        manager = local_client("secretsmanager", endpoint, local_session(access_key_id=REDSHIFT, region=region))
        glue = local_client("glue", endpoint, local_session(access_key_id=GLUE, region=region))
        roles = RoleSessions(endpoint)
        serverless = RedshiftServerless(
            resources,
            secrets_client=lambda: manager,
            create_database=warehouse.ensure_database,
            drop_database=warehouse.drop_database,
            admin_login=warehouse.ensure_login,
            refuse_login=warehouse.refuse_login,
        )
        for name in serverless.database_names():
            warehouse.ensure_database(name)
        statements = RedshiftDataApi(
            warehouse,
            s3_client_factory=roles.s3_client,
            role_refusal=lambda workgroup, role_arn: _copy_role_refusal(serverless, roles, workgroup, role_arn),
            secret_lookup=SecretReader(endpoint, "redshift-data.amazonaws.com").read,
            workgroup_status=serverless.workgroup_status,
            longest_execution=serverless.longest_execution,
            credentials_valid=serverless.credentials_valid,
            interceptor=self._statement_interceptor,
            userid_of=account.userid,
        )
        self._closing.callback(statements.close)
        job_runs = GlueJobRuns(
            get_job=lambda name: glue.get_job(JobName=name)["Job"],
            get_security_configuration=lambda name: glue.get_security_configuration(Name=name)["SecurityConfiguration"],
            role_credentials=roles.glue_credentials,
            endpoint_url=lambda: endpoint,
            state_dir=self.state_dir,
            runs_at_once=self._glue_runs_at_once,
        )
        self._closing.callback(job_runs.close)
        return _OwnServices(serverless, statements, job_runs, Mwaa(resources))

    def stop(self) -> None:
        """Stop everything that was started, the last first; a second call does nothing."""
        self._closing.close()

    def __enter__(self) -> LocalAws:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _copy_role_refusal(
    serverless: RedshiftServerless, roles: RoleSessions, workgroup: str, role_arn: str
) -> str | None:
    """Say in Redshift's words why a COPY in a workgroup cannot read with a role, or None when it can."""
    if role_arn not in serverless.associated_roles(workgroup):
        return f"The requested role {role_arn} is not associated to cluster"
    context = {"aws:SourceAccount": [ACCOUNT_ID], "aws:SourceArn": serverless.source_arns(workgroup)}
    reason = roles.refusal(role_arn, ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"], context)
    return None if reason is None else f"User is not authorized to assume IAM Role {role_arn}: {reason}"


@contextlib.contextmanager
def _only_one(state_dir: Path) -> Iterator[None]:
    """Hold the state folder's lock, which the system frees however the process ends."""
    with (state_dir / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise StateInUseError(
                f"A local AWS already runs on {state_dir} (process {holder}). Stop it, or give another --state-dir."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def _write(path: Path, document: Any) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)  # a reader sees all of it or nothing


# ---------------------------------------------------------------------------------------------------- other programs


@dataclasses.dataclass(frozen=True)
class RunningLocalAws:
    """A local AWS in a process of its own.

    Attributes:
        endpoint: Its URL.
        pid: Its process.
        state_dir: Its state folder.
        names: What it created (see Provisioned); empty when nothing was to be created.
        process: The process.
    """

    endpoint: str
    pid: int
    state_dir: Path
    names: Mapping[str, Any]
    process: subprocess.Popen[bytes]

    def client(self, service: str) -> Any:
        """Return a boto3 client of it."""
        return local_client(service, self.endpoint)

    def environment(self) -> dict[str, str]:
        """Return the environment variables that point other programs at it."""
        return aws_environment(self.endpoint)

    def kill(self) -> None:
        """Kill it with SIGKILL, as a power cut would, and wait until it is gone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextlib.contextmanager
def running_local_aws(
    state_dir: Path,
    *,
    port: int = 0,
    market_data: Path | None = None,
    provisioned: bool = True,
    enforce_iam: bool = False,
    timeout_seconds: float = 60,
) -> Iterator[RunningLocalAws]:
    """Run a local AWS in a process of its own; its log is logs/local_aws.log of the state folder.

    It ends with this process, however that ends. To be called from the main thread (see child_process).

    Args:
        state_dir: Its state folder.
        port: Its port; 0 takes a free one.
        market_data: The recorded candles that its exchange serves; None lets it generate them.
        provisioned: Whether what the bundle needs is created.
        enforce_iam: Whether every call is held against the policies of who makes it.
        timeout_seconds: How long its start may take.

    Yields:
        The running local AWS.

    Raises:
        RuntimeError: It ended before it was ready; the message has the end of its log.
        TimeoutError: It was not ready in time.
    """
    command = [sys.executable, "-m", "local_aws", "--state-dir", str(state_dir), "--port", str(port)]
    command += ["--market-data", str(market_data)] if market_data is not None else []
    command += [] if provisioned else ["--no-provision"]
    command += ["--enforce-iam"] if enforce_iam else []
    log = state_dir / "logs" / "local_aws.out"
    process = child_process.start(command, environment=os.environ, log=log, directory=CHECKOUT)
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
            found: dict[str, Any] = json.loads((state_dir / "endpoint.json").read_text(encoding="utf-8"))
            if found["pid"] == process.pid:
                return found
        if process.poll() is not None:
            end = log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RuntimeError(f"the local AWS ended with {process.returncode} before it was ready:\n{end}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"the local AWS was not ready within {timeout_seconds} seconds; see {log}")
        time.sleep(0.05)
