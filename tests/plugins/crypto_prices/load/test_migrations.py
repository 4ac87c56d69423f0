from pathlib import Path

import pytest
from crypto_prices.load.ensure_schema import EnsureSchemaOperator
from crypto_prices.load.migrations import Migration, MigrationError, pending_migrations, read_migrations

MIGRATIONS = Path(__file__).parents[4] / "sql" / "migrations"
ONE, TWO = Migration(1, "001_one.sql", "CREATE 1"), Migration(2, "002_two.sql", "CREATE 2")


def test_migrations_are_read_in_the_order_of_their_versions(tmp_path):
    (tmp_path / "010_b.sql").write_text("B\n")
    (tmp_path / "002_a.sql").write_text("A")
    assert [(m.version, m.sql) for m in read_migrations(tmp_path)] == [(2, "A"), (10, "B")]


def test_the_repositorys_migrations_start_with_their_own_bookkeeping():
    migrations = read_migrations(MIGRATIONS)
    assert [m.version for m in migrations] == list(range(1, len(migrations) + 1))
    first, second = (migrations[version - 1].sql for version in EnsureSchemaOperator.bookkeeping_versions)
    assert first.startswith("CREATE SCHEMA IF NOT EXISTS crypto")
    assert second.startswith("CREATE TABLE IF NOT EXISTS crypto.schema_migrations")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "check that sql/ is deployed as dags/sql/"),
        (["1_short.sql"], "1_short.sql has an invalid name"),
        (["001_a.sql", "001_b.sql"], "001_a.sql and 001_b.sql have the same version"),
    ],
)
def test_an_invalid_folder_is_refused_and_the_file_is_named(tmp_path, names, message):
    for name in names:
        (tmp_path / name).write_text("X")
    with pytest.raises(MigrationError, match=message):
        read_migrations(tmp_path)


def test_only_unapplied_migrations_are_pending():
    assert pending_migrations([ONE, TWO], {1: ONE.checksum}) == [TWO]
    assert pending_migrations([ONE, TWO], {1: ONE.checksum, 2: TWO.checksum, 3: "newer"}) == []


def test_a_migration_that_changed_after_its_application_is_refused():
    with pytest.raises(MigrationError, match=r"001_one\.sql was changed after it was applied"):
        pending_migrations([ONE, TWO], {1: "other"})
