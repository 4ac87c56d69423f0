"""A receipt: what is known about a number, and the checks of each step from the exchange's response to it.

The text and the JSON document come from the same receipt.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from crypto_prices.receipts.question import Question

RECEIPT_VERSION = 1

NOT_SHOWN = (
    "the exchange signed nothing: this shows what was answered, not that it was true",
    "anyone who can write the object, its manifest, the load record and the load log can forge all of them",
    "bytes that carry no value, such as a gzip header, are not checked beyond the ETag",
)

_WIDTH = 9


class Outcome(StrEnum):
    """The result of a check.

    Attributes:
        OK: It holds.
        BROKEN: It does not.
        NOT_SHOWN: It cannot be checked.
    """

    OK = "ok"
    BROKEN = "BROKEN"
    NOT_SHOWN = "not shown"


@dataclass(frozen=True)
class Check:
    """One check of one link.

    Attributes:
        outcome: The result.
        says: What was compared, and what was found instead.
    """

    outcome: Outcome
    says: str


@dataclass(frozen=True)
class Link:
    """One step between a response and a number.

    Attributes:
        name: Such as ``raw``.
        says: What is known about it, a line each.
        checks: Its checks.
        data: What is known about it, for programs.
    """

    name: str
    says: tuple[str, ...]
    checks: tuple[Check, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def outcome(self) -> Outcome | None:
        """The worst outcome of its checks; None if it has none."""
        found = {check.outcome for check in self.checks}
        return next((outcome for outcome in (Outcome.BROKEN, Outcome.NOT_SHOWN, Outcome.OK) if outcome in found), None)


@dataclass(frozen=True)
class Receipt:
    """The answer to a question.

    Attributes:
        question: The question.
        title: The number in words.
        answer: Such as ``intact`` or ``missing``, before the broken links are named.
        links: The steps, from the number to the response.
        not_shown: What no check can show.
    """

    question: Question
    title: str
    answer: str
    links: tuple[Link, ...]
    not_shown: tuple[str, ...] = NOT_SHOWN

    @property
    def broken(self) -> list[str]:
        """The names of the broken links."""
        return [link.name for link in self.links if link.outcome is Outcome.BROKEN]

    @property
    def verdict(self) -> str:
        """The answer, and the broken links or the number of links that hold."""
        if self.broken:
            return f"BROKEN at {', '.join(self.broken)}"
        checked = [link.outcome for link in self.links if link.outcome is not None]
        held = checked.count(Outcome.OK)
        return f"{self.answer} ({held} of {len(checked)})" if checked else self.answer

    def to_json(self) -> dict[str, Any]:
        """Return the receipt as a JSON document. Only ``checked_at`` of a written one depends on the time."""
        return {
            "receipt_version": RECEIPT_VERSION,
            "question": self.question.to_json(),
            "title": self.title,
            "verdict": self.verdict,
            "intact": not self.broken,
            "broken": self.broken,
            "links": [
                {
                    "link": link.name,
                    "says": list(link.says),
                    "outcome": link.outcome,
                    "checks": [{"outcome": check.outcome, "says": check.says} for check in link.checks],
                    "data": dict(link.data),
                }
                for link in self.links
            ],
            "not_shown": list(self.not_shown),
        }

    def to_text(self) -> str:
        """Return the receipt as lines of text without control characters."""
        lines = [f"RECEIPT {self.title}      VERDICT {self.verdict}"]
        for link in self.links:
            texts = [*link.says, *(f"[{check.outcome}] {check.says}" for check in link.checks)]
            lines += _named(link.name, texts)
        lines += _named("not shown", self.not_shown)
        return "\n".join("".join(c if c.isprintable() else "?" for c in line) for line in lines)

    @property
    def digest(self) -> str:
        """The SHA-256 of the JSON document, which names the written receipt: the same answer is written once."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()


def _named(name: str, texts: Sequence[str]) -> list[str]:
    return [f"{name if number == 0 else '':<{_WIDTH}} {text}" for number, text in enumerate(texts)]
