"""What the DAGs' templates and SQL files can name, such as ``settings()`` and ``batch(ti)``, and the SQL filters.

Templates are rendered in the running task, so this is where settings and the results of earlier tasks become
arguments of the Amazon provider's operators.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from crypto_prices_contract.window import Window

from crypto_prices.fetch.sources import get_source
from crypto_prices.settings import load_settings
from crypto_prices.sql_literals import sql_literal, sql_name
from crypto_prices.xcom.batch import Batch, FetchedSource
from crypto_prices.xcom.curation_report import CurationReport, check_report


def window(ti: Any) -> Window:
    """Return the window that the run's ``resolve_window`` task resolved."""
    # One item per source, all of the same window.
    first = _pull(ti, "resolve_window")[0]
    return Window.parse(first["window_start"], first["window_end"])


def sources(ti: Any) -> list[str]:
    """Return the sources that the run's ``fetch_prices`` tasks were to fetch, in their order."""
    return [item["source"] for item in _pull(ti, "resolve_window")]


def fetched(ti: Any) -> list[FetchedSource]:
    """Return what the run's ``fetch_prices`` tasks fetched, one item for each source; one that failed has none.

    A task instance of a source that the run no longer has leaves its result behind; it is not asked for.

    Raises:
        LookupError: Nothing was fetched, or something else than what was resolved.
    """
    wanted = sources(ti)
    results = ti.xcom_pull(task_ids="fetch_prices", map_indexes=list(range(len(wanted))))
    found = {place: FetchedSource(**result) for place, result in enumerate(results) if result is not None}
    if not found or any(wanted[place] != source.source for place, source in found.items()):
        names = ", ".join(source.source for source in found.values()) or "nothing"
        raise LookupError(
            f"the run is to load {', '.join(wanted)}, but has fetched {names}: "
            "clear fetch_prices with its downstream tasks"
        )
    return list(found.values())


def batch(ti: Any) -> Batch:
    """Return the batch that the run's ``plan_load`` task planned."""
    return Batch.from_xcom(_pull(ti, "plan_load"))


def report(ti: Any) -> CurationReport:
    """Return the curation report that the run's ``read_curation_report`` task read.

    Raises:
        CurationReportError: Since then something else was fetched or planned, so it is not of the batch any more.
    """
    found = CurationReport.parse(_pull(ti, "read_curation_report"))
    check_report(found, batch(ti))
    return found


def interval_seconds(fetched: FetchedSource) -> int:
    """Return the length of a source's candles in seconds."""
    return get_source(fetched.source).interval_length(fetched.candle_interval) // timedelta(seconds=1)


def expected_candles(fetched: FetchedSource, window: Window) -> int:
    """Return how many candles a market without interruption has in a window."""
    return (window.ends_at - window.starts_at) // timedelta(seconds=interval_seconds(fetched))


def use_redshift_secret(context: Any) -> None:
    """Give a RedshiftDataOperator the secret of the settings, just before it runs.

    ``secret_arn`` is the one argument of the provider's operator that is not a template field, and settings must not
    be read when the DAG file is parsed; ``pre_execute`` runs in the task, after the templates are rendered.
    """
    context["task"].secret_arn = load_settings().redshift_secret_arn


def _pull(ti: Any, task_id: str) -> Any:
    data = ti.xcom_pull(task_ids=task_id)
    if data is None:
        raise LookupError(
            f"task {task_id} of this run has left no result: clear {task_id} with its downstream tasks and let them "
            "run again"
        )
    return data


MACROS: dict[str, Callable[..., Any]] = {
    "settings": load_settings,
    "window": window,
    "fetched": fetched,
    "batch": batch,
    "report": report,
    "interval_seconds": interval_seconds,
    "expected_candles": expected_candles,
}
FILTERS: dict[str, Callable[..., str]] = {"literal": sql_literal, "name": sql_name}
