"""Assembles the emulator: its parts, and the order in which they start and stop."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

from local_aws.clients import local_client, local_session
from local_aws.control_planes.athena import Athena
from local_aws.control_planes.mwaa import Mwaa
from local_aws.control_planes.redshift_serverless import RedshiftServerless
from local_aws.control_planes.resources import Resources
from local_aws.endpoint_file import remove_endpoint, write_endpoint
from local_aws.folder_lock import FolderInUseError, only_process_in
from local_aws.front.call_log import CallLog
from local_aws.front.server import Front, HttpServer, Interceptor
from local_aws.glue.job_runs import GlueJobRuns
from local_aws.iam.account import Account
from local_aws.iam.authorization_log import AuthorizationLog
from local_aws.iam.forward_access import SecretReader
from local_aws.iam.guard import Guard
from local_aws.iam.role_sessions import AIRFLOW, GLUE, REDSHIFT, RoleSessions
from local_aws.moto_backend.state import MotoState
from local_aws.ports import LOOPBACK
from local_aws.protocol.account import DEFAULT_REGION
from local_aws.protocol.service import WireService
from local_aws.protocol.wsgi import WsgiApplication
from local_aws.redshift.copy_runner import CopyRunner
from local_aws.redshift.data_api import RedshiftDataApi
from local_aws.redshift.execution import StatementInterceptor
from local_aws.redshift.load import DatabaseUser
from local_aws.redshift.warehouse import Warehouse, WarehouseError
from local_aws.redshift.warehouse_port import WarehousePort
from local_aws.state_folder import prepare_state_folder

logger = logging.getLogger(__name__)


class StateInUseError(Exception):
    """Another emulator is running on the state folder."""


@dataclasses.dataclass(frozen=True)
class _OwnServices:
    """The services that local_aws implements itself."""

    serverless: RedshiftServerless
    statements: RedshiftDataApi
    job_runs: GlueJobRuns
    mwaa: Mwaa
    athena: Athena

    def wired(self) -> dict[str, WireService]:
        return {
            "glue": WireService("glue", self.job_runs),
            "redshift-data": WireService("redshift-data", self.statements),
            "redshift-serverless": WireService("redshift-serverless", self.serverless),
            "airflow": WireService("mwaa", self.mwaa),
            "athena": WireService("athena", self.athena),
        }

    def source_arns(self, service: str) -> list[str]:
        """Return the source ARNs of a service when it assumes roles, or an empty list if they are unknown here."""
        return self.mwaa.environment_arns() if service == AIRFLOW else []


@dataclasses.dataclass(frozen=True)
class Listening:
    """Where the emulator listens.

    Attributes:
        host: Address of the AWS APIs and the warehouse, or ``0.0.0.0`` for all addresses of the machine. Clients do not
            log in, so an address other than 127.0.0.1 is only for a container whose network nothing else uses.
        warehouse_port: The warehouse's port, like Redshift's 5439, where the admin user logs in with a password;
            None for no port.
        published_warehouse_port: The port that the host of a container publishes for it; None for the same.
    """

    host: str = LOOPBACK
    warehouse_port: int | None = None
    published_warehouse_port: int | None = None


class LocalAws:
    """The whole emulator in the current process. As a context manager, it starts and stops the emulator.

    On a new state folder it starts empty. Users create their resources through the AWS APIs.

    Args:
        state_dir: The folder for state, warehouse and logs.
        port: The port; 0 selects a free one.
        region: The region of the services that local_aws implements itself.
        mounts: Other WSGI applications on the same port, by path; each handles the unsigned requests below its path.
        interceptor: Called around each API call, for harnesses that inject faults.
        statement_interceptor: Called around each statement in the warehouse, for the same purpose.
        enforce_iam: Whether every call is checked against the caller's policies. Each check is then recorded in
            ``authorizations.jsonl`` in the state folder.
        listening: Where it listens.
        glue_runs_at_once: Maximum number of Glue runs that may have Spark at the same time; None for no limit.

    Attributes:
        region: The region of the services that local_aws implements itself.
        warehouse: The warehouse that executes the Redshift Data API's statements, once the emulator is running.
    """

    warehouse: Warehouse

    def __init__(
        self,
        state_dir: Path,
        *,
        port: int,
        region: str = DEFAULT_REGION,
        mounts: Mapping[str, WsgiApplication] = MappingProxyType({}),
        interceptor: Interceptor | None = None,
        statement_interceptor: StatementInterceptor | None = None,
        enforce_iam: bool = False,
        listening: Listening = Listening(),
        glue_runs_at_once: int | None = None,
    ) -> None:
        self.state_dir = state_dir.absolute()
        self.region = region
        self._port = port
        self._mounts = mounts
        self._interceptor = interceptor
        self._statement_interceptor = statement_interceptor
        self._enforce_iam = enforce_iam
        self._own: _OwnServices | None = None
        self._listening = listening
        self._glue_runs_at_once = glue_runs_at_once
        self._closing = contextlib.ExitStack()
        self._server: HttpServer | None = None

    @property
    def endpoint(self) -> str:
        """The value for AWS_ENDPOINT_URL, once the emulator is running."""
        if self._server is None:
            raise RuntimeError("the local AWS has not been started")
        return self._server.endpoint

    def start(self) -> None:
        """Start everything. When this returns, the endpoint accepts requests.

        Raises:
            StateFolderError: The state folder cannot be used.
            StateInUseError: Another emulator is running on the state folder.
            PortNotFreeError: The port is in use.
            StateVersionError: The state was written by a different version of moto.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _start(self) -> None:
        prepare_state_folder(self.state_dir)
        try:
            self._closing.enter_context(only_process_in(self.state_dir))
        except FolderInUseError as error:
            raise StateInUseError(
                f"A local AWS already runs on {self.state_dir} (process {error.holder}). Stop it with Ctrl-C in its "
                "terminal."
            ) from None
        remove_endpoint(self.state_dir)

        moto = MotoState(self.state_dir / "moto" / "journal.sqlite")
        self._closing.callback(moto.close)
        call_log = CallLog(self.state_dir / "calls.jsonl")
        self._closing.callback(call_log.close)
        resources = Resources(self.state_dir / "control_planes.sqlite")
        self._closing.callback(resources.close)
        listening = self._listening
        warehouse = self.warehouse = self._closing.enter_context(Warehouse(self.state_dir / "warehouse"))
        services: dict[str, WireService] = {}
        account = self._account(moto)
        front = Front(
            moto=moto,
            services=services,
            call_log=call_log,
            mounts=self._mounts,
            interceptor=self._interceptor,
            guard=self._guard(account) if self._enforce_iam else None,
            health=self._health,
        )
        self._closing.callback(front.end)
        server = HttpServer(front, port=self._port, host=listening.host)
        self._closing.callback(server.stop)
        self._server = server
        self._own = self._services(server.endpoint, resources, warehouse, account)
        services |= self._own.wired()
        server.start()

    def announce(self, names: Mapping[str, Any] | None = None) -> None:
        """Write ``endpoint.json``, which shows other programs where the emulator is and that it is ready.

        Args:
            names: Names of the resources that have been created in it, or None if there are none.
        """
        listening = self._listening
        write_endpoint(
            self.state_dir,
            {
                "endpoint": self.endpoint,
                "pid": os.getpid(),
                "names": names,
                "warehouse_port": listening.warehouse_port,
                "published_warehouse_port": listening.published_warehouse_port or listening.warehouse_port,
                "warehouse_socket": self.warehouse.socket,
            },
        )
        self._closing.callback(remove_endpoint, self.state_dir)

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
            redshift_tags=lambda arn: self._running().serverless.tags(arn),
            athena_workgroup_of=lambda query_id: self._running().athena.workgroup_of(query_id),
            athena_tags=lambda arn: self._running().athena.tags(arn),
            statement_owner=lambda statement_id: self._running().statements.owner_of(statement_id),
        )

    def _guard(self, account: Account) -> Guard:
        log = AuthorizationLog(self.state_dir / "authorizations.jsonl")
        self._closing.callback(log.close)
        return Guard(account, log, source_arns=lambda service: self._running().source_arns(service))

    def _services(self, endpoint: str, resources: Resources, warehouse: Warehouse, account: Account) -> _OwnServices:
        """Build our own services; what they start is stopped before the server is, which it may call to the end."""
        # What a service does for itself it does under its own name, see local_aws.iam.identity.
        region = self.region
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

        def s3_client(user: DatabaseUser, role_arn: str) -> Any:
            return roles.s3_client(role_arn, _external_id(serverless, user))

        def role_refusal(user: DatabaseUser, role_arn: str) -> str | None:
            return _copy_role_refusal(serverless, roles, user, role_arn)

        statements = RedshiftDataApi(
            warehouse,
            s3_client_factory=s3_client,
            role_refusal=role_refusal,
            secret_lookup=SecretReader(endpoint, "redshift-data.amazonaws.com").read,
            workgroup_status=serverless.workgroup_status,
            workgroup_arn=serverless.workgroup_arn,
            longest_execution=serverless.longest_execution,
            credentials_valid=serverless.credentials_valid,
            interceptor=self._statement_interceptor,
            userid_of=account.userid,
            user_without_secret=account.database_user,
        )
        self._closing.callback(statements.close)
        if self._listening.warehouse_port is not None:
            self._closing.enter_context(
                WarehousePort(
                    warehouse,
                    port=self._listening.warehouse_port,
                    host=self._listening.host,
                    copies=CopyRunner(warehouse, s3_client, role_refusal),
                    workgroup_of=serverless.workgroup_of_user,
                    longest_execution=serverless.longest_execution,
                )
            )
        job_runs = GlueJobRuns(
            get_job=lambda name: glue.get_job(JobName=name)["Job"],
            get_security_configuration=lambda name: glue.get_security_configuration(Name=name)["SecurityConfiguration"],
            role_credentials=roles.glue_credentials,
            endpoint_url=lambda: endpoint,
            state_dir=self.state_dir,
            runs_at_once=self._glue_runs_at_once,
        )
        self._closing.callback(job_runs.close)
        return _OwnServices(serverless, statements, job_runs, Mwaa(resources), Athena(resources))

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


def _external_id(serverless: RedshiftServerless, user: DatabaseUser) -> str | None:
    return None if user.name is None else serverless.database_user_arn(user.workgroup, user.name)


def _copy_role_refusal(
    serverless: RedshiftServerless, roles: RoleSessions, user: DatabaseUser, role_arn: str
) -> str | None:
    """Say in Redshift's words why a COPY in a workgroup cannot read with a role, or None when it can."""
    if role_arn not in serverless.associated_roles(user.workgroup):
        return f"The requested role {role_arn} is not associated to cluster"
    external_id = _external_id(serverless, user)
    reason = roles.refusal(
        role_arn,
        ["redshift.amazonaws.com", "redshift-serverless.amazonaws.com"],
        {} if external_id is None else {"sts:ExternalId": [external_id]},
        unknown=["sts:ExternalId"] if external_id is None else [],
    )
    return None if reason is None else f"User is not authorized to assume IAM Role {role_arn}: {reason}"
