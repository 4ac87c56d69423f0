"""Which version of a day readers of the catalog are to see. Pure; the operator asks the warehouse and the catalog.

The warehouse decides: merges take turns there, so loads have an order, and the catalog follows it. What it has refused
is never published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from crypto_prices.catalog import Publication
from crypto_prices.curation_report import CurationReport, DayVersion
from crypto_prices.window import Window


class StaleVersionError(ValueError):
    """A version lacks what another run has loaded of other markets; the message says what to clear."""


@dataclass(frozen=True)
class NumberedLoad:
    """A load of the warehouse.

    Attributes:
        window: Its days.
        load_number: Its place in the order of all loads.
        glue_job_run_id: The Glue run that curated it.
        markets: The markets that it replaced, ``source/candle_interval/symbol/quote_currency``.
    """

    window: Window
    load_number: int
    glue_job_run_id: str
    markets: frozenset[str]

    def covers(self, day: date) -> bool:
        """Whether a day is in its window."""
        return self.window.start <= day < self.window.end


def numbered_loads(rows: Iterable[Mapping[str, Any]]) -> list[NumberedLoad]:
    """Return the loads, oldest first, of rows of ``sql/load/find_load_order.sql``, of which each source has its own."""
    loads: dict[str, NumberedLoad] = {}
    for row in rows:
        markets = {
            f"{row['source']}/{row['candle_interval']}/{market}"
            for market in str(row.get("markets") or "").split(",")
            if market
        }
        run = str(row["glue_job_run_id"])
        seen = loads[run].markets if run in loads else frozenset()
        loads[run] = NumberedLoad(
            window=Window.parse(str(row["window_start"]), str(row["window_end"])),
            load_number=int(row["load_number"] or 0),
            glue_job_run_id=run,
            markets=seen | markets,
        )
    return sorted(loads.values(), key=lambda load: load.load_number)


def version_to_publish(
    day: date, own: NumberedLoad, loads: Iterable[NumberedLoad], report_of: Callable[[str], CurationReport | None]
) -> Publication | None:
    """Return what the catalog is to show of a day after a load; None when the day has no rows any more.

    That is the version of the newest load that holds everything: its own markets, and those of the loads before it as
    they were loaded. One that was curated while another run loaded other markets lacks those.

    Args:
        day: A day of the load's window.
        own: The load.
        loads: All loads that touch the day.
        report_of: Gives the report of a Glue run, None when there is none any more.

    Raises:
        StaleVersionError: Not even the load's own version does.
    """
    of_day = sorted((load for load in loads if load.covers(day)), key=lambda load: load.load_number)
    for place in range(len(of_day) - 1, -1, -1):
        load = of_day[place]
        report = report_of(load.glue_job_run_id)
        version = report.days.get(day.isoformat()) if report else None
        lost = _lost_markets(day, load, of_day[:place], version.markets if version else {}, report_of)
        if report is not None and not lost:
            return None if version is None else _publication(report, version)
        if load.glue_job_run_id == own.glue_job_run_id:
            raise StaleVersionError(
                f"Glue run {load.glue_job_run_id} has not seen what was loaded of {', '.join(lost)} on {day} "
                "meanwhile: clear curate_prices with its downstream tasks, so that it does"
            )
    raise LookupError(f"Glue run {own.glue_job_run_id} is not among the loads of {day}")


def _publication(report: CurationReport, version: DayVersion) -> Publication:
    return Publication(
        location=version.location,
        job_run_id=report.job_run_id,
        batch_id=report.batch_id,
        rows=version.rows,
        markets=version.markets,
    )


def _lost_markets(
    day: date,
    load: NumberedLoad,
    earlier: list[NumberedLoad],
    kept: dict[str, str],
    report_of: Callable[[str], CurationReport | None],
) -> list[str]:
    """Return the markets of earlier loads that a version neither replaces nor holds as they were loaded last."""
    lost, decided = [], set(load.markets)
    for before in reversed(earlier):
        for market in sorted(before.markets - decided):
            if kept.get(market) != before.glue_job_run_id:
                report = report_of(before.glue_job_run_id)
                # A day without any rows leaves no partition, and so nothing to carry over.
                if report is None or day.isoformat() in report.days:
                    lost.append(market)
        decided |= before.markets
    return lost
