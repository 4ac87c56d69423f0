"""Runs statements on the warehouse in one transaction, with Redshift's rules for writers of the same table.

Redshift Serverless uses snapshot isolation. Writers of one table wait for each other. If a writer that changes rows
(UPDATE, DELETE, MERGE) finds that another write was committed after its own snapshot, it is aborted with error 1023.
Pure appends (INSERT, COPY) continue. PostgreSQL's REPEATABLE READ alone would miss two MERGEs that both insert a row
with the same key. So every writer locks its table and records its transaction's id in
``redshift_records.table_writes``. A writer that changes rows then reads that table outside its own snapshot.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal, NoReturn

import psycopg
from psycopg import generators, pq
from psycopg.pq.abc import PGresult

from local_aws.redshift.cancellation import Cancellation
from local_aws.redshift.catalog import columns_of
from local_aws.redshift.copy_runner import CopyRunner, RoleRefusal
from local_aws.redshift.error_messages import aborted_by_monitoring, isolation_violation, redshift_error
from local_aws.redshift.load import CopyError, S3ClientFactory
from local_aws.redshift.query_history import QueryHistory
from local_aws.redshift.remembered import Translations
from local_aws.redshift.result_columns import ResultSet, read_result
from local_aws.redshift.sql import SqlNotSupported, Statement, WriteTarget
from local_aws.redshift.statement_store import StatementRecord
from local_aws.redshift.statement_text import quoted
from local_aws.redshift.types import SqlType
from local_aws.redshift.warehouse import Warehouse

BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ"
"""Begins a transaction in PostgreSQL, whose REPEATABLE READ is Redshift's snapshot isolation."""

_TRANSLATIONS = Translations()

Progress = Callable[[StatementRecord, ResultSet | None], None]
"""Called on every change of a statement."""

StatementInterceptor = Callable[[Sequence[StatementRecord], int, Literal["before", "committed"]], None]
"""Called with the statements of a transaction, before each of them (with its index) and after the commit (with the last
index). For harnesses that inject faults, a StatementFailedError becomes the statement's own error."""


class StatementFailedError(Exception):
    """A statement failed. The message is Redshift's, and the transaction is rolled back."""


class CancelledError(Exception):
    """The statement was cancelled before or while it ran."""


