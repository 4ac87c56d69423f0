"""Airflow's metadata database: its own PostgreSQL, migrated once per version of Airflow."""

from __future__ import annotations

import importlib.metadata
import subprocess
from collections.abc import Mapping
from pathlib import Path

from psycopg import sql

from local_aws import child_process
from local_aws.redshift.warehouse import Warehouse
from local_platform.airflow_environment import airflow_python

DATABASE = "airflow"
_MIGRATE_SECONDS = 300
_STOP_SECONDS = 10


class MetadataDatabase:
    """The database's server; a context manager.

    Args:
        folder: The server's folder, which is created if it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        # This class can also serve a plain PostgreSQL database.
        self._server = Warehouse(folder)

    def __enter__(self) -> MetadataDatabase:
        self._server.start()
        self._server.ensure_plain_database(DATABASE)
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.stop()

    @property
    def url(self) -> str:
        """The URL for SQLAlchemy. psycopg 3 supports both synchronous and asynchronous engines."""
        return self._server.connection_url(DATABASE, "postgresql+psycopg")

    def migrate(self, environment: Mapping[str, str], log: Path) -> bool:
        """Migrate the tables to the installed version of Airflow; return whether a migration was necessary.

        Args:
            environment: Airflow's environment.
            log: File for the output of the migration.

        Raises:
            RuntimeError: The migration failed; the message has the end of its log.
            TimeoutError: The migration timed out.
        """
        wanted = f"migrated for Airflow {importlib.metadata.version('apache-airflow-core')}"
        with self._server.connect(DATABASE, autocommit=True) as connection:
            found = connection.execute(
                "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", [DATABASE]
            ).fetchone()
            if found is not None and found[0] == wanted:
                return False
            self._run_migration(environment, log)
            # Written last, so that an interrupted migration is repeated.
            connection.execute(
                sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(DATABASE), sql.Literal(wanted))
            )
        return True

    @staticmethod
    def _run_migration(environment: Mapping[str, str], log: Path) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("")
        process = child_process.start(
            airflow_python("-m", "airflow", "db", "migrate"),
            environment=environment,
            log=log,
            directory=Path(environment["AIRFLOW_HOME"]),
        )
        try:
            exit_code = process.wait(_MIGRATE_SECONDS)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"airflow db migrate did not finish within {_MIGRATE_SECONDS} s; see {log}") from None
        finally:
            child_process.stop(process, _STOP_SECONDS)
        if exit_code != 0:
            end = "\n".join(log.read_text(errors="replace").rstrip().splitlines()[-25:])
            raise RuntimeError(f"airflow db migrate exited with {exit_code}:\n{end}")
