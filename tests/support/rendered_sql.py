"""The files of sql/ rendered with the sample values of ``tests/support/sample_context``."""

from __future__ import annotations

from pathlib import Path

import jinja2
from crypto_prices.templates import FILTERS

from tests.support import sample_context

SQL = Path(__file__).parents[2] / "sql"
_NAMES = (
    "ti", "dag_run", "params", "window", "fetched", "batch", "loaded", "report", "settings", "migration", "table",
    "column", "comments", "interval_seconds", "expected_candles", "expected", "market_set", "markets",
    "run_id", "sample", "audited_at", "days", "compared_markets", "checks",
    "names", "planned_days", "dag", "dags_digest", "plugins_digest", "terms",
    "refresh", "marts_digest", "source_kinds", "unit", "load_total", "record", "window_start", "window_end",
    "after_load", "through_load", "load_number", "last_load", "market_sets", "question", "batch_id", "file",
)  # fmt: skip


def rendered_sql(name: str) -> str:
    """Return a file of sql/, for example ``load/lock_loads.sql``, with sample values."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(SQL), undefined=jinja2.StrictUndefined, autoescape=False
    )
    environment.filters |= FILTERS
    return environment.get_template(name).render({name: getattr(sample_context, name) for name in _NAMES})
