"""Remembers translated statements, because a translation takes longer than most statements run.

A translation depends on the text and on what the catalog says about the tables in it. So a remembered one counts only
if the catalog gives the same answers again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from local_aws.redshift.sql import Statement, translate
from local_aws.redshift.types import SqlType
from local_aws.redshift.typing import ColumnsOf

_Table = tuple[str | None, str]
_Columns = tuple[tuple[str, SqlType | None], ...] | None

MOST_STATEMENTS = 2_000
MOST_CHARACTERS = 20_000
"""Longer statements are INSERTs of many rows, which do not come again."""


@dataclass(frozen=True)
class _Remembered:
    """A translation.

    Attributes:
        answers: The columns of each table that it asked for, in their order.
        statement: The result.
    """

    answers: Mapping[_Table, _Columns]
    statement: Statement


class Translations:
    """Translates statements, and remembers the newest ones. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[str, _Remembered] = OrderedDict()

    def translate(self, text: str, columns_of: ColumnsOf) -> Statement:
        """Translate one Redshift statement; see ``sql.translate``."""
        with self._lock:
            known = self._known.get(text)
            if known is not None:
                self._known.move_to_end(text)
        if known is not None and all(
            _columns(columns_of(*table)) == columns for table, columns in known.answers.items()
        ):
            return known.statement
        answers: dict[_Table, _Columns] = {}

        def asked(schema: str | None, table: str) -> Mapping[str, SqlType | None] | None:
            found = columns_of(schema, table)
            answers[schema, table] = _columns(found)
            return found

        statement = translate(text, asked)
        if len(text) <= MOST_CHARACTERS:
            with self._lock:
                self._known[text] = _Remembered(answers, statement)
                if len(self._known) > MOST_STATEMENTS:
                    self._known.popitem(last=False)
        return statement


def _columns(found: Mapping[str, SqlType | None] | None) -> _Columns:
    return None if found is None else tuple(found.items())
