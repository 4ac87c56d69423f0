"""The operator that updates the warehouse's schema from sql/migrations/ and its comments from the data dictionary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import AirflowFailException
from crypto_prices_contract.data_dictionary import FACT_COLUMNS, WAREHOUSE_TABLES, Table
from crypto_prices_contract.mart_dictionary import MART_TABLES

from crypto_prices.aws.redshift_data import RedshiftStatementError
from crypto_prices.aws.warehouse_operator import WarehouseOperator
from crypto_prices.load.migrations import Migration, MigrationError, pending_migrations, read_migrations
from crypto_prices.load.table_comments import COMMENTS_VERSION, TableComments

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

_Booked = Mapping[tuple[int, str], str]
"""The rows of ``crypto.schema_migrations``: checksum by version and name."""


class EnsureSchemaOperator(WarehouseOperator):
    """Applies the migrations and comments that have not been applied to the warehouse.

    Each migration runs in its own transaction, which also writes its bookkeeping row. So do the comments on each table.
    The bookkeeping statements are in ``ensure_schema/`` in the DAG's ``template_searchpath``.

    Args:
        migrations_folder: Folder of the ``NNN_*.sql`` files. The first two create the schema and
            ``crypto.schema_migrations`` itself, and can run more than once.
        tables: The tables to comment on.
    """

    template_fields: Sequence[str] = aws_template_fields("migrations_folder")
    bookkeeping_versions = (1, 2)

    def __init__(
        self, *, migrations_folder: str, tables: Sequence[Table] = (*WAREHOUSE_TABLES, *MART_TABLES), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.migrations_folder = migrations_folder
        self.tables = tables

    def execute(self, context: Context) -> list[str]:
        """Apply pending migrations and comments, and return the names of the applied migrations.

        Raises:
            AirflowFailException: The migrations conflict with each other or with applied ones, or candles in the
                warehouse have a column that this bundle does not know.
            RedshiftStatementError: A migration or a comment failed. It has no effect, and the previous ones are kept.
        """
        try:
            migrations = read_migrations(Path(self.migrations_folder))
            self._ensure_bookkeeping(migrations)
            booked = self._booked()
            pending = pending_migrations(migrations, _versions(booked))
        except MigrationError as error:
            raise AirflowFailException(str(error)) from error
        applied = [migration.name for migration in pending if self._apply(migration)]
        self.log.info("Applied %d of %d migrations", len(applied), len(migrations))
        self._refuse_unknown_columns()
        for table in self.tables:
            comments = self._comments(table, migrations)
            if booked.get((comments.version, comments.name)) != comments.checksum:
                self._comment(comments)
        return applied

    def _apply(self, migration: Migration) -> bool:
        """Apply a migration. Return whether this run applied it, because another run may migrate concurrently."""
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
            if _versions(self._booked()).get(migration.version) != migration.checksum:
                raise
            self.log.info("Another run has since applied %s", migration.name)
            return False
        return True

    def _refuse_unknown_columns(self) -> None:
        """Refuse a warehouse whose candles have a column that a newer bundle added.

        The merge of this bundle would keep the column's old values in the candles that it changes.
        """
        known = {column.name for column in FACT_COLUMNS}
        rows = self.warehouse.query(self._statement("find_columns"))
        unknown = [
            f"crypto.{row['table_name']}.{row['column_name']}" for row in rows if str(row["column_name"]) not in known
        ]
        if unknown:
            raise AirflowFailException(
                f"the warehouse has columns that this bundle does not know: {', '.join(unknown)}. Deploy the bundle "
                "that added them, or a newer one"
            )

    def _comments(self, table: Table, migrations: Sequence[Migration]) -> TableComments:
        on_table = self._statement("comment_on_table", table=table)
        # AWS documents comments on the columns of tables, but not on those of views:
        # https://docs.aws.amazon.com/redshift/latest/dg/r_COMMENT.html
        columns = () if table.is_view else table.columns
        on_columns = [self._statement("comment_on_column", table=table, column=column) for column in columns]
        return TableComments(table.title, [on_table, *on_columns], migrations)

    def _comment(self, comments: TableComments) -> None:
        """Apply the comments on a table. If two runs do this concurrently, the result is the same."""
        self.log.info("Commenting on table %s", comments.name)
        # One table per transaction, because a load locks several tables, and a different order could cause a deadlock.
        self.warehouse.execute_batch(
            [
                self._statement("lock_schema_migrations"),
                *comments.statements,
                self._statement("delete_table_comments", comments=comments),
                self._statement("insert_schema_migration", migration=comments),
            ]
        )

    def _ensure_bookkeeping(self, migrations: list[Migration]) -> None:
        if self._is_booking():
            return
        try:
            self.warehouse.execute_batch([m.sql for m in migrations if m.version in self.bookkeeping_versions])
        except RedshiftStatementError:
            # IF NOT EXISTS does not protect two concurrent first runs.
            if not self._is_booking():
                raise

    def _is_booking(self) -> bool:
        return bool(self.warehouse.query(self._statement("find_schema_migrations"))[0]["table_total"])

    def _booked(self) -> _Booked:
        rows = self.warehouse.query(self._statement("read_schema_migrations"))
        return {(int(str(row["version"])), str(row["name"])): str(row["checksum"]) for row in rows}

    def _statement(self, name: str, **values: Any) -> str:
        """Return a statement in sql/ensure_schema/, rendered with the DAG's filters."""
        template = self.get_template_env().get_template(f"ensure_schema/{name}.sql")
        return template.render(**values)


def _versions(booked: _Booked) -> dict[int, str]:
    """Return the checksum of each applied migration."""
    return {version: checksum for (version, _), checksum in booked.items() if version != COMMENTS_VERSION}
