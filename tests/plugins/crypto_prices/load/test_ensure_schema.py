import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from airflow.providers.amazon.aws.hooks.redshift_data import RedshiftDataHook
from airflow.providers.common.compat.sdk import AirflowFailException
from crypto_prices.aws.redshift_data import RedshiftDataClient, RedshiftStatementError
from crypto_prices.load.migrations import read_migrations
from crypto_prices_contract.data_dictionary import WAREHOUSE_TABLES
from crypto_prices_contract.mart_dictionary import MART_TABLES

MIGRATIONS = Path(__file__).parents[4] / "sql" / "migrations"
GAPS, LOCK = (table for table in WAREHOUSE_TABLES if table.name in ("candle_gaps", "load_lock"))
(HOLDER,) = LOCK.columns


@pytest.fixture
def folder(tmp_path):
    """A copy of the repository's first migrations, up to the table load_lock, that a test can change."""
    copied = tmp_path / "migrations"
    copied.mkdir()
    for migration in sorted(MIGRATIONS.glob("00[1-8]_*.sql")):
        shutil.copy(migration, copied)
    return copied


class TestExecute:
    @pytest.fixture
    def ensure(self, empty_warehouse, make_task, make_context, folder):
        """Return a function that creates the task with an empty warehouse and without table comments."""
        return lambda migrations=folder: make_task(
            "ensure_schema", make_context(), migrations_folder=str(migrations), tables=()
        )

    def names(self, folder):
        return sorted(path.name for path in folder.iterdir())

    def applied(self, warehouse):
        return warehouse.query(
            "SELECT name, checksum FROM crypto.schema_migrations WHERE version > 0 ORDER BY version, applied_at"
        )

    def tables(self, warehouse):
        rows = warehouse.query("SELECT table_name FROM information_schema.tables WHERE table_schema = 'crypto'")
        return {row["table_name"] for row in rows}

    def test_a_new_warehouse_gets_all_migrations_once(self, empty_warehouse, ensure):
        assert ensure(MIGRATIONS).execute({}) == self.names(MIGRATIONS)
        first = self.applied(empty_warehouse)
        assert first == [{"name": m.name, "checksum": m.checksum} for m in read_migrations(MIGRATIONS)]
        assert {"schema_migrations", "stg_crypto_prices", "fact_crypto_prices", "etl_metadata", "load_lock"} <= (
            self.tables(empty_warehouse)
        )
        assert ensure(MIGRATIONS).execute({}) == []
        assert self.applied(empty_warehouse) == first

    def test_only_new_migrations_are_applied(self, empty_warehouse, ensure, folder):
        added = folder / "099_add_a_table.sql"
        ensure().execute({})
        added.write_text("CREATE TABLE crypto.added (x INTEGER)")
        assert ensure().execute({}) == [added.name]
        assert "added" in self.tables(empty_warehouse)

    def test_a_changed_migration_is_refused_before_anything_is_applied(self, empty_warehouse, ensure, folder):
        ensure().execute({})
        (folder / "003_create_stg_crypto_prices.sql").write_text("CREATE TABLE crypto.other (x INTEGER)")
        (folder / "099_add_a_table.sql").write_text("CREATE TABLE crypto.added (x INTEGER)")
        before = self.applied(empty_warehouse)
        with pytest.raises(AirflowFailException, match=r"003_create_stg_crypto_prices\.sql was changed after it was"):
            ensure().execute({})
        assert self.applied(empty_warehouse) == before
        assert not {"added", "other"} & self.tables(empty_warehouse)

    @pytest.mark.parametrize("table", ["stg_crypto_prices", "fact_crypto_prices"])
    def test_a_column_that_a_newer_bundle_added_is_refused(self, empty_warehouse, ensure, folder, table):
        """The older bundle's files lack the column, and its merge would keep the old values."""
        added = folder / "099_add_a_column.sql"
        added.write_text(f"ALTER TABLE crypto.{table} ADD COLUMN taker_buy_base_volume DECIMAL(38, 18)")
        column = rf"crypto\.{table}\.taker_buy_base_volume"
        with pytest.raises(AirflowFailException, match=f"this bundle does not know: {column}. Deploy the bundle that"):
            ensure().execute({})
        added.unlink()
        with pytest.raises(AirflowFailException, match=f"this bundle does not know: {column}. Deploy the bundle that"):
            ensure().execute({})

    def test_an_older_bundle_accepts_a_newer_bundles_tables_and_other_columns(self, empty_warehouse, ensure, folder):
        added = (folder / "098_add_a_column.sql", folder / "099_add_a_table.sql")
        added[0].write_text("ALTER TABLE crypto.etl_metadata ADD COLUMN remark VARCHAR(16)")
        added[1].write_text("CREATE TABLE crypto.added (x INTEGER)")
        assert ensure().execute({}) == self.names(folder)
        for path in added:
            path.unlink()
        assert ensure().execute({}) == []

    def test_a_folder_without_migrations_is_refused(self, ensure, folder):
        shutil.rmtree(folder)
        with pytest.raises(AirflowFailException, match="has no migrations"):
            ensure().execute({})

    def test_a_failed_migration_is_not_recorded_and_earlier_ones_stay(self, empty_warehouse, ensure, folder):
        wrong = folder / "099_wrong.sql"
        wrong.write_text("ALTER TABLE crypto.nowhere ADD COLUMN x INTEGER")
        with pytest.raises(RedshiftStatementError, match="nowhere"):
            ensure().execute({})
        assert wrong.name not in {row["name"] for row in self.applied(empty_warehouse)}
        wrong.write_text("CREATE TABLE crypto.right_now (x INTEGER)")
        assert ensure().execute({}) == [wrong.name]

    @pytest.mark.parametrize("call", [1, 5])
    def test_another_run_that_applies_them_first_is_not_an_error(self, empty_warehouse, ensure, folder, call):
        """Two concurrent DAGs: the other one finishes after this one has determined the pending migrations."""
        one, other = ensure(), ensure()

        class Overtaken(RedshiftDataClient):
            batches = 0

            def execute_batch(self, statements):
                Overtaken.batches += 1
                if Overtaken.batches == call:
                    other.execute({})
                super().execute_batch(statements)

        # A migration that fails when it runs twice, like those that add columns.
        (folder / "099_add_a_row.sql").write_text("INSERT INTO crypto.load_lock VALUES ('once')")
        one.warehouse = Overtaken(
            RedshiftDataHook().conn,
            workgroup=one.settings.redshift_workgroup,
            database=one.settings.redshift_database,
            secret_arn=one.settings.redshift_secret_arn,
        )
        one.execute({})
        assert empty_warehouse.query("SELECT COUNT(*) AS row_total FROM crypto.load_lock") == [{"row_total": 1}]
        assert [row["name"] for row in self.applied(empty_warehouse)] == self.names(folder)

    def test_two_concurrent_runs_succeed_and_apply_each_once(self, empty_warehouse, ensure, folder):
        tasks = [ensure(), ensure()]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda task: task.execute({}), tasks))
        assert [row["name"] for row in self.applied(empty_warehouse)] == self.names(folder)


