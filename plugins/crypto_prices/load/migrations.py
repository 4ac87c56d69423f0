"""The migrations in sql/migrations/, and which of them the warehouse does not have yet."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path


class MigrationError(ValueError):
    """The migrations on disk do not fit each other or the ones applied; the message names the file."""


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
        MigrationError: There are none, a file is not called ``NNN_what_it_does.sql``, or a version is there twice.
    """
    migrations: dict[int, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        match = re.fullmatch(r"(\d{3})_[a-z0-9_]+\.sql", path.name)
        if match is None:
            raise MigrationError(f"migration {path.name} must be called NNN_what_it_does.sql")
        version = int(match[1])
        if version in migrations:
            raise MigrationError(f"migrations {migrations[version].name} and {path.name} have the same version")
        migrations[version] = Migration(version, path.name, path.read_text().strip())
    if not migrations:
        raise MigrationError(f"there is no migration in {folder}: was sql/ deployed as dags/sql/?")
    return [migrations[version] for version in sorted(migrations)]


def pending_migrations(migrations: list[Migration], applied: dict[int, str]) -> list[Migration]:
    """Return the migrations that are not applied yet, in order.

    Args:
        migrations: Those on disk, in order.
        applied: Checksum of each applied version.

    Raises:
        MigrationError: An applied migration was changed. (A version that was applied by a newer bundle is fine: an
            older bundle still works on its schema.)
    """
    for migration in migrations:
        if migration.version in applied and applied[migration.version] != migration.checksum:
            raise MigrationError(
                f"migration {migration.name} was changed after it was applied: restore it and add a new one"
            )
    return [migration for migration in migrations if migration.version not in applied]
