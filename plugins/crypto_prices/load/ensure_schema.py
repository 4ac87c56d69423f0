"""Brings the warehouse's schema up to date with the migrations in sql/migrations/."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import AirflowFailException

from crypto_prices.aws.redshift_data import RedshiftStatementError
from crypto_prices.aws.warehouse_operator import WarehouseOperator
from crypto_prices.load.migrations import Migration, MigrationError, pending_migrations, read_migrations

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class EnsureSchemaOperator(WarehouseOperator):
    """Applies the migrations that the warehouse has not seen, each in a transaction with its own bookkeeping row.

    The statements of the bookkeeping are those of ``schema/`` in the DAG's ``template_searchpath``.

    Args:
        migrations_folder: Folder of the ``NNN_*.sql`` files. The first two create the schema and
            ``crypto.schema_migrations`` itself and can be run again.
    """

    template_fields: Sequence[str] = aws_template_fields("migrations_folder")
    bookkeeping_versions = (1, 2)

    def __init__(self, *, migrations_folder: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.migrations_folder = migrations_folder

    def execute(self, context: Context) -> list[str]:
        """Return the names of the migrations that were applied now.

        Raises:
            AirflowFailException: The files do not fit each other or what was applied.
            RedshiftStatementError: A migration failed; it has no effect then, and those before it stay.
        """
        try:
            migrations = read_migrations(Path(self.migrations_folder))
            pending = pending_migrations(migrations, self._applied(migrations))
        except MigrationError as error:
            raise AirflowFailException(str(error)) from error
        applied = [migration.name for migration in pending if self._apply(migration)]
        self.log.info("%d migrations applied now, %d in all", len(applied), len(migrations))
        return applied

    def _apply(self, migration: Migration) -> bool:
        """Apply a migration, and return whether it was this run that did: another may migrate at the same time."""
        self.log.info("Applying migration %s", migration.name)
        try:
            self.warehouse.execute_batch(
                [
                    self._statement("lock_schema_migrations"),
                    self._statement("refuse_applied", migration=migration),
                    migration.sql,
                    self._statement("insert_schema_migration", migration=migration),
                ]
            )
        except RedshiftStatementError:
            if self._booked().get(migration.version) != migration.checksum:
                raise
            self.log.info("Another run has applied %s meanwhile", migration.name)
            return False
        return True

    def _applied(self, migrations: list[Migration]) -> dict[int, str]:
        if not self._is_booking():
            try:
                self.warehouse.execute_batch([m.sql for m in migrations if m.version in self.bookkeeping_versions])
            except RedshiftStatementError:
                # IF NOT EXISTS does not help two first runs that look at the same moment.
                if not self._is_booking():
                    raise
        return self._booked()

    def _is_booking(self) -> bool:
        return bool(self.warehouse.query(self._statement("find_schema_migrations"))[0]["table_total"])

    def _booked(self) -> dict[int, str]:
        rows = self.warehouse.query(self._statement("read_schema_migrations"))
        return {int(str(row["version"])): str(row["checksum"]) for row in rows}

    def _statement(self, name: str, **values: Any) -> str:
        """Return a statement of sql/schema/, rendered with the DAG's filters as every other."""
        template = self.get_template_env().get_template(f"schema/{name}.sql")
        return template.render(**values)
