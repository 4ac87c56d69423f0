"""Which version of a day readers of the catalog are to see. Pure; the operator asks the warehouse and the catalog.

The warehouse decides: merges take turns there, so loads have an order, and the catalog follows it. What it has refused
is never published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from crypto_prices_contract.curation_report import CurationReport, DayVersion
from crypto_prices_contract.markets import market_key
from crypto_prices_contract.window import Window

from crypto_prices.aws.catalog import Publication


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
    """Return the loads, oldest first, of the rows of ``sql/publish/find_load_order.sql`` (one per load and source)."""
    loads: dict[str, NumberedLoad] = {}
    for row in rows:
        markets = {
            market_key(str(row["source"]), str(row["candle_interval"]), market)
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


class LoadOrder:
    """The loads of one day in their order, and which of their versions hold everything.

    Args:
        day: The day.
        loads: All loads that touch it.
        report_of: Gives the report of a Glue run, None when there is none any more.
    """

    def __init__(
        self, day: date, loads: Iterable[NumberedLoad], report_of: Callable[[str], CurationReport | None]
    ) -> None:
        self._day = day.isoformat()
        self._loads = sorted((load for load in loads if load.covers(day)), key=lambda load: load.load_number)
        self._report_of = report_of

    def newest_whole(self) -> NumberedLoad | None:
        """Return the newest load whose version holds everything, None when there is none.

        Everything is its own markets, and those of the loads before it as they were loaded. A version that was curated
        while another run loaded other markets lacks those.
        """
        return next((load for load in reversed(self._loads) if self.is_whole(load)), None)

    def is_whole(self, load: NumberedLoad) -> bool:
        """Whether the version of a load can be shown: its report is there, and it lacks nothing."""
        return self._report_of(load.glue_job_run_id) is not None and not self.missing(load)

    def missing(self, load: NumberedLoad) -> dict[str, str]:
        """Return the markets that a version neither replaces nor holds as they were loaded last.

        Returns:
            The Glue runs that loaded them, by market.
        """
        kept = version.markets if (version := self._version(load)) else {}
        missing: dict[str, str] = {}
        decided = set(load.markets)
        for before in reversed(self._loads[: self._loads.index(load)]):
            left_nothing = self._left_nothing(before)
            for market in before.markets - decided:
                # A market of a day without any rows may be carried over or not. Rows of another load may not.
                if kept.get(market, before.glue_job_run_id if left_nothing else None) != before.glue_job_run_id:
                    missing[market] = before.glue_job_run_id
            decided |= before.markets
            if left_nothing and self.is_whole(before):
                break  # nothing that was loaded before was left
        return missing

    def shows_later(self, job_run_id: str, load: NumberedLoad) -> bool:
        """Whether a Glue run is that of a later load than another one."""
        return any(
            other.glue_job_run_id == job_run_id and other.load_number > load.load_number for other in self._loads
        )

    def publication(self, load: NumberedLoad) -> Publication | None:
        """Return what the catalog is to show when it shows a load's version; None when the day has no rows in it."""
        report, version = self._report_of(load.glue_job_run_id), self._version(load)
        if report is None or version is None or not version.rows:
            return None
        return Publication(
            location=version.location,
            job_run_id=report.job_run_id,
            batch_id=report.batch_id,
            rows=version.rows,
            markets=version.markets,
        )

    def _version(self, load: NumberedLoad) -> DayVersion | None:
        report = self._report_of(load.glue_job_run_id)
        return report.days.get(self._day) if report else None

    def _left_nothing(self, load: NumberedLoad) -> bool:
        return self._report_of(load.glue_job_run_id) is not None and not (
            (version := self._version(load)) and version.rows
        )
