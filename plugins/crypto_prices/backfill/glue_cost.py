"""The cost of Glue runs, estimated from earlier runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crypto_prices_contract.job_arguments import option
from crypto_prices_contract.window import Window, WindowError

DPU_PER_WORKER: Mapping[str, float] = {
    "G.025X": 0.25, "G.1X": 1, "G.2X": 2, "G.4X": 4, "G.8X": 8, "G.12X": 12, "G.16X": 16,
    "R.1X": 1, "R.2X": 2, "R.4X": 4, "R.8X": 8, "Standard": 1,
}  # fmt: skip
"""https://docs.aws.amazon.com/glue/latest/dg/worker-types.html"""

ASSUMED_RUN_SECONDS = 120.0
"""Length of a Glue run that is assumed where no run has ended yet."""

RUNS_AVERAGED = 10
"""Most earlier Glue runs that a price is a mean of."""

SHORTEST_BILLED_SECONDS = 60.0
"""Glue bills by the second, but a minute at least. https://aws.amazon.com/glue/pricing/"""


@dataclass(frozen=True)
class PastGlueRun:
    """A Glue run that has succeeded.

    Attributes:
        days: Length of its window.
        seconds: How long it ran.
    """

    days: int
    seconds: float


@dataclass(frozen=True)
class GlueEstimate:
    """How long a Glue run of a window will take.

    Attributes:
        seconds: The mean length of the runs in ``of``, or ``ASSUMED_RUN_SECONDS``.
        of: The earlier runs that it is the mean of; none when none has ended.
    """

    seconds: float
    of: Sequence[PastGlueRun]

    @property
    def billed_minutes(self) -> float:
        """Minutes of each DPU that a run is billed for."""
        return max(self.seconds, SHORTEST_BILLED_SECONDS) / 60


@dataclass(frozen=True)
class GlueJob:
    """What the Glue job's runs take.

    Attributes:
        dpus: Data processing units of the job's workers.
        past_runs: Runs that have succeeded, the newest first.
    """

    dpus: float
    past_runs: Sequence[PastGlueRun]

    def estimate(self, days: int) -> GlueEstimate:
        """Return how long a run of a window of so many days will take.

        A run of a month takes longer than one of a day, so only runs of windows half to twice as long count, the
        nearest length first, and the newest of one length; where there is none, those of the nearest length.
        """
        nearest = sorted(self.past_runs, key=lambda run: abs(run.days - days))
        alike = [run for run in nearest if days <= 2 * run.days and run.days <= 2 * days]
        taken = (alike or [run for run in nearest if run.days == nearest[0].days])[:RUNS_AVERAGED]
        if not taken:
            return GlueEstimate(ASSUMED_RUN_SECONDS, [])
        return GlueEstimate(sum(run.seconds for run in taken) / len(taken), taken)


def past_run(run: Mapping[str, Any]) -> PastGlueRun | None:
    """Return a run of GetJobRuns, or None for one that did not succeed or that somebody started without a window."""
    arguments = run.get("Arguments", {})
    try:
        window = Window.parse(arguments.get(option("window_start"), ""), arguments.get(option("window_end"), ""))
    except WindowError:
        return None
    if run["JobRunState"] != "SUCCEEDED":
        return None
    return PastGlueRun((window.end - window.start).days, run["ExecutionTime"])