class Execution:
    """One run of a statement or a batch. ``cancel`` may be called from another thread.

    Args:
        warehouse: The warehouse that executes it.
        s3_client_factory: Returns the S3 client for the role of a COPY.
        role_refusal: Takes the user of a COPY and a role's ARN and returns why the COPY cannot read with the role, in
            Redshift's words, or None.
        longest_seconds: Seconds after which a statement is aborted (max_query_execution_time), for each statement of a
            batch.
        history: Records the statements that have ended for SYS_QUERY_HISTORY.
        interceptor: See StatementInterceptor.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        s3_client_factory: S3ClientFactory,
        role_refusal: RoleRefusal,
        *,
        longest_seconds: float,
        history: QueryHistory,
        interceptor: StatementInterceptor | None = None,
    ) -> None:
        self._warehouse = warehouse
        self._copies = CopyRunner(warehouse, s3_client_factory, role_refusal)
        self._longest_seconds = longest_seconds
        self._history = history
        self._interceptor = interceptor
        self._cancellation = Cancellation()
        self._ended: list[tuple[StatementRecord, float, float, bool]] = []

    def cancel(self) -> None:
        """End the run: cancel the current statement, and do not start the remaining ones."""
        self._cancellation.cancel()

    def run(self, commit_id: str, records: list[StatementRecord], progress: Progress) -> None:
        """Run statements in sequence in one transaction and commit it.

        Args:
            commit_id: Stored by the transaction, see ``was_committed``.
            records: The statements, all for the same database.
            progress: Called when a statement starts and ends.

        Raises:
            StatementFailedError: A statement failed. Its status is FAILED.
            CancelledError: ``cancel`` was called.
        """
        database = records[0].database
        try:
            connection = self._warehouse.session(database)
        except psycopg.OperationalError as error:
            reason = str(error).strip().splitlines()[-1].rpartition("FATAL:")[2].strip()
            self._fail(records[0], f"FATAL: {reason}", progress)
        if not self._cancellation.attach(connection):
            connection.close()
            raise CancelledError
        try:
            connection.autocommit = True
            transaction = Transaction(connection, self._warehouse, database, alone=len(records) == 1)
            changes = False
            for number, record in enumerate(records):
                statement = self._run_one(
                    transaction, record, progress, partial(self._intercept, records, number, "before")
                )
                changes |= statement.calls or not statement.returns_rows
                if statement.commits:
                    transaction.commit()
            if not self._cancellation.release():  # the commit below is not interrupted
                raise CancelledError
            if changes or len(records) > 1:  # a single query changes nothing
                connection.execute(
                    "INSERT INTO redshift_records.committed_statements (statement_id) VALUES ($1)", [commit_id]
                )
            connection.commit()
            self._intercept(records, len(records) - 1, "committed")
        except _InjectedError as failure:
            self._fail(failure.record, str(failure), progress)
        except psycopg.Error as error:
            if self._cancellation.requested:
                raise CancelledError from None
            self._fail(records[-1], redshift_error(error), progress)
        finally:
            self._cancellation.release()
            connection.close()
            # The transaction's locks are gone, so this waits for nothing.
            for record, began, ended, cancelled in self._ended:
                self._history.add(record, began, ended, cancelled=cancelled)

    def _run_one(
        self, transaction: Transaction, record: StatementRecord, progress: Progress, intercept: Callable[[], None]
    ) -> Statement:
        if self._cancellation.requested:
            raise CancelledError
        began = time.time()
        try:
            return self._run_recorded(transaction, record, progress, intercept)
        finally:
            self._ended.append((record, began, time.time(), self._cancellation.stops()))

    def _run_recorded(
        self, transaction: Transaction, record: StatementRecord, progress: Progress, intercept: Callable[[], None]
    ) -> Statement:
        record.status, record.pid = "STARTED", transaction.connection.info.backend_pid
        progress(record, None)
        intercept()
        started = time.perf_counter_ns()
        result: ResultSet | None = None
        try:
            statement = _TRANSLATIONS.translate(record.query, transaction.columns_of)
            answer = transaction.run(
                statement, record, _arguments(statement, record), copies=self._copies, cancellation=self._cancellation,
                longest_seconds=self._longest_seconds,
            )  # fmt: skip
            if answer is not None and statement.returns_rows and answer.nfields > 0:
                result = read_result(transaction.connection, answer)
        except (StatementError, SqlNotSupported, psycopg.Error) as error:
            failure = error if isinstance(error, StatementError) else statement_error(error, None)
            if self._cancellation.requested and failure.code != REFUSED:
                raise CancelledError from None
            self._fail(record, failure.message, progress, started)
        record.duration = time.perf_counter_ns() - started
        record.has_result = result is not None
        record.result_rows = max(record.result_rows, 0)
        record.result_size = result.size if result is not None else 0
        if result is not None:
            record.columns = result.columns
            record.result_rows = len(result.rows)
        record.status = "FINISHED"
        progress(record, result)
        return statement

    def _intercept(
        self, records: Sequence[StatementRecord], number: int, moment: Literal["before", "committed"]
    ) -> None:
        if self._interceptor is not None:
            try:
                self._interceptor(records, number, moment)
            except StatementFailedError as failure:
                raise _InjectedError(records[number], str(failure)) from failure

    @staticmethod
    def _fail(record: StatementRecord, message: str, progress: Progress, started: int | None = None) -> NoReturn:
        record.status, record.error = "FAILED", message
        record.duration = time.perf_counter_ns() - started if started is not None else 0
        progress(record, None)
        raise StatementFailedError(message)


REFUSED = "0A000"
"""PostgreSQL's code for a feature that is not supported."""

_CANCELLED = "57014"