def typed(row):
    """Return a column's type as the data dictionary spells it."""
    match row["data_type"]:
        case "character varying":
            return f"VARCHAR({row['character_maximum_length']})"
        case "numeric":
            return f"DECIMAL({row['numeric_precision']},{row['numeric_scale']})"
        case "timestamp without time zone":
            return "TIMESTAMP"
        case other:
            return other.upper()


class TestComments:
    @pytest.fixture
    def ensure(self, empty_warehouse, make_task, make_context, folder):
        """Return a function that runs the task with the tables of a data dictionary, by default a small one."""
        return lambda *tables, migrations=folder: make_task(
            "ensure_schema", make_context(), migrations_folder=str(migrations), tables=tables or (GAPS, LOCK)
        ).execute({})

    def columns(self, warehouse):
        return warehouse.query(
            "SELECT * FROM svv_columns WHERE table_schema IN ('crypto', 'crypto_views') ORDER BY ordinal_position"
        )

    def column_comments(self, warehouse):
        return {
            (row["table_name"], row["column_name"]): row["remarks"]
            for row in self.columns(warehouse)
            if row["table_schema"] == "crypto"
        }

    def table_comments(self, warehouse):
        rows = warehouse.query(
            "SELECT table_schema, table_name, remarks FROM svv_tables WHERE table_schema IN ('crypto', 'crypto_views')"
        )
        titles = ("" if row["table_schema"] == "crypto" else f"{row['table_schema']}." for row in rows)
        return {title + row["table_name"]: row["remarks"] for title, row in zip(titles, rows, strict=True)}

    def times(self, warehouse):
        rows = warehouse.query("SELECT name, applied_at FROM crypto.schema_migrations WHERE version = 0")
        times = {row["name"]: row["applied_at"] for row in rows}
        assert len(times) == len(rows)
        return times

    def test_the_real_tables_match_the_data_dictionary_and_have_its_comments(self, empty_warehouse, ensure):
        """A new table or column without an entry in the data dictionary fails here."""
        tables = (*WAREHOUSE_TABLES, *MART_TABLES)
        ensure(*tables, migrations=MIGRATIONS)
        assert self.table_comments(empty_warehouse) == {table.title: table.comment for table in tables}
        found = self.columns(empty_warehouse)
        assert {(row["table_schema"], row["table_name"]) for row in found} == {
            (table.schema, table.name) for table in tables
        }
        # Only the order of the staging table's columns matters, because COPY loads by position (test_sql_files.py).
        for table in tables:
            assert sorted(
                (c.name, c.type, table.is_view or c.null is not None, None if table.is_view else c.comment)
                for c in table.columns
            ) == sorted(
                (row["column_name"], typed(row), row["is_nullable"] == "YES", row["remarks"])
                for row in found
                if (row["table_schema"], row["table_name"]) == (table.schema, table.name)
            )

    def test_a_second_run_adds_no_comments(self, empty_warehouse, ensure):
        ensure()
        times = self.times(empty_warehouse)
        assert set(times) == {GAPS.name, LOCK.name}
        ensure()
        assert self.times(empty_warehouse) == times

    def test_a_changed_comment_is_applied_to_its_table_only(self, empty_warehouse, ensure):
        ensure()
        # Times have seconds, and both runs may end in the same one.
        empty_warehouse.execute_batch(
            ["UPDATE crypto.schema_migrations SET applied_at = DATEADD(hour, -1, applied_at)"]
        )
        before, comments = self.times(empty_warehouse), self.column_comments(empty_warehouse)
        ensure(GAPS, replace(LOCK, columns=(replace(HOLDER, meaning="It's \\ new"),)))
        after = self.times(empty_warehouse)
        assert {name for name, time in after.items() if before[name] != time} == {LOCK.name}
        new = "It's \\ new. Type: VARCHAR(128). Unit: none. Source: none. NULL: always, because the table is empty."
        assert self.column_comments(empty_warehouse) == comments | {(LOCK.name, HOLDER.name): new}

    def test_a_table_replaced_by_a_migration_gets_its_comments_again(self, empty_warehouse, ensure, folder):
        ensure()
        comments = self.column_comments(empty_warehouse)
        (folder / "098_drop_a_table.sql").write_text("DROP TABLE crypto.load_lock")
        (folder / "099_create_it_again.sql").write_text("CREATE TABLE crypto.load_lock (holder VARCHAR(128))")
        ensure()
        assert self.column_comments(empty_warehouse) == comments

    def test_a_failed_comment_changes_nothing_and_is_retried(self, empty_warehouse, ensure):
        with pytest.raises(RedshiftStatementError, match="keeper"):
            ensure(GAPS, replace(LOCK, columns=(HOLDER, replace(HOLDER, name="keeper"))))
        comments = self.table_comments(empty_warehouse)
        assert (comments[GAPS.name], comments[LOCK.name]) == (GAPS.comment, None)
        ensure()
        assert self.table_comments(empty_warehouse)[LOCK.name] == LOCK.comment
