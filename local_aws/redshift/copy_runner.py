"""Runs COPY statements and records them for SYS_LOAD_HISTORY and SYS_LOAD_ERROR_DETAIL."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import psycopg

from local_aws.redshift.error_messages import redshift_error
from local_aws.redshift.load import CopyError, DatabaseUser, Loaded, S3ClientFactory, load_parquet
from local_aws.redshift.sql import Statement
from local_aws.redshift.statement_store import StatementRecord
from local_aws.redshift.warehouse import Warehouse

RoleRefusal = Callable[[DatabaseUser, str], str | None]
"""Takes the user of a COPY and a role's ARN and returns why the COPY cannot read with the role, or None."""


class CopyRunner:
    """Runs COPY statements.

    Args:
        warehouse: The warehouse that stores the history.
        s3_client_factory: Returns the S3 client for the role of a COPY.
        role_refusal: Takes the user of a COPY and a role's ARN and returns why the COPY cannot read with the role, in
            Redshift's words, or None.
    """

    def __init__(self, warehouse: Warehouse, s3_client_factory: S3ClientFactory, role_refusal: RoleRefusal) -> None:
        self._warehouse = warehouse
        self._s3_client_factory = s3_client_factory
        self._role_refusal = role_refusal

    def run(
        self,
        connection: psycopg.Connection[Any],
        statement: Statement,
        record: StatementRecord,
        stop: Callable[[], bool],
    ) -> int:
        """Run a COPY in the connection's transaction and return the number of loaded rows.

        Args:
            connection: A connection with an open transaction, whose cursors are psycopg's RawCursor.
            statement: The COPY.
            record: The statement, for its user and its query id.
            stop: Called between batches of rows. If it returns true, the load ends with an error.

        Raises:
            CopyError: The load failed.
        """
        copy = statement.copy
        assert copy is not None  # noqa: S101 - the caller's condition, for the type checker
        started = time.time()
        try:
            user = DatabaseUser(record.workgroup, record.db_user or None)
            refusal = self._role_refusal(user, copy.role_arn)
            if refusal is not None:
                raise CopyError(refusal, code=8001)
            loaded = load_parquet(
                connection,
                copy,
                self._s3_client_factory(user, copy.role_arn),
                stop=stop,
            )
        except CopyError as error:
            self._record_load(record, statement, started, None, error, aborted=stop())
            raise
        except psycopg.Error as error:
            self._record_load(
                record, statement, started, None, CopyError(redshift_error(error, copy.table)), aborted=stop()
            )
            raise
        connection.execute(
            "SELECT set_config('redshift.last_copy_count', $1, false), set_config('redshift.last_copy_id', $2, false)",
            [str(loaded.rows), str(record.query_id)],
        )
        self._record_load(record, statement, started, loaded, None)
        return loaded.rows

    def _record_load(
        self,
        record: StatementRecord,
        statement: Statement,
        started: float,
        loaded: Loaded | None,
        error: CopyError | None,
        *,
        aborted: bool = False,
    ) -> None:
        """Write SYS_LOAD_HISTORY and SYS_LOAD_ERROR_DETAIL outside the transaction, so that both survive a failure."""
        copy = statement.copy
        assert copy is not None  # noqa: S101
        ended = time.time()
        done = loaded or Loaded(0, 0, 0)
        status = "completed" if error is None else "aborted" if aborted else "failed"
        with self._warehouse.connect(record.database, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO redshift_records.load_history VALUES (100, %s, NULL, %s, %s, %s,"
                " to_timestamp(%s) AT TIME ZONE 'UTC', to_timestamp(%s) AT TIME ZONE 'UTC', %s, %s, 'parquet',"
                " %s, %s, %s, %s, %s, %s, NULL, %s, %s)",
                [record.query_id, record.pid, record.database, copy.table, started, ended, int((ended - started) * 1e6),
                 status,
                 done.rows, done.size, done.files, done.size, done.files, int(error is not None), copy.source,
                 error.message if error else None],
            )  # fmt: skip
            if error is not None:
                connection.execute(
                    "INSERT INTO redshift_records.load_error_detail VALUES (100, %s, NULL, %s, %s,"
                    " to_timestamp(%s) AT TIME ZONE 'UTC', NULL, %s, NULL, %s, %s, NULL, NULL, %s, %s)",
                    [record.query_id, record.pid, record.database, started, error.file, error.column, error.column_type,
                     error.code, error.message],
                )  # fmt: skip