class StatementError(Exception):
    """A statement failed.

    Attributes:
        code: PostgreSQL's five-character code.
        message: Redshift's message, which begins with ``ERROR:``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def statement_error(error: Exception, statement: Statement | None) -> StatementError:
    """Return the error of a statement for an exception that running or translating it raised."""
    match error:
        case psycopg.Error():
            table = statement.writes.name if statement is not None and statement.writes is not None else None
            return StatementError(error.sqlstate or "XX000", redshift_error(error, table))
        case OvertakenError():
            return StatementError("40001", str(error))
        case SqlNotSupported():
            return StatementError(REFUSED, f"ERROR: {error}")
    return StatementError("XX000", f"ERROR: {error}")


@dataclasses.dataclass(frozen=True)
class Arguments:
    """The arguments of a statement, in the order of its parameters.

    Attributes:
        values: The values, in PostgreSQL's text or binary format.
        types: Their types' OIDs; 0 or nothing for types that PostgreSQL infers.
        formats: Their formats, 0 for text; nothing if all are text.
        result_format: The format in which the result is returned.
    """

    values: Sequence[bytes | None] = ()
    types: Sequence[int] = ()
    formats: Sequence[int] = ()
    result_format: int = 0


def _arguments(statement: Statement, record: StatementRecord) -> Arguments:
    values = {parameter["name"].lower(): parameter["value"] for parameter in record.parameters}
    for name in statement.parameters:
        if name.lower() not in values:
            raise SqlNotSupported(f'syntax error at or near ":": no value for the parameter {name}')
    return Arguments([values[name.lower()].encode() for name in statement.parameters])


class _InjectedError(Exception):
    """An interceptor made a statement fail."""

    def __init__(self, record: StatementRecord, message: str) -> None:
        super().__init__(message)
        self.record = record


class OvertakenError(Exception):
    """Another transaction changed the table after our snapshot. The message is Redshift's."""


class RethrownError(Exception):
    """A procedure handled an error. Redshift commits what the handler did, and throws the error again."""


