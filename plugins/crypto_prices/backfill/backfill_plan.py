"""Planning a backfill: which windows to load, which days are loaded already, and what it will cost. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from crypto_prices_contract.window import Window

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
class Load:
    """One load of ``crypto.etl_metadata``, as ``sql/backfill/find_loads.sql`` gives it.

    Attributes:
        source: Name of the source.
        batch_id: The load's name.
        window: The days that were loaded.
        markets: Canonical markets that were asked for.
        load_number: Its place in the order of all loads.
        status: ``loaded`` when its counts agreed, ``merged`` when they did not.
        is_recorded: Whether its run knows of it and has published it in the catalog.
        rows_owned: Rows of the fact table that it has merged and that no later load has replaced.
        rows_now: Rows of it that are in the fact table.
        raw_manifest: URI of what was fetched.
    """

    source: str
    batch_id: str
    window: Window
    markets: frozenset[str]
    load_number: int
    status: str
    is_recorded: bool
    rows_owned: int
    rows_now: int
    raw_manifest: str = ""

    @property
    def is_intact(self) -> bool:
        """Whether it added up and was published, and all that it loaded and no later load has replaced is there."""
        return self.status == "loaded" and self.is_recorded and self.rows_now == self.rows_owned


def loads_of_rows(rows: Iterable[Mapping[str, Any]], candle_interval: str) -> list[Load]:
    """Return the loads of an interval out of rows of ``sql/backfill/find_loads.sql``."""
    return [
        Load(
            source=str(row["source"]),
            batch_id=str(row["batch_id"]),
            window=Window.parse(str(row["window_start"]), str(row["window_end"])),
            markets=frozenset(str(row["markets"] or "").split(",")),
            load_number=int(row["load_number"] or 0),
            status=str(row["status"]),
            is_recorded=bool(row["is_recorded"]),
            rows_owned=int(row["rows_owned"] or 0),
            rows_now=int(row["rows_now"] or 0),
            raw_manifest=str(row["raw_manifest"]),
        )
        for row in rows
        if row["candle_interval"] == candle_interval
    ]


@dataclass(frozen=True)
class RequestSize:
    """How a source gives candles.

    Attributes:
        rows_per_request: Most candles in one answer.
        bytes_per_record: Length of one candle in an answer, roughly.
    """

    rows_per_request: int
    bytes_per_record: int


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


@dataclass(frozen=True)
class BackfillPlan:
    """What a backfill will do.

    Attributes:
        span: All days that were asked for.
        windows: Windows to load, oldest first.
        skipped: Days that are not loaded again, with the loads that have them.
        requests: Number of API requests.
        records: Number of candles, if no market has gaps.
        raw_bytes: Bytes of the answers before compression, roughly.
        glue: What the Glue job's runs take.
    """

    span: Window
    windows: Sequence[Window]
    skipped: Mapping[date, str]
    requests: int
    records: int
    raw_bytes: int
    glue: GlueJob

    @property
    def windows_by_days(self) -> Mapping[int, int]:
        """How many windows there are of each length in days, the longest first."""
        counted = Counter((window.end - window.start).days for window in self.windows)
        return dict(sorted(counted.items(), reverse=True))

    @property
    def dpu_minutes(self) -> float:
        """DPU-minutes of all Glue runs."""
        return self.glue.dpus * sum(
            count * self.glue.estimate(days).billed_minutes for days, count in self.windows_by_days.items()
        )


def loaded_days(span: Window, markets: Mapping[str, Iterable[str]], loads: Iterable[Load]) -> dict[date, str]:
    """Return the days of a span whose every market is loaded, with the batches that loaded it.

    Of each market and day the newest load counts, also one that did not add up or was not published. A day is loaded
    when all of those are intact; what an exchange had no candle of is loaded too, because it was asked for.

    Args:
        span: The days to look at.
        markets: Canonical markets by source.
        loads: Loads that touch the span.
    """
    wanted = {(source, market) for source, listed in markets.items() for market in listed}
    newest: dict[tuple[date, str, str], Load] = {}
    for load in sorted(loads, key=lambda load: load.load_number):
        for day in Window(max(load.window.start, span.start), min(load.window.end, span.end)).days():
            for market in load.markets:
                newest[day, load.source, market] = load
    found: dict[date, str] = {}
    for day in span.days():
        of_day = [newest.get((day, source, market)) for source, market in wanted]
        if all(load is not None and load.is_intact for load in of_day):
            found[day] = ", ".join(sorted({load.batch_id for load in of_day if load is not None}))
    return found


def split_into_windows(days: Iterable[date], chunk_days: int) -> list[Window]:
    """Return the fewest windows of at most ``chunk_days`` that cover exactly these days."""
    windows: list[Window] = []
    for day in sorted(set(days)):
        last = windows[-1] if windows else None
        if last is not None and last.end == day and (last.end - last.start).days < chunk_days:
            windows[-1] = Window(last.start, day + timedelta(days=1))
        else:
            windows.append(Window.of_day(day))
    return windows


def plan_backfill(
    span: Window,
    *,
    chunk_days: int,
    force: bool,
    markets: Mapping[str, Sequence[str]],
    loads: Iterable[Load],
    interval: timedelta,
    request_sizes: Mapping[str, RequestSize],
    glue: GlueJob,
) -> BackfillPlan:
    """Return what a backfill of a span will do.

    Args:
        span: All days that are asked for.
        chunk_days: Longest window in days.
        force: Load also what is loaded.
        markets: Canonical markets by source.
        loads: Loads that touch the span.
        interval: Length of a candle.
        request_sizes: How each source gives candles.
        glue: What the Glue job's runs take.
    """
    skipped = {} if force else loaded_days(span, markets, loads)
    windows = split_into_windows((day for day in span.days() if day not in skipped), chunk_days)
    requests = records = raw_bytes = 0
    for window in windows:
        candles = (window.ends_at - window.starts_at) // interval
        for source, listed in markets.items():
            size = request_sizes[source]
            requests += len(listed) * -(-candles // size.rows_per_request)
            records += len(listed) * candles
            raw_bytes += len(listed) * candles * size.bytes_per_record
    return BackfillPlan(span, windows, skipped, requests, records, raw_bytes, glue)


def plan_as_text(plan: BackfillPlan) -> str:
    """Return the plan and its price as a table for people."""
    days = (plan.span.end - plan.span.start).days
    lines = [
        f"Backfill of [{plan.span.start}, {plan.span.end}): {days} days",
        f"  to load         {days - len(plan.skipped)} days in {len(plan.windows)} windows",
        f"  skipped         {len(plan.skipped)} days that are loaded",
        f"  API requests    {plan.requests}",
        f"  candles         {plan.records} at the most, about {_size(plan.raw_bytes)} before compression",
        f"  Glue runs       {len(plan.windows)}, about {plan.dpu_minutes:.1f} DPU-minutes ({plan.glue.dpus:g} DPUs)",
    ]
    lines += [
        f"  Glue runs       {count} of {_days(days)}: {_estimate_as_text(plan.glue.estimate(days))}"
        for days, count in plan.windows_by_days.items()
    ]
    lines += [f"  window          [{window.start}, {window.end})" for window in plan.windows]
    lines += [
        f"  skipped         [{window.start}, {window.end}): loaded by {why}"
        for window, why in _skipped_windows(plan.skipped)
    ]
    return "\n".join(lines)


def _estimate_as_text(estimate: GlueEstimate) -> str:
    if not estimate.of:
        return f"{estimate.seconds:.0f} s each is assumed, as no run has ended yet"
    lengths = Counter(run.days for run in estimate.of)
    which = ", ".join(f"{count} of {_days(days)}" for days, count in sorted(lengths.items(), reverse=True))
    return f"{estimate.seconds:.0f} s each, the mean of {len(estimate.of)} earlier runs ({which})"


def _days(number: int) -> str:
    return "1 day" if number == 1 else f"{number} days"


def _skipped_windows(skipped: Mapping[date, str]) -> list[tuple[Window, str]]:
    grouped: list[tuple[Window, str]] = []
    for day, why in sorted(skipped.items()):
        if grouped and grouped[-1][0].end == day and grouped[-1][1] == why:
            grouped[-1] = (Window(grouped[-1][0].start, day + timedelta(days=1)), why)
        else:
            grouped.append((Window.of_day(day), why))
    return grouped


def _size(number: float) -> str:
    for unit in ("bytes", "KB", "MB"):
        if number < 1000:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"
