"""The Redshift Data API: the handler of the service "redshift-data" (https://docs.aws.amazon.com/redshift-data/latest/APIReference/).

Each public method is one operation, with the parameters and results of botocore's model. Statements run on worker
threads (``execution.py``). They are stored with their results for 24 hours (``statement_store.py``), also across
restarts.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from local_aws.protocol.errors import AwsError
from local_aws.protocol.signature import RequestContext
from local_aws.redshift.copy_runner import RoleRefusal
from local_aws.redshift.error_messages import redshift_error
from local_aws.redshift.execution import (
    CancelledError,
    Execution,
    StatementFailedError,
    StatementInterceptor,
    forget_old_runs,
    was_committed,
)
from local_aws.redshift.load import S3ClientFactory
from local_aws.redshift.query_history import QueryHistory
from local_aws.redshift.refusal import SqlNotSupported
from local_aws.redshift.result_columns import ResultSet, field, read_result
from local_aws.redshift.sql import MAX_STATEMENT_BYTES, OWN_SCHEMAS
from local_aws.redshift.statement_store import PAGE_ROWS, StatementRecord, StatementStore
from local_aws.redshift.statement_text import parameter_names, split_statements
from local_aws.redshift.warehouse import Warehouse

logger = logging.getLogger(__name__)

Params = dict[str, Any]
Answer = dict[str, Any]

WORKERS = 8
DEFAULT_LONGEST_EXECUTION = 14_400.0  # seconds
MAX_ACTIVE_STATEMENTS = 500  # the quota per workgroup
MAX_LIST_RESULTS = 100
MAX_TABLE_RESULTS = 1000

_SYSTEM_SCHEMAS = ("pg_catalog", "information_schema", "pg_toast")


class RedshiftDataApi:
    """The operations of the Redshift Data API over an embedded warehouse.

    Args:
        warehouse: A started warehouse. ``warehouse.databases()`` returns its Redshift databases.
        s3_client_factory: Takes the user of a COPY and the ARN of the role in it, and returns a boto3 S3 client with
            that role's permissions.
        role_refusal: Takes the user of a COPY and a role's ARN and returns why the COPY cannot read with the role, or
            None.
        secret_lookup: Takes the caller and a secret's ARN or name and returns the SecretString, read with the caller's
            credentials, or None if the secret does not exist. Raises Secrets Manager's AwsError if the caller may not
            read it.
        workgroup_status: Takes a workgroup's name or ARN and returns its status (``AVAILABLE`` …), or None if it does
            not exist.
        workgroup_arn: Takes a workgroup's name or ARN and returns its ARN, or None if it does not exist.
        credentials_valid: Takes the workgroup, user name and password of a secret and returns whether they are valid.
            By default, all are.
        longest_execution: Takes a workgroup and returns the number of seconds after which it aborts a statement
            (max_query_execution_time).
        store_path: The file that stores statements; by default ``statements.sqlite`` in the warehouse's folder.
        interceptor: Called around each statement, see StatementInterceptor.
        userid_of: Returns a caller's aws:userid. The caller owns the statements that it submits.
        user_without_secret: Returns the database user of a caller who names no secret, or None if it is unknown.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        *,
        s3_client_factory: S3ClientFactory,
        role_refusal: RoleRefusal,
        secret_lookup: Callable[[RequestContext, str], str | None],
        workgroup_status: Callable[[str], str | None],
        workgroup_arn: Callable[[str], str | None] = lambda name: name,
        credentials_valid: Callable[[str, str, str], bool] = lambda _workgroup, _user, _password: True,
        longest_execution: Callable[[str], float] = lambda _workgroup: DEFAULT_LONGEST_EXECUTION,
        store_path: Path | None = None,
        interceptor: StatementInterceptor | None = None,
        userid_of: Callable[[RequestContext], str] = lambda context: context.access_key_id,
        user_without_secret: Callable[[RequestContext], str | None] = lambda _context: None,
    ) -> None:
        self._warehouse = warehouse
        self._s3_client_factory = s3_client_factory
        self._role_refusal = role_refusal
        self._secret_lookup = secret_lookup
        self._workgroup_status = workgroup_status
        self._workgroup_arn = workgroup_arn
        self._credentials_valid = credentials_valid
        self._longest_execution = longest_execution
        self._interceptor = interceptor
        self._userid_of = userid_of
        self._user_without_secret = user_without_secret
        self._store = StatementStore(store_path or warehouse.folder / "statements.sqlite")
        self._history = QueryHistory(warehouse)
        self._executions: dict[str, Execution] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._settle_after_restart()
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="redshift-statement")

    def close(self) -> None:
        """Cancel running statements and wait for their end. Call this before the warehouse is stopped."""
        with self._changed:
            self._closed = True
            running = list(self._executions.values())
        for execution in running:
            execution.cancel()
        self._workers.shutdown(wait=True)
        self._history.close()
        self._store.close()

    def owner_of(self, statement_id: str) -> str | None:
        """Return the aws:userid of the caller that submitted a statement in the last 24 hours, or None if unknown."""
        record = self._store.get(statement_id)
        return None if record is None else record.owner

    # Statements

    def ExecuteStatement(self, context: RequestContext, params: Params) -> Answer:
        """Run one SQL statement."""
        return self._submit(context, params, [params["Sql"]], batch=False)

    def BatchExecuteStatement(self, context: RequestContext, params: Params) -> Answer:
        """Run up to 40 SQL statements in one transaction."""
        if params.get("ExecutionMode", "TRANSACTION") != "TRANSACTION":
            raise _invalid(f"ExecutionMode {params['ExecutionMode']} is not supported by the local Redshift Data API.")
        return self._submit(context, params, params["Sqls"], batch=True)

    def DescribeStatement(self, _context: RequestContext, params: Params) -> Answer:
        """Describe the progress and the result of a statement."""
        record = self._awaited(params)
        answer = {
            "Id": record.id,
            "SecretArn": record.secret_arn,
            "DbUser": record.db_user or None,
            "Database": record.database,
            "Duration": record.duration,
            "Error": record.error,
            "Status": record.status,
            "CreatedAt": _time(record.created_at),
            "UpdatedAt": _time(record.updated_at),
            "RedshiftPid": record.pid,
            "HasResultSet": record.has_result,
            "QueryString": None if record.batch else record.query,
            "QueryParameters": record.parameters or None,
            "ResultRows": record.result_rows,
            "ResultSize": record.result_size,
            "RedshiftQueryId": 0 if record.batch else record.query_id,
            "WorkgroupName": record.workgroup,
            "ResultFormat": "JSON",
        }
        if record.batch:
            answer["ExecutionMode"] = "TRANSACTION"
            answer["SubStatements"] = [
                _given(
                    {
                        "Id": child.id,
                        "Duration": child.duration,
                        "Error": child.error,
                        "Status": child.status,
                        "CreatedAt": _time(child.created_at),
                        "UpdatedAt": _time(child.updated_at),
                        "QueryString": child.query,
                        "ResultRows": child.result_rows,
                        "ResultSize": child.result_size,
                        "RedshiftQueryId": child.query_id,
                        "HasResultSet": child.has_result,
                    }
                )
                for child in self._store.children(record.id)
            ]
        return _given(answer)

    def GetStatementResult(self, _context: RequestContext, params: Params) -> Answer:
        """Return a page of a statement's result rows."""
        record = self._awaited(params)
        if not record.has_result or record.columns is None:
            raise AwsError(
                "ResourceNotFoundException",
                "Query does not have result. Please check query status with DescribeStatement.",
                ResourceId=record.id,
            )
        page = _read_token(params.get("NextToken"), record.id)
        types = [column["typeName"] for column in record.columns]
        rows = self._store.page(record.id, page)
        answer: Answer = {
            "ColumnMetadata": record.columns,
            "Records": [[field(name, value) for name, value in zip(types, row, strict=True)] for row in rows],
            "TotalNumRows": record.result_rows,
        }
        if (page + 1) * PAGE_ROWS < record.result_rows:
            answer["NextToken"] = _token(record.id, page + 1)
        return answer

    def CancelStatement(self, _context: RequestContext, params: Params) -> Answer:
        """Cancel a statement or a batch that has not ended."""
        record = self._found(params["Id"])
        if record.parent:
            raise _invalid("Only a whole batch can be cancelled, not one of its statements.")
        with self._changed:
            execution = self._executions.get(record.id)
        if execution is None or not record.active:
            status = self._found(record.id).status
            raise _invalid(f"Could not cancel a query that is already in {status} state with ID: {record.id}")
        execution.cancel()
        return {"Status": True}

    def ListStatements(self, context: RequestContext, params: Params) -> Answer:
        """Return the caller's statements of the last 24 hours, newest first. A role's sessions share their list.

        "By default, only finished statements are shown."
        https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_ListStatements.html
        """
        self._refuse_cluster(params)
        caller = self._userid_of(context)
        mine = _role_of if params.get("RoleLevel", True) else str
        status = params.get("Status", "FINISHED")
        found = [
            record
            for record in self._store.recent()
            if mine(record.owner) == mine(caller)
            and status in {"ALL", record.status}
            and (record.name or "").startswith(params.get("StatementName", ""))
            and params.get("Database", record.database) == record.database
            and self._same_workgroup(params.get("WorkgroupName", record.workgroup), record.workgroup)
        ]
        rows, token = _page(found, params, "statements", MAX_LIST_RESULTS)
        statements = [
            _given(
                {
                    "Id": record.id,
                    "QueryString": record.query,
                    "QueryStrings": record.batch,
                    "SecretArn": record.secret_arn,
                    "Status": record.status,
                    "StatementName": record.name,
                    "CreatedAt": _time(record.created_at),
                    "UpdatedAt": _time(record.updated_at),
                    "QueryParameters": record.parameters or None,
                    "IsBatchStatement": record.batch is not None,
                    "ResultFormat": "JSON",
                }
            )
            for record in rows
        ]
        return _given({"Statements": statements, "NextToken": token})

    def _same_workgroup(self, one: str, other: str) -> bool:
        """Return whether two names or ARNs are of the same workgroup."""
        return one == other or self._workgroup_arn(one) == self._workgroup_arn(other) is not None

    # The catalog

    def ListDatabases(self, context: RequestContext, params: Params) -> Answer:
        """Return the databases of the warehouse."""
        self._check_target(context, params)
        self._check_database(params["Database"])
        rows, token = _page(self._warehouse.databases(), params, "databases", MAX_TABLE_RESULTS)
        return _given({"Databases": rows, "NextToken": token})

    def ListSchemas(self, context: RequestContext, params: Params) -> Answer:
        """Return the schemas of a database."""
        found = self._query_catalog(
            context, params, "SELECT nspname FROM pg_namespace WHERE nspname LIKE %s ORDER BY 1", "SchemaPattern"
        )
        names = [
            row[0] for row in found if row[0] not in OWN_SCHEMAS and not row[0].startswith(("pg_toast", "pg_temp"))
        ]
        rows, token = _page(names, params, "schemas", MAX_TABLE_RESULTS)
        return _given({"Schemas": rows, "NextToken": token})

    def ListTables(self, context: RequestContext, params: Params) -> Answer:
        """Return the tables and views of a database."""
        found = self._query_catalog(
            context,
            params,
            "SELECT n.nspname, c.relname, c.relkind FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'v', 'm') AND n.nspname LIKE %s AND c.relname LIKE %s ORDER BY 1, 2",
            "SchemaPattern",
            "TablePattern",
        )
        kinds = {"r": "TABLE", "v": "VIEW", "m": "VIEW"}
        tables = [
            {
                "name": name,
                "type": f"SYSTEM {kinds[kind]}" if schema in _SYSTEM_SCHEMAS else kinds[kind],
                "schema": schema,
            }
            for schema, name, kind in found
            if schema not in {*OWN_SCHEMAS, "pg_toast"}
        ]
        rows, token = _page(tables, params, "tables", MAX_TABLE_RESULTS)
        return _given({"Tables": rows, "NextToken": token})

    def DescribeTable(self, context: RequestContext, params: Params) -> Answer:
        """Return the columns of a table."""
        if not params.get("Table"):
            raise _invalid("Table is required by the local Redshift Data API.")
        database = self._catalog_database(context, params)
        name = sql.SQL("{}").format(sql.Identifier(params.get("Schema", "public"), params["Table"]))
        columns: list[Answer] = []
        with self._warehouse.connect(database, cursor_factory=psycopg.RawCursor) as connection:
            try:
                cursor = connection.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(name))
            except psycopg.errors.UndefinedTable:
                cursor = None
            if cursor is not None and cursor.pgresult is not None:
                columns = read_result(connection, cursor.pgresult).columns
        rows, token = _page(columns, params, "columns", MAX_TABLE_RESULTS)
        return _given({"TableName": params["Table"], "ColumnList": rows, "NextToken": token})

    # Submission of statements

    def _submit(self, context: RequestContext, params: Params, statements: list[str], *, batch: bool) -> Answer:
        for name in ("SessionId", "SessionKeepAliveSeconds"):
            if params.get(name):
                raise _invalid(f"{name}: sessions are not supported by the local Redshift Data API.")
        if params.get("WithEvent"):
            raise _invalid("WithEvent is not supported by the local Redshift Data API: it has no EventBridge.")
        if params.get("ResultFormat", "JSON") != "JSON":
            raise _invalid(f"ResultFormat {params['ResultFormat']} is not supported by the local Redshift Data API.")
        user, valid = self._check_target(context, params)
        if not params.get("Database"):
            raise _invalid("Database name is required when connecting to serverless.")
        # AWS does not document whether the limit applies to a statement of a batch or to the whole batch. The whole
        # batch is the stricter reading.
        if sum(len(text.encode()) for text in statements) > MAX_STATEMENT_BYTES:
            raise _invalid(f"Cannot process query string larger than {MAX_STATEMENT_BYTES // 1000}kB")
        parameters = params.get("Parameters", [])
        _check_statements(statements, parameters)
        records = self._records(params, statements, parameters, user, self._userid_of(context), batch=batch)
        self._store.forget_old()
        with self._changed:
            if self._closed:
                raise AwsError("InternalServerException", "The local AWS is shutting down.", 500)
            if len(self._executions) >= MAX_ACTIVE_STATEMENTS:
                raise AwsError(
                    "ActiveStatementsExceededException", "Active statements exceeded the allowed quota (500)."
                )
            known = self._store.add(records, params.get("ClientToken"))
            if known is None:
                execution = Execution(
                    self._warehouse,
                    self._s3_client_factory,
                    self._role_refusal,
                    longest_seconds=self._longest_execution(params["WorkgroupName"]),
                    history=self._history,
                    interceptor=self._interceptor,
                )
                self._executions[records[0].id] = execution
                self._workers.submit(self._work, execution, records, valid)
        if known is not None and known.fingerprint != records[0].fingerprint:
            raise _invalid("The ClientToken was already used with other parameters.")
        record = known or records[0]
        if params.get("WaitTimeSeconds"):
            record = self._wait(record.id, params["WaitTimeSeconds"])
        return _given(
            {
                "Id": record.id,
                "CreatedAt": _time(record.created_at),
                "Database": record.database,
                "DbUser": record.db_user or None,
                "SecretArn": record.secret_arn,
                "WorkgroupName": record.workgroup,
                "Status": record.status if params.get("WaitTimeSeconds") else None,
                "HasResultSet": record.has_result if params.get("WaitTimeSeconds") else None,
            }
        )

    def _records(
        self,
        params: Params,
        statements: list[str],
        parameters: list[dict[str, str]],
        user: str,
        owner: str,
        *,
        batch: bool,
    ) -> list[StatementRecord]:
        relevant = {key: params[key] for key in sorted(params) if key not in {"ClientToken", "WaitTimeSeconds"}}
        first = StatementRecord(
            id=str(uuid.uuid4()),
            database=params["Database"],
            workgroup=params["WorkgroupName"],
            query=statements[0],
            created_at=time.time(),
            secret_arn=params.get("SecretArn"),
            db_user=user,
            owner=owner,
            name=params.get("StatementName"),
            parameters=parameters,
            batch=list(statements) if batch else None,
            fingerprint=hashlib.sha256(json.dumps(relevant, default=str).encode()).hexdigest(),
        )
        if not batch:
            return [first]
        children = [
            StatementRecord(
                id=f"{first.id}:{number}",
                parent=first.id,
                database=first.database,
                workgroup=first.workgroup,
                query=text,
                created_at=first.created_at,
                db_user=user,
                owner=owner,
                parameters=parameters,
            )
            for number, text in enumerate(statements, start=1)
        ]
        return [first, *children]

    def _work(self, execution: Execution, records: list[StatementRecord], valid: bool) -> None:
        """Run a statement or a batch on a worker thread and record its progress."""
        first, children = records[0], records[1:]
        started = time.perf_counter_ns()

        def progress(record: StatementRecord, result: ResultSet | None) -> None:
            if first.batch is not None and record.status == "STARTED" and first.status != "STARTED":
                first.status, first.pid = "STARTED", record.pid
                self._store.save(first)
            # A statement is not shown as ended before its transaction has ended.
            if record is not first or record.status not in {"FINISHED", "FAILED"}:
                self._store.save(record, result)
            elif result is not None:
                self._store.save_rows(record.id, result)

        try:
            first.status = "PICKED"
            self._store.save(first)
            if not valid:
                raise StatementFailedError(f'FATAL: password authentication failed for user "{first.db_user}"')
            if first.database not in self._warehouse.databases():
                raise StatementFailedError(f'FATAL: database "{first.database}" does not exist')
            execution.run(first.id, children or [first], progress)
            first.status = "FINISHED"
            _sum_up(first, children)
        except StatementFailedError as failure:
            failed = next((number for number, child in enumerate(children, start=1) if child.status == "FAILED"), None)
            first.error = str(failure) if failed is None else f"Query #{failed} failed with {failure}"
            first.status = "FAILED"
        except CancelledError:
            first.status = "ABORTED"
        except Exception as error:
            logger.exception("statement %s failed because of an internal error of the local Redshift", first.id)
            first.status, first.error = "FAILED", f"ERROR: internal error of the local Redshift: {error!r}"
            raise
        finally:
            if first.status != "FINISHED":
                first.has_result, first.result_rows, first.result_size = False, -1, -1
            first.duration = time.perf_counter_ns() - started
            for child in children:
                if child.active:
                    child.status = "ABORTED"
                    self._store.save(child)
            self._store.save(first)
            with self._changed:
                self._executions.pop(first.id, None)
                self._changed.notify_all()

    def _settle_after_restart(self) -> None:
        """Settle the status of statements that were interrupted when the emulator was killed."""
        self._store.forget_old()
        databases = self._warehouse.databases()
        for record in self._store.unfinished():
            committed = record.database in databases and was_committed(self._warehouse, record.database, record.id)
            children = self._store.children(record.id)
            for child in children:
                if child.active:
                    child.status = "FINISHED" if committed else "ABORTED"
                    self._store.save(child)
            if committed:
                record.status = "FINISHED"
                _sum_up(record, children)
            else:
                record.status = "FAILED"
                record.error = "ERROR: the connection to the warehouse was lost because the local AWS was stopped"
            self._store.save(record)
        for database in databases:
            forget_old_runs(self._warehouse, database)

    # Checks

    @staticmethod
    def _refuse_cluster(params: Params) -> None:
        if params.get("ClusterIdentifier"):
            raise _invalid("ClusterIdentifier: the local Redshift is serverless, use WorkgroupName instead.")

    def _check_target(self, context: RequestContext, params: Params) -> tuple[str, bool]:
        """Return the database user of a request, and whether the secret's password is valid.

        Raises:
            AwsError: The workgroup or the secret does not exist, or a parameter is not allowed.
        """
        self._refuse_cluster(params)
        if params.get("DbUser"):
            raise _invalid("DbUser is not allowed with WorkgroupName: use SecretArn, or neither.")
        workgroup = params.get("WorkgroupName")
        if not workgroup:
            raise _invalid("WorkgroupName is required.")
        status = self._workgroup_status(workgroup)
        if status is None:
            raise _invalid(f"Redshift endpoint doesn't exist in this region: workgroup {workgroup}.")
        if status != "AVAILABLE":
            raise _invalid(f"Redshift workgroup {workgroup} is not available: it is {status}.")
        secret_arn = params.get("SecretArn")
        if not secret_arn:
            return self._user_without_secret(context) or "", True
        text = self._secret_lookup(context, secret_arn)
        if text is None:
            raise _invalid(f"Secrets Manager can't find the specified secret: {secret_arn}.")
        try:
            secret = json.loads(text)
            user, password = secret["username"], secret["password"]
        except (ValueError, TypeError, KeyError):
            raise _invalid(f"The secret {secret_arn} must be JSON with username and password.") from None
        return user, self._credentials_valid(workgroup, user, password)

    def _check_database(self, database: str) -> None:
        if database not in self._warehouse.databases():
            raise _invalid(f'FATAL: database "{database}" does not exist')

    def _catalog_database(self, context: RequestContext, params: Params) -> str:
        self._check_target(context, params)
        connected: str = params.get("ConnectedDatabase") or params["Database"]
        if params["Database"] != connected:
            raise _invalid("Database and ConnectedDatabase must be the same in the local Redshift.")
        self._check_database(connected)
        return connected

    def _query_catalog(
        self, context: RequestContext, params: Params, query: str, *patterns: str
    ) -> list[tuple[Any, ...]]:
        database = self._catalog_database(context, params)
        with self._warehouse.connect(database) as connection:
            try:
                return connection.execute(query.encode(), [params.get(name, "%") for name in patterns]).fetchall()
            except psycopg.DataError as error:
                raise _invalid(redshift_error(error)) from None

    def _found(self, statement_id: str) -> StatementRecord:
        record = self._store.get(statement_id)
        if record is None:
            raise AwsError("ResourceNotFoundException", "Query does not exist.", ResourceId=statement_id)
        return record

    def _awaited(self, params: Params) -> StatementRecord:
        record = self._found(params["Id"])
        return self._wait(record.id, params["WaitTimeSeconds"]) if params.get("WaitTimeSeconds") else record

    def _wait(self, statement_id: str, seconds: int) -> StatementRecord:
        """Return a statement when it has ended, or its current state after the timeout."""
        whole = statement_id.partition(":")[0]
        with self._changed:
            self._changed.wait_for(lambda: whole not in self._executions, timeout=seconds)
        return self._found(statement_id)


