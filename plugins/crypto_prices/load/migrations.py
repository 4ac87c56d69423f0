"""The migrations in sql/migrations/, and the choice of those to apply."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path


class MigrationError(ValueError):
    """The migrations on disk conflict with each other or with applied ones. The message names the file."""


@dataclass(frozen=True)
class Migration:
    """One file of sql/migrations/: one statement, applied once.

    Attributes:
        version: Number at the start of the file's name.
        name: The file's name.
        sql: The statement.
    """

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the statement."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read_migrations(folder: Path) -> list[Migration]:
    """Return the migrations of a folder in the order of their versions.

    Raises:
        MigrationError: There are none, a file's name is not ``NNN_what_it_does.sql``, or a version occurs twice.
    """
    migrations: dict[int, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        match = re.fullmatch(r"(\d{3})_[a-z0-9_]+\.sql", path.name)
        if match is None:
            raise MigrationError(f"migration {path.name} has an invalid name: rename it to NNN_what_it_does.sql")
        version = int(match[1])
        if version in migrations:
            raise MigrationError(
                f"migrations {migrations[version].name} and {path.name} have the same version: renumber one"
            )
        migrations[version] = Migration(version, path.name, path.read_text().strip())
    if not migrations:
        raise MigrationError(f"{folder} has no migrations: check that sql/ is deployed as dags/sql/")
    return [migrations[version] for version in sorted(migrations)]


def pending_migrations(migrations: list[Migration], applied: dict[int, str]) -> list[Migration]:
    """Return the migrations that have not been applied, in order.

    Versions that a newer bundle applied are ignored. ``ensure_schema`` refuses what an older bundle cannot work with.

    Args:
        migrations: The migrations on disk, in order.
        applied: Checksums by applied version.

    Raises:
        MigrationError: A migration was changed after it was applied.
    """
    for migration in migrations:
        if migration.version in applied and applied[migration.version] != migration.checksum:
            raise MigrationError(
                f"migration {migration.name} was changed after it was applied: restore it and add a new migration"
            )
    return [migration for migration in migrations if migration.version not in applied]
