"""The results of a run's earlier tasks, read from XCom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crypto_prices_contract.curation_report import CurationReport
from crypto_prices_contract.window import Window

from crypto_prices.marts.refresh import Refresh
from crypto_prices.once_per_try import once_per_try
from crypto_prices.xcom.batch import Batch, loaded_sources
from crypto_prices.xcom.curation_report import CurationReportError, check_report, parse_report
from crypto_prices.xcom.fetched_source import FetchedSource
from crypto_prices.xcom.parse_result import parse_result

EXPECTED_MARKETS = "expected_markets"
"""Key of the XCom of ``resolve_window`` with the markets of the run on all days, as rows of the table of that name."""


@once_per_try
def window(ti: Any) -> Window:
    """Return the window that the run's ``resolve_window`` task resolved."""
    # One item per source, all with the same window.
    first = _resolved(ti)[0]
    return Window.parse(first.window_start, first.window_end)


@once_per_try
def sources(ti: Any) -> list[str]:
    """Return the sources of the run's ``fetch_prices`` tasks, in their order."""
    return [item.source for item in _resolved(ti)]


@once_per_try
def expected_markets(ti: Any) -> list[dict[str, Any]]:
    """Return the markets of the run's exchanges that responded, as rows of ``crypto.expected_markets``."""
    rows: list[dict[str, Any]] = _pull(ti, "resolve_window", EXPECTED_MARKETS)
    return rows


@once_per_try
def fetched(ti: Any) -> list[FetchedSource]:
    """Return the results of the run's ``fetch_prices`` tasks, one per source that was fetched.

    Results of task instances that the run no longer has, because its settings changed, are ignored.

    Raises:
        LookupError: Nothing was fetched, or the fetched sources are not those of ``resolve_window``.
    """
    wanted = sources(ti)
    results = ti.xcom_pull(task_ids="fetch_prices", map_indexes=list(range(len(wanted))))
    found = {
        place: parse_result(FetchedSource, result, "fetch_prices")
        for place, result in enumerate(results)
        if result is not None
    }
    if not found or any(wanted[place] != source.source for place, source in found.items()):
        names = ", ".join(source.source for source in found.values()) or "nothing"
        raise LookupError(
            f"expected {', '.join(wanted)}, fetched {names}: clear fetch_prices with its downstream tasks"
        )
    return list(found.values())


@once_per_try
def batch(ti: Any) -> Batch:
    """Return the batch from the run's ``plan_load`` task."""
    return parse_result(Batch, _pull(ti, "plan_load"), "plan_load")


@once_per_try
def report(ti: Any) -> CurationReport:
    """Return the curation report from the run's ``read_curation_report`` task.

    Raises:
        CurationReportError: It no longer belongs to the batch, because the run has fetched or planned again since then.
            Or an earlier Glue script wrote it, whose reports this code does not read.
    """
    try:
        found = parse_report(_pull(ti, "read_curation_report"))
    except CurationReportError as error:
        raise CurationReportError(f"{error}. Clear curate_prices with its downstream tasks") from None
    check_report(found, batch(ti))
    return found


@once_per_try
def loaded(ti: Any) -> list[FetchedSource]:
    """Return the sources that the run loads: those of the batch without the ones that the Glue job refused."""
    return loaded_sources(batch(ti), report(ti))


@once_per_try
def refresh(ti: Any) -> Refresh:
    """Return the refresh of the marts from the run's ``plan_refresh`` task."""
    return parse_result(Refresh, _pull(ti, "plan_refresh"), "plan_refresh")


@dataclass(frozen=True)
class _Resolved:
    """The part of an item of ``resolve_window`` that other tasks than ``fetch_prices`` need."""

    source: str
    window_start: str
    window_end: str


def _resolved(ti: Any) -> list[_Resolved]:
    return parse_result(list[_Resolved], _pull(ti, "resolve_window"), "resolve_window")


def _pull(ti: Any, task_id: str, key: str = "return_value") -> Any:
    data = ti.xcom_pull(task_ids=task_id, key=key)
    if data is None:
        raise LookupError(f"task {task_id} of this run has no result: clear {task_id} with its downstream tasks")
    return data