def _role_of(userid: str) -> str:
    return userid.partition(":")[0]


def _sum_up(batch: StatementRecord, children: list[StatementRecord]) -> None:
    if children:
        batch.has_result = any(child.has_result for child in children)
        batch.result_rows = sum(child.result_rows for child in children)
        batch.result_size = sum(child.result_size for child in children)


def _check_statements(statements: list[str], parameters: list[dict[str, str]]) -> None:
    names = [parameter["name"].lower() for parameter in parameters]
    if len(set(names)) != len(names):
        raise _invalid("Parameters must have different names.")
    used: set[str] = set()
    for text in statements:
        try:
            parts = split_statements(text)
        except SqlNotSupported:
            continue  # the statement fails when it runs, with the same message
        if len(parts) > 1:
            raise _invalid("Multiple SQL statements in one string are not supported.")
        used |= {name.lower() for part in parts for name in parameter_names(part)}
    if unused := [name for name in names if name not in used]:
        raise _invalid(f"Parameters list contains unused parameters. Unused parameters: {unused}")
    if names and (missing := sorted(used - set(names))):
        raise _invalid(f"Parameters list contains too few parameters. Missing parameters: {missing}")
    for parameter in parameters:
        if parameter["value"] == "":
            raise _invalid(f"The value of parameter {parameter['name']} must not be empty.")


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


def _time(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def _given(answer: Answer) -> Answer:
    return {name: value for name, value in answer.items() if value is not None}


def _token(what: str, start: int) -> str:
    return base64.urlsafe_b64encode(f"{what}|{start}".encode()).decode()


def _read_token(token: str | None, what: str) -> int:
    if not token:
        return 0
    try:
        owner, _bar, start = base64.urlsafe_b64decode(token.encode()).decode().rpartition("|")
        if owner == what:
            return int(start)
    except ValueError:
        pass
    raise _invalid("Invalid NextToken.")


def _page(rows: list[Any], params: Params, what: str, most: int) -> tuple[list[Any], str | None]:
    """Return one page of a list, and the token of the next page."""
    size = params.get("MaxResults") or most
    if not 0 <= size <= most:
        raise _invalid(f"MaxResults must be between 0 and {most}.")
    start = _read_token(params.get("NextToken"), what)
    end = start + size
    return rows[start:end], _token(what, end) if end < len(rows) else None