class Transaction:
    """A transaction on the warehouse, whose statements follow Redshift's rules for locks and snapshots.

    Args:
        connection: A connection in autocommit mode, whose cursors are psycopg's RawCursor.
        warehouse: Its warehouse.
        database: The name of its database.
        alone: Whether the transaction has one statement only.
    """

    def __init__(
        self, connection: psycopg.Connection[Any], warehouse: Warehouse, database: str, *, alone: bool
    ) -> None:
        self.connection = connection
        self._warehouse = warehouse
        self._database = database
        self._alone = alone
        self._snapshot: str | None = None
        self._exists_already = False
        self._timeout_seconds = 0.0

    def begin(self) -> None:
        """Begin the transaction, unless it has begun."""
        if self.connection.info.transaction_status == pq.TransactionStatus.IDLE:
            self.connection.execute(BEGIN.encode())

    def run(
        self,
        statement: Statement,
        record: StatementRecord,
        arguments: Arguments,
        *,
        copies: CopyRunner,
        cancellation: Cancellation,
        longest_seconds: float,
    ) -> PGresult | None:
        """Run a statement, and return PostgreSQL's result, if it has one.

        Args:
            statement: The statement.
            record: Its record, whose number of changed rows is set.
            arguments: The values of its parameters.
            copies: Runs a COPY.
            cancellation: Can cancel the statement. It is attached to the transaction's connection.
            longest_seconds: Seconds after which the statement is aborted (max_query_execution_time).

        Raises:
            StatementError: The statement failed. The transaction is not rolled back.
        """
        result = None
        try:
            with cancellation.time_limit(longest_seconds):
                self.begin()
                self._prepare(statement, record)
                if statement.copy is not None:
                    ends = time.monotonic() + (self._timeout_seconds or math.inf)
                    record.result_rows = copies.run(
                        self.connection, statement, record, lambda: cancellation.stops() or time.monotonic() > ends
                    )
                elif statement.text:
                    result = self._execute(statement, arguments)
                    record.result_rows = 0 if result.nfields else result.command_tuples or 0
                self._follow_up(statement)
        except RethrownError as error:
            self.commit()
            raise statement_error(error, statement) from None
        except (SqlNotSupported, OvertakenError) as error:
            raise statement_error(error, statement) from None
        except (CopyError, psycopg.Error) as error:
            if not cancellation.stops():
                raise statement_error(error, statement) from None
            if not cancellation.overran:
                raise StatementError(_CANCELLED, "ERROR: Query cancelled on user's request") from None
        if cancellation.overran:  # even if the statement ended while it was being cancelled
            raise StatementError(_CANCELLED, aborted_by_monitoring(record.query_id, "max_query_execution_time"))
        return result

    def _prepare(self, statement: Statement, record: StatementRecord) -> None:
        """Create the types that the statement needs, and lock the table that it writes."""
        if not statement.in_transaction and not self._alone:
            word = record.query.split(None, 1)[0].upper()
            raise SqlNotSupported(f"{word} cannot run inside a transaction block (a batch is one transaction)")
        self._ensure_text_types(statement)
        if not statement.takes_snapshot:
            return
        target = statement.writes
        if target is None or not (self._alone and target.appends):
            # A single append first waits for the lock and then takes its snapshot. Everything else takes it first.
            self._take_snapshot()
        if target is not None:
            self._lock_for_writing(target)
        if statement.source is not None:
            self._check_source(statement.source)
        if statement.creates is not None:  # CREATE TABLE IF NOT EXISTS leaves a table that exists as it is
            row = self.connection.execute("SELECT to_regclass($1)", [quoted(*statement.creates)]).fetchone()
            self._exists_already = row is not None and row[0] is not None
        row = self.connection.execute(
            "SELECT set_config('redshift.last_query_id', $1, false), set_config('redshift.user', $2, false),"
            " coalesce(nullif(current_setting('redshift.query_group', true), ''), 'default'),"
            " extract(epoch FROM current_setting('statement_timeout')::interval)::float8",
            [str(record.query_id), record.db_user],
        ).fetchone()
        if row is not None:
            record.query_label, self._timeout_seconds = row[2:]

    def columns_of(self, schema: str | None, table: str) -> Mapping[str, SqlType | None] | None:
        """Return the types of a table's columns, or None if there is no such table.

        A single statement reads them on another connection, because a query here would take the snapshot before the
        statement has waited for its locks. In a batch, only this transaction sees its temporary tables.
        """
        if not self._alone or self._snapshot is not None:
            return columns_of(self.connection, schema, table)
        with self._warehouse.observer(self._database) as observer:
            return columns_of(observer, schema, table)

    def commit(self) -> None:
        """Commit. The next statement begins a new transaction."""
        self.connection.commit()
        self._snapshot = None

    def _execute(self, statement: Statement, arguments: Arguments) -> PGresult:
        formats = arguments.formats or [0] * len(arguments.values)
        if any(
            value and not binary and b"\0" in value for value, binary in zip(arguments.values, formats, strict=True)
        ):
            raise SqlNotSupported('invalid byte sequence for encoding "UTF8": 0x00')  # libpq would cut the text there
        pgconn = self.connection.pgconn
        pgconn.send_query_params(
            statement.text.encode(), arguments.values, arguments.types or None, formats,
            arguments.result_format,
        )  # fmt: skip
        results: list[PGresult] = self.connection.wait(
            generators.execute(pgconn)
        )  # unlike exec_params, it can be cancelled
        if results[-1].status not in {pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK}:
            raise psycopg.errors.error_from_result(results[-1])
        return results[-1]

    def _follow_up(self, statement: Statement) -> None:
        """Do what belongs to a statement after it has run: zone maps, and the error that a procedure handled.

        Raises:
            RethrownError: A procedure handled an error. The caller must commit and then report the error.
            SqlNotSupported: The same inside a longer transaction, which Redshift would have rolled back before.
        """
        if statement.creates is not None and not self._exists_already:
            self.connection.execute(
                "SELECT redshift.add_zone_maps($1::regclass, $2::text[])",
                [quoted(*statement.creates), list(statement.zone_map)],
            )
        if statement.writes is not None and not statement.commits:
            name = quoted(statement.writes.schema, statement.writes.name)
            self.connection.execute("SELECT redshift.extend_zone_maps($1::regclass)", [name])
        if statement.calls:
            row = self.connection.execute("SELECT current_setting('redshift.rethrown', true)").fetchone()
            if row is not None and row[0]:
                if self._alone:
                    raise RethrownError(row[0])
                raise SqlNotSupported(
                    "a procedure handled an error inside a longer transaction, which the local Redshift cannot roll "
                    f"back before the handler as Redshift does: call it in a statement of its own ({row[0]})"
                )

    def _check_source(self, source: WriteTarget) -> None:
        row = self.connection.execute(
            "SELECT relkind IN ('v', 'm') FROM pg_class WHERE oid = to_regclass($1)",
            [quoted(source.schema, source.name)],
        ).fetchone()
        if row is not None and row[0]:
            raise SqlNotSupported("MERGE: the source must be a table, not a view")

    def _take_snapshot(self) -> None:
        if self._snapshot is None:
            row = self.connection.execute("SELECT pg_current_snapshot()::text").fetchone()
            self._snapshot = row[0] if row else None

    def _lock_for_writing(self, target: WriteTarget) -> None:
        name = quoted(target.schema, target.name)
        self.connection.execute(f"LOCK TABLE {name} IN SHARE ROW EXCLUSIVE MODE".encode())
        row = self.connection.execute(
            "INSERT INTO redshift_records.table_writes (table_id, writer) VALUES ($1::regclass, pg_current_xact_id())"
            " RETURNING table_id, (SELECT relkind FROM pg_class WHERE oid = table_id)",
            [name],
        ).fetchone()
        if row is not None and row[1] == "v":  # https://docs.aws.amazon.com/redshift/latest/dg/r_CREATE_VIEW.html
            raise SqlNotSupported(f'"{target.name}" is a view: its rows cannot be changed, change its tables instead')
        if row is not None and not target.appends:
            with self._warehouse.observer(self._database) as observer:
                overtaken = observer.execute(
                    "SELECT 1 FROM redshift_records.table_writes"
                    " WHERE table_id = $1 AND NOT pg_visible_in_snapshot(writer, $2::pg_snapshot) LIMIT 1",
                    [row[0], self._snapshot],
                ).fetchone()
            if overtaken:
                raise OvertakenError(isolation_violation(target.name))

    def _ensure_text_types(self, statement: Statement) -> None:
        # On a separate connection: inside the transaction, a new type would block every other statement that needs it.
        if statement.text_types:
            with self._warehouse.observer(self._database) as observer:
                for kind, length in sorted(statement.text_types):
                    observer.execute("SELECT redshift.ensure_text_type($1, $2)", [kind, length])


