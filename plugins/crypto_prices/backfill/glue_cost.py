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
"""Assumed length of a Glue run if no run has ended yet."""

RUNS_AVERAGED = 10
"""Maximum number of earlier Glue runs to average."""

SHORTEST_BILLED_SECONDS = 60.0
"""Glue bills by the second, with a minimum of one minute. https://aws.amazon.com/glue/pricing/"""


@dataclass(frozen=True)
class PastGlueRun:
    """A successful Glue run.

    Attributes:
        days: Length of its window, in days.
        seconds: Duration of the run.
    """

    days: int
    seconds: float


@dataclass(frozen=True)
class GlueRun:
    """The resources that a Glue run took.

    Attributes:
        seconds: Duration of the run.
        dpus: Data processing units of its workers.
    """

    seconds: float
    dpus: float

    @property
    def dpu_hours(self) -> float:
        """Billed DPU-hours."""
        return self.dpus * max(self.seconds, SHORTEST_BILLED_SECONDS) / 3600


@dataclass(frozen=True)
class GlueEstimate:
    """The estimated duration of a Glue run.

    Attributes:
        seconds: Mean duration of the runs in ``of``, or ``ASSUMED_RUN_SECONDS``.
        of: The averaged earlier runs; empty if none has ended.
    """

    seconds: float
    of: Sequence[PastGlueRun]

    @property
    def billed_minutes(self) -> float:
        """Billed minutes of a run, per DPU."""
        return max(self.seconds, SHORTEST_BILLED_SECONDS) / 60


@dataclass(frozen=True)
class GlueJob:
    """The Glue job's resources and its successful runs.

    Attributes:
        dpus: Data processing units of the job's workers.
        past_runs: Successful runs, newest first.
    """

    dpus: float
    past_runs: Sequence[PastGlueRun]

    def estimate(self, days: int) -> GlueEstimate:
        """Return the estimated duration of a run for a window of this many days.

        A run for a month takes longer than a run for a day. So only runs with windows of half to twice the length are
        averaged, those of the nearest length first, and the newest first among equal lengths. If there are none, the
        runs of the nearest length are averaged.
        """
        nearest = sorted(self.past_runs, key=lambda run: abs(run.days - days))
        alike = [run for run in nearest if days <= 2 * run.days and run.days <= 2 * days]
        taken = (alike or [run for run in nearest if run.days == nearest[0].days])[:RUNS_AVERAGED]
        if not taken:
            return GlueEstimate(ASSUMED_RUN_SECONDS, [])
        return GlueEstimate(sum(run.seconds for run in taken) / len(taken), taken)


def past_run(run: Mapping[str, Any]) -> PastGlueRun | None:
    """Return a run from GetJobRuns, or None if it did not succeed or was started by hand without a window."""
    arguments = run.get("Arguments", {})
    try:
        window = Window.parse(arguments.get(option("window_start"), ""), arguments.get(option("window_end"), ""))
    except WindowError:
        return None
    if run["JobRunState"] != "SUCCEEDED":
        return None
    return PastGlueRun((window.end - window.start).days, run["ExecutionTime"])
