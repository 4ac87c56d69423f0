"""The comments on one table, and their bookkeeping in the warehouse."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from crypto_prices.load.migrations import Migration

COMMENTS_VERSION = 0
"""The version under which ``crypto.schema_migrations`` lists the comments. Migrations start at 1."""


@dataclass(frozen=True)
class TableComments:
    """The comments on one table and its columns.

    Unlike a migration, they may change. They are applied again after a change and after every new migration, because
    replacing a table drops its comments.

    Attributes:
        name: The table's name.
        statements: The COMMENT ON statements.
        migrations: The migrations that precede them.
    """

    name: str
    statements: Sequence[str]
    migrations: Sequence[Migration]

    @property
    def version(self) -> int:
        """The version in ``crypto.schema_migrations``."""
        return COMMENTS_VERSION

    @property
    def checksum(self) -> str:
        """SHA-256 of the statements and of the migrations' checksums."""
        parts = [*(migration.checksum for migration in self.migrations), *self.statements]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()
