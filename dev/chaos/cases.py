"""Cases: a boundary, a fault and a recovery. Lists all cases, pairwise combinations, or a seeded sample."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dev.chaos.boundaries import family
from dev.chaos.faults import Kind

NOTHING_BROKEN = "nothing"

STAYS_PREFIX = "stays__"
"""The prefix of the ids of runs whose fault is permanent until they fail."""


class Recovery(StrEnum):
    """The recovery from a fault."""

    RETRY = "retry"
    """The fault fires once, and Airflow retries the task."""
    CLEAR_FAILED = "clear-failed"
    """The fault is permanent until the run fails. Then the failed tasks are cleared."""
    CLEAR_ALL = "clear-all"
    """The fault is permanent until the run fails. Then the whole run is cleared."""
    REPROCESS = "reprocess"
    """The fault is permanent until the run fails. Then a backfill reprocesses the day. For the marts, another run has
    ``full_refresh``."""
    SECOND_RUN = "second-run"
    """The fault fires once, while a second run loads the same day, or refreshes the marts."""

    @property
    def needs_failure(self) -> bool:
        """Whether the recovery starts after the run has failed. The fault is permanent until then."""
        return self in (Recovery.CLEAR_FAILED, Recovery.CLEAR_ALL, Recovery.REPROCESS)


class Happening(StrEnum):
    """Other events that disturb a load: manual changes, corrections of the exchange, concurrent loads."""

    STAGING_HALVED = "staging halved before the merge"
    FACT_DAMAGED = "rows deleted after the load, then merge_into_fact cleared alone"
    DAY_NOT_OVER = "a day that has not ended"
    CANDLES_CORRECTED = "the exchange corrected its candles, load without force"
    MERGES_MEET = "a merge waits inside its transaction for another merge"
    CANDLE_MISSING = "the exchange returns one candle fewer than is loaded, load without force"
    FETCHED_LATER = "the loaded rows were fetched after the staged rows, load without force"


UNFORCED = (Happening.CANDLES_CORRECTED, Happening.CANDLE_MISSING, Happening.FETCHED_LATER)
"""They test the guards of a load without ``force``."""


@dataclass(frozen=True)
class Case:
    """One fault or event, and the recovery from it.

    Attributes:
        boundary: The broken boundary, see ``boundaries``; ``nothing`` for most happenings.
        kind: The kind of fault; None for a happening.
        recovery: The recovery.
        happening: The event; None if a boundary is broken.
        guard_off: The guard that is switched off (see ``guards``); None if the case must pass.
        forced: Whether its loads have ``force``; None lets ``is_forced`` decide.
    """

    boundary: str
    kind: Kind | None
    recovery: Recovery
    happening: Happening | None = None
    guard_off: str | None = None
    forced: bool | None = None

    @property
    def name(self) -> str:
        """The name of the case for ``--case``."""
        what = self.happening.value if self.happening else f"{self.boundary} {self.kind}"
        text = f"{what} {self.recovery}" + (f" without {self.guard_off}" if self.guard_off else "")
        return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")

    @property
    def is_forced(self) -> bool:
        """Whether the loads have ``force``. Half have not: these may be skipped if everything is loaded."""
        if self.forced is not None:
            return self.forced
        return self.happening not in UNFORCED and zlib.crc32(self.name.encode()) % 2 == 0

    @property
    def has_surplus(self) -> bool:
        """Whether the day starts with a candle that the exchange does not return.

        A load without ``force`` refuses to delete it.
        """
        return self.is_forced or self.happening == Happening.CANDLE_MISSING

    @property
    def is_open(self) -> bool:
        """Whether the day has not ended, so that nothing can be loaded."""
        return self.happening == Happening.DAY_NOT_OVER


HAPPENINGS = (
    Case("submit merge_into_fact", None, Recovery.CLEAR_FAILED, Happening.STAGING_HALVED),
    Case(NOTHING_BROKEN, None, Recovery.CLEAR_FAILED, Happening.FACT_DAMAGED),
    Case(NOTHING_BROKEN, None, Recovery.RETRY, Happening.DAY_NOT_OVER),
    Case(NOTHING_BROKEN, None, Recovery.RETRY, Happening.CANDLES_CORRECTED),
    Case(
        "merge_into_fact: statement load/counts/delete_etl_metadata", None, Recovery.SECOND_RUN, Happening.MERGES_MEET
    ),
    Case(NOTHING_BROKEN, None, Recovery.REPROCESS, Happening.CANDLE_MISSING),
    Case("submit merge_into_fact", None, Recovery.CLEAR_ALL, Happening.FETCHED_LATER),
)


def all_cases(boundaries: Iterable[str]) -> list[Case]:
    """Return every combination of boundary, fault and recovery, and the happenings."""
    return [*combinations(boundaries), *HAPPENINGS]


def combinations(boundaries: Iterable[str]) -> list[Case]:
    """Return every combination of boundary, fault and recovery."""
    return [
        Case(boundary, kind, recovery)
        for boundary in boundaries
        for kind in kinds_of(boundary)
        for recovery in Recovery
    ]


def kinds_of(boundary: str) -> tuple[Kind, ...]:
    """Return the kinds of fault of a boundary. Inside a transaction, statements and the commit can only fail."""
    called = (Kind.REFUSED, Kind.LOST, Kind.KILLED, Kind.SLOW)
    return (Kind.REFUSED,) if is_inside_transaction(boundary) else called


def is_inside_transaction(boundary: str) -> bool:
    """Whether a boundary is a statement of a batch, or its commit."""
    return ": " in boundary


def sample(cases: Sequence[Case], size: int, seed: int) -> list[Case]:
    """Return some cases: first one for every kind and recovery, then random ones. A seed gives the same sample."""
    shuffled = list(cases)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 - a seed, not a secret
    chosen: list[Case] = []
    covered: set[object] = set()
    for case in shuffled:
        traits = {case.kind or case.happening, case.recovery}
        if not traits <= covered:
            chosen.append(case)
            covered |= traits
    chosen += [case for case in shuffled if case not in chosen]
    return chosen[:size]


def paired(cases: Sequence[Case], seed: int) -> list[Case]:
    """Return all pairwise combinations of effect, kind and recovery, in few cases that break every boundary.

    An effect is a family of boundaries: equal effects of one load, such as its temporary files, or the statements of
    one transaction, which all roll back to the same state.
    """
    shuffled = list(cases)
    random.Random(seed).shuffle(shuffled)  # noqa: S311
    wanted = {pair for case in cases for pair in _pairs(case)}
    chosen: list[Case] = []
    while wanted:
        best = max(shuffled, key=lambda case: len(_pairs(case) & wanted))
        chosen.append(best)
        wanted -= _pairs(best)
    return [*chosen, *(case for case in cases if case.happening and case not in chosen)]


def _pairs(case: Case) -> set[tuple[str, ...]]:
    effect, kind = family(case.boundary), str(case.kind or case.happening)
    pairs: set[tuple[str, ...]] = {(effect, kind), (effect, case.recovery), (kind, case.recovery)}
    return pairs | {(case.boundary,)} if case.kind is not None else pairs  # a happening breaks no boundary
