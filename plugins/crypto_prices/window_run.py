"""A run of ``crypto_prices_window``, as TriggerDagRunOperator is to start it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from crypto_prices.window import Window


def window_run(
    run_id: str, window: Window, symbols: Mapping[str, Iterable[str]], *, force: bool = False, reload: bool = False
) -> dict[str, Any]:
    """Return the run of a window: another one for another conf, which a run that is there already would not take.

    Args:
        run_id: The run that starts it.
        window: What it is to load.
        symbols: Exchange symbols by source.
        force: Whether it may take candles away and undo later corrections: only a person can tell.
        reload: Whether it is to load even what the warehouse holds.
    """
    conf = {
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "sources": sorted(symbols),
        "symbols": sorted({symbol for listed in symbols.values() for symbol in listed}),
        "force": force,
        "reload": reload,
    }
    digest = hashlib.sha256(json.dumps([run_id, conf], sort_keys=True).encode()).hexdigest()[:12]
    return {"trigger_run_id": f"backfill__{window.name}__{digest}", "conf": conf}
