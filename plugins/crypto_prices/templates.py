"""The macros for the DAGs' templates and SQL files, such as ``settings()`` and ``batch(ti)``, and the filters.

Templates are rendered in the running task. They pass settings and results of earlier tasks to the Amazon provider's
operators.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from crypto_prices_contract.job_arguments import sources_as_text
from crypto_prices_contract.row_rules import actions_as_text
from crypto_prices_contract.window import Window
from jinja2 import pass_context
from jinja2.runtime import Context

from crypto_prices.aws.catalog import partition_expression
from crypto_prices.deployed_code import dags_digest, plugins_digest
from crypto_prices.fetch.sources import get_source, source_kinds
from crypto_prices.load_terms import LoadTerms, terms_of_replay, terms_of_run
from crypto_prices.marts.refresh import marts_digest
from crypto_prices.settings import Settings, settings_of_try
from crypto_prices.sql_literals import sql_literal, sql_name, warehouse_time
from crypto_prices.xcom import task_results
from crypto_prices.xcom.fetched_source import FetchedSource


@pass_context
def settings(context: Context) -> Settings:
    """Return the settings of this task try.

    Args:
        context: The template's context, which Jinja passes.
    """
    return settings_of_try(context["ti"])


@pass_context
def terms(context: Context) -> LoadTerms:
    """Return the terms of the run's load.

    Args:
        context: The template's context, which Jinja passes.
    """
    batch = task_results.batch(context["ti"])
    if batch.replay is not None:
        return terms_of_replay(batch, batch.replay)
    of_try: Any = context.call(context["settings"])
    return terms_of_run(context["params"], context["dag_run"], of_try)


def interval_seconds(fetched: FetchedSource) -> int:
    """Return the length of a source's candles in seconds."""
    return get_source(fetched.source).interval_length(fetched.candle_interval) // timedelta(seconds=1)


def expected_candles(fetched: FetchedSource, window: Window) -> int:
    """Return the number of candles that an uninterrupted market has in a window."""
    return (window.ends_at - window.starts_at) // timedelta(seconds=interval_seconds(fetched))


MACROS: dict[str, Callable[..., Any]] = {
    "settings": settings,
    "terms": terms,
    "window": task_results.window,
    "fetched": task_results.fetched,
    "batch": task_results.batch,
    "loaded": task_results.loaded,
    "report": task_results.report,
    "refresh": task_results.refresh,
    "marts_digest": marts_digest,
    "source_kinds": source_kinds,
    "interval_seconds": interval_seconds,
    "expected_candles": expected_candles,
    "partition_expression": partition_expression,
    "dags_digest": dags_digest,
    "plugins_digest": plugins_digest,
}
FILTERS: dict[str, Callable[..., str]] = {
    "literal": sql_literal,
    "name": sql_name,
    "warehouse_time": warehouse_time,
    "row_rules": actions_as_text,
    "sources": sources_as_text,
}