def was_committed(warehouse: Warehouse, database: str, commit_id: str) -> bool:
    """Return whether the transaction of a run was committed. Call this after a restart."""
    with warehouse.connect(database, autocommit=True) as connection:
        found = connection.execute(
            "SELECT 1 FROM redshift_records.committed_statements WHERE statement_id = %s", [commit_id]
        ).fetchone()
    return found is not None


def forget_old_runs(warehouse: Warehouse, database: str) -> None:
    """Delete records that only running transactions need, and old history. Call this when none is running.

    Redshift keeps seven days of history: https://docs.aws.amazon.com/redshift/latest/dg/c_intro_STL_tables.html
    """
    with warehouse.connect(database, autocommit=True) as connection:
        connection.execute("DELETE FROM redshift_records.table_writes")
        connection.execute(
            "DELETE FROM redshift_records.committed_statements"
            " WHERE committed_at < clock_timestamp() - interval '1 day'"
        )
        connection.execute(
            "DELETE FROM redshift_records.query_history WHERE start_time < clock_timestamp() - interval '7 days';"
            "DELETE FROM redshift_records.load_history WHERE start_time < clock_timestamp() - interval '7 days';"
            "DELETE FROM redshift_records.load_error_detail WHERE start_time < clock_timestamp() - interval '7 days'"
        )
