"""What an example came to."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass

_LOCAL = r"the local \w+(?: \w+)?"  # for example "the local Secrets Manager"
_OWN_REFUSAL = re.compile(
    rf"\bNotImplemented\b|\bsupported\b[^.]*\bby {_LOCAL}|\b{_LOCAL}? (?:does not|cannot)\b|\b(?:in|to) {_LOCAL}",
    re.IGNORECASE,
)
_INTERNAL_ERROR = re.compile(rf"\binternal error of {_LOCAL}|\b{_LOCAL}? failed\b", re.IGNORECASE)


class Outcome(enum.Enum):
    """The outcome of an example, in the order of the table."""

    RIGHT = "right"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    WRONG = "wrong"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """An example and its outcome.

    Attributes:
        service: The service of the example.
        area: The part of the service, which is the name of the example's file.
        name: The name of the example.
        source: The page of AWS that documents it.
        outcome: Its outcome.
        detail: For a wrong one, what was expected and found; for the others, the refusal or the reason.
        surprising: Whether the outcome makes the run fail although it is not wrong: a refusal that is not marked, or a
            mark without a refusal.
    """

    service: str
    area: str
    name: str
    source: str
    outcome: Outcome
    detail: str = ""
    surprising: bool = False


def is_own_refusal(error: str) -> bool:
    """Return whether an error is the emulator's own refusal of something that AWS supports.

    Such an error says that the local service does not support something, or has the code ``NotImplemented``. AWS never
    writes this. An error that only names the local service, such as "the local AWS was stopped", is not a refusal.
    """
    return _OWN_REFUSAL.search(error) is not None and not is_internal_error(error)


def is_internal_error(error: str) -> bool:
    """Return whether an error is a defect of the emulator."""
    return _INTERNAL_ERROR.search(error) is not None


def failed(findings: Iterable[Finding]) -> bool:
    """Return whether the run fails: an example is wrong, or its outcome is not the one that it is marked with."""
    return any(finding.outcome is Outcome.WRONG or finding.surprising for finding in findings)
