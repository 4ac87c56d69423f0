"""The choice of the version of each day that the catalog shows. No I/O: the operator queries warehouse and catalog.

The warehouse decides. Its load lock gives loads an order, and the catalog follows that order. A version that the
warehouse rejected is never published.
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
from crypto_prices.market_sets import MarketSets


@dataclass(frozen=True)
class NumberedLoad:
    """A load of the warehouse.

    Attributes:
        window: Its days.
        load_number: Its position in the order of all loads.
        glue_job_run_id: The Glue run that curated it.
        markets: The markets that it replaced, as ``source/candle_interval/symbol/quote_currency``.
    """

    window: Window
    load_number: int
    glue_job_run_id: str
    markets: frozenset[str]

    def covers(self, day: date) -> bool:
        """Return whether a day is in the load's window."""
        return self.window.start <= day < self.window.end


def numbered_loads(rows: Iterable[Mapping[str, Any]], market_sets: MarketSets | None = None) -> list[NumberedLoad]:
    """Return the loads in the rows of ``sql/publish/find_load_order.sql`` (one per load and source), oldest first.

    Args:
        rows: The rows. Other statements with these columns are accepted, too.
        market_sets: The sets of the loads. Without them, the loads have no markets.

    Raises:
        UnknownMarketSetError: The set of a load is missing.
    """
    loads: dict[str, NumberedLoad] = {}
    for row in rows:
        requested = market_sets.of_load(row) if market_sets is not None else ()
        markets = {market_key(str(row["source"]), str(row["candle_interval"]), market) for market in requested}
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
    """The loads of one day in order, with the completeness of their versions.

    Args:
        day: The day.
        loads: All loads that touch the day.
        report_of: Returns the report of a Glue run, or None if it no longer exists.
    """

    def __init__(
        self, day: date, loads: Iterable[NumberedLoad], report_of: Callable[[str], CurationReport | None]
    ) -> None:
        self._day = day.isoformat()
        self._loads = sorted((load for load in loads if load.covers(day)), key=lambda load: load.load_number)
        self._report_of = report_of

    def newest_whole(self) -> NumberedLoad | None:
        """Return the newest load with a complete version, or None if there is none.

        A complete version has the load's own markets, and the markets of earlier loads as those loads left them. A
        version that was curated while another run loaded other markets lacks those.
        """
        return next((load for load in reversed(self._loads) if self.is_whole(load)), None)

    def is_whole(self, load: NumberedLoad) -> bool:
        """Return whether the version of a load can be shown: its report exists and it is complete."""
        return self._report_of(load.glue_job_run_id) is not None and not self.missing(load)

    def missing(self, load: NumberedLoad) -> dict[str, str]:
        """Return the markets that a version neither replaces nor contains as they were loaded last.

        Returns:
            The Glue runs that loaded them, by market.
        """
        kept = version.markets if (version := self._version(load)) else {}
        missing: dict[str, str] = {}
        decided = set(load.markets)
        for before in reversed(self._loads[: self._loads.index(load)]):
            left_nothing = self._left_nothing(before)
            for market in before.markets - decided:
                # If a load left no rows of the day, its markets may be carried over or not. Rows of another load may
                # not be carried over.
                if kept.get(market, before.glue_job_run_id if left_nothing else None) != before.glue_job_run_id:
                    missing[market] = before.glue_job_run_id
            decided |= before.markets
            if left_nothing and self.is_whole(before):
                break  # this load removed all earlier rows
        return missing

    def shows_later(self, job_run_id: str, load: NumberedLoad) -> bool:
        """Return whether a Glue run belongs to a later load than the given one."""
        return any(
            other.glue_job_run_id == job_run_id and other.load_number > load.load_number for other in self._loads
        )

    def publication(self, load: NumberedLoad) -> Publication | None:
        """Return the publication of a load's version; None if it has no rows of the day."""
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
