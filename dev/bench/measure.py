"""A row of the table: what was measured, what it is compared with, and the goal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Literal

Unit = Literal["s", "CPU s", "MB", "requests"]


@dataclass(frozen=True)
class Measure:
    """One row of the table.

    Attributes:
        name: What was measured, with its size.
        ours: The measured value, a median.
        peer: The floor or the peer, measured in the same run, in the same unit; None if there is none.
        goal: The largest ratio of the two that meets the goal; None for a value that is only stated.
        unit: Wall time in seconds, CPU time of all processes in seconds, memory, or a number of requests.
    """

    name: str
    ours: float
    peer: float | None = None
    goal: float | None = None
    unit: Unit = "s"

    def __post_init__(self) -> None:
        if self.goal is not None and self.peer is None:
            raise ValueError(f"{self.name} has a goal and nothing to compare with")

    @property
    def ratio(self) -> float | None:
        """How many times the peer's value ours is."""
        if self.peer is None:
            return None
        return self.ours / self.peer if self.peer else float("inf") if self.ours else 1.0

    @property
    def is_met(self) -> bool | None:
        """Whether the ratio meets the goal; None without a goal."""
        return None if self.goal is None or self.ratio is None else self.ratio <= self.goal


def medians(rounds: int, runs: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """Return the median result of each run by its name.

    The runs alternate, so that what slows the machine down for a while slows down all of them.

    Args:
        rounds: How often each of them runs.
        runs: Functions that return what they measured.
    """
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            found[name].append(run())
    return {name: median(values) for name, values in found.items()}
