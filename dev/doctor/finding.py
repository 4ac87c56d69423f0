"""The result of one check of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Grade(StrEnum):
    """How good the result is."""

    FINE = "ok"
    NOTE = "note"
    WRONG = "WRONG"


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        check: Name of the check.
        grade: How good it is. Only WRONG fails the command.
        what: What was found, in one sentence without a period.
        todo: What to do about it; empty if there is nothing to do.
    """

    check: str
    grade: Grade
    what: str
    todo: str = ""

    @property
    def line(self) -> str:
        """The finding as one line."""
        return f"{self.grade:<5}  {self.check:<9}  {self.what}" + (f": {self.todo}" if self.todo else "")


def fine(check: str, what: str) -> Finding:
    """Return a finding without anything to do."""
    return Finding(check, Grade.FINE, what)
