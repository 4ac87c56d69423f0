"""Runs of ``crypto_prices_window``, as TriggerDagRunOperator is to start them and to wait for them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from crypto_prices_contract.window import Window

RUN_WINDOWS: dict[str, Any] = {
    "trigger_dag_id": "crypto_prices_window",
    "logical_date": None,
    # The run of a window keeps its id, so trying or clearing this task runs that window again, not another one.
    "reset_dag_run": True,
    "fail_when_dag_is_paused": True,
    "wait_for_completion": True,
    "deferrable": True,
    "poke_interval": 5,
    # The tasks of the window have retries of their own.
    "retries": 0,
    # No execution_timeout of its own: that counts only while a worker holds the task, not while it is deferred. How
    # long it waits is bounded by the dagrun_timeout of its DAG, and how long a window runs by that of its own.
    "map_index_template": "{{ task.conf['start'] }} to {{ task.conf['end'] }}",
}
"""Arguments of a TriggerDagRunOperator that is mapped over what ``window_run`` returns."""


def window_run(run_id: str, window: Window, symbols: Mapping[str, Iterable[str]], *, reload: bool) -> dict[str, Any]:
    """Return the run of a window: another one for another conf, which a run that is there already would not take.

    Args:
        run_id: The run that starts it.
        window: What it is to load.
        symbols: Exchange symbols by source.
        reload: Whether it loads even what the warehouse already holds. It never gets ``force``: only a person can
            decide that candles may be deleted.
    """
    conf = {
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "sources": sorted(symbols),
        "symbols": sorted({symbol for listed in symbols.values() for symbol in listed}),
        "reload": reload,
    }
    digest = hashlib.sha256(json.dumps([run_id, conf], sort_keys=True).encode()).hexdigest()[:12]
    return {"trigger_run_id": f"backfill__{window.name}__{digest}", "conf": conf}
