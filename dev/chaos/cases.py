"""Cases: a boundary, how it is broken, and what happens next; all of them, or a seeded sample."""

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
"""How the ids of runs begin whose fault stays until they have failed."""


class Recovery(StrEnum):
    """What happens after a fault."""

    RETRY = "retry"
    """The fault comes once; Airflow's own retries go on."""
    CLEAR_FAILED = "clear-failed"
    """The fault stays until the run has failed; a person clears what failed."""
    CLEAR_ALL = "clear-all"
    """The fault stays until the run has failed; a person clears the whole run."""
    REPROCESS = "reprocess"
    """The fault stays until the run has failed; a backfill reprocesses the day."""
    SECOND_RUN = "second-run"
    """The fault comes once, while a second run loads the same day."""

    @property
    def needs_failure(self) -> bool:
        """Whether somebody acts because the run has failed; until then the fault stays."""
        return self in (Recovery.CLEAR_FAILED, Recovery.CLEAR_ALL, Recovery.REPROCESS)


class Happening(StrEnum):
    """What people or clocks do to a load, beyond a broken boundary."""

    STAGING_HALVED = "staging halved before the merge"
    FACT_DAMAGED = "rows deleted after the load, then merge_into_fact cleared alone"
    DAY_NOT_OVER = "a day that is not over"
    CANDLES_CORRECTED = "the exchange has corrected its candles, and nobody forces the load"
    MERGES_MEET = "a merge is held inside its transaction until another one comes"
    CANDLE_MISSING = "the exchange gives a candle fewer than is loaded, and nobody forces the load"
    FETCHED_LATER = "what is loaded was fetched after what is staged, and nobody forces the load"


UNFORCED = (Happening.CANDLES_CORRECTED, Happening.CANDLE_MISSING, Happening.FETCHED_LATER)
"""They are about what a load does that nobody forces."""


@dataclass(frozen=True)
class Case:
    """One thing that goes wrong, and what is done about it.

    Attributes:
        boundary: Where, see ``boundaries``; ``nothing`` for a happening.
        kind: How it is broken; None for a happening.
        recovery: What happens next.
        happening: What else happens.
        guard_off: The guard that is switched off (see ``guards``); None for a case that must pass.
        forced: Whether its loads are forced; None to have it as ``is_forced`` says.
    """

    boundary: str
    kind: Kind | None
    recovery: Recovery
    happening: Happening | None = None
    guard_off: str | None = None
    forced: bool | None = None

    @property
    def name(self) -> str:
        """The case's name, as ``--case`` takes it."""
        what = self.happening.value if self.happening else f"{self.boundary} {self.kind}"
        text = f"{what} {self.recovery}" + (f" without {self.guard_off}" if self.guard_off else "")
        return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")

    @property
    def is_forced(self) -> bool:
        """Whether the loads are forced. Half are not: they may be skipped, but only when all is there already."""
        if self.forced is not None:
            return self.forced
        return self.happening not in UNFORCED and zlib.crc32(self.name.encode()) % 2 == 0

    @property
    def has_surplus(self) -> bool:
        """Whether the day begins with a candle that the exchange does not give.

        A load that is not forced refuses to remove it.
        """
        return self.is_forced or self.happening == Happening.CANDLE_MISSING

    @property
    def is_open(self) -> bool:
        """Whether the day is not over, so that there is nothing to load."""
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
    """Return every case: each boundary, each way in which it can be broken, each recovery, and the happenings."""
    crossed = [
        Case(boundary, kind, recovery)
        for boundary in boundaries
        for kind in kinds_of(boundary)
        for recovery in Recovery
    ]
    return [*crossed, *HAPPENINGS]


def kinds_of(boundary: str) -> tuple[Kind, ...]:
    """Return how a boundary can be broken: inside a transaction a statement can only fail, and its commit too."""
    called = (Kind.REFUSED, Kind.LOST, Kind.KILLED, Kind.SLOW)
    return (Kind.REFUSED,) if is_inside_transaction(boundary) else called


def is_inside_transaction(boundary: str) -> bool:
    """Whether a boundary is a statement of a batch, or its commit."""
    return ": " in boundary


def sample(cases: Sequence[Case], size: int, seed: int) -> list[Case]:
    """Return some cases: at first every kind and recovery, then what chance brings, always the same for a seed."""
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
    """Return fewer cases, in which every two of effect, kind and recovery still meet, and every boundary is broken.

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
    return {(effect, kind), (effect, case.recovery), (kind, case.recovery), (case.boundary,)}
