"""The runs of ``crypto_prices_window`` that TriggerDagRunOperator starts and waits for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from crypto_prices_contract.load_record import LoadRecord
from crypto_prices_contract.window import Window

from crypto_prices.backfill.rebuild import Guess
from crypto_prices.plan.check_accepted import Acceptance

LONGEST_NOTE = 1000
"""Maximum number of characters in the note of a run, the length of Airflow's column (``DagRunNote``)."""

RUN_WINDOWS: dict[str, Any] = {
    "trigger_dag_id": "crypto_prices_window",
    "logical_date": None,
    # The run of a window keeps its id, so retrying or clearing this task runs the same window again.
    "reset_dag_run": True,
    "fail_when_dag_is_paused": True,
    "wait_for_completion": True,
    "deferrable": True,
    "poke_interval": 5,
    # The window's tasks have their own retries.
    "retries": 0,
    # There is no execution_timeout, because it does not apply while a task is deferred. The dagrun_timeout of the
    # task's DAG limits the wait, and the one of crypto_prices_window limits its run.
    "map_index_template": "{{ task.conf['start'] }} to {{ task.conf['end'] }}",
}
"""Arguments of a TriggerDagRunOperator that is mapped over results of ``window_run``."""


def replay_run(dag_id: str, run_id: str, record: LoadRecord, uri: str) -> dict[str, Any]:
    """Return the id, the configuration and the note of the run that replays a load.

    Args:
        dag_id: The DAG that starts it.
        run_id: Id of the run that starts it.
        record: The load's record.
        uri: S3 URI of the record.
    """
    conf = {"start": record.window.start.isoformat(), "end": record.window.end.isoformat(), "load_record": uri}
    name = f"load{record.load_number:06d}_{record.window.name}"
    sources = ", ".join(source.source for source in record.sources)
    note = f"Load {record.load_number}, days [{record.window.start}, {record.window.end}) of {sources}, replayed"
    return _stored_run(dag_id, run_id, name, conf, note)


def guess_run(dag_id: str, run_id: str, guess: Guess) -> dict[str, Any]:
    """Return the id, the configuration and the note of the run that loads raw manifests without a load record.

    It has ``force``, because the newest manifest of a market and day wins.

    Args:
        dag_id: The DAG that starts it.
        run_id: Id of the run that starts it.
        guess: The manifests.
    """
    conf = {"start": guess.start, "end": guess.end, "raw_manifests": guess.raw_manifests, "force": True}
    name = Window.parse(guess.start, guess.end).name
    note = f"Days [{guess.start}, {guess.end}) of {', '.join(guess.sources)}, approximate: without a load record"
    return _stored_run(dag_id, run_id, name, conf, note)


def _stored_run(dag_id: str, run_id: str, name: str, conf: dict[str, Any], note: str) -> dict[str, Any]:
    digest = hashlib.sha256(json.dumps([run_id, conf], sort_keys=True).encode()).hexdigest()[:12]
    text = f"{note}, started by {dag_id}, run {run_id}"
    return {"trigger_run_id": f"rebuild__{name}__{digest}", "conf": conf, "note": text[:LONGEST_NOTE]}


def window_run(
    dag_id: str,
    run_id: str,
    window: Window,
    symbols: Mapping[str, Iterable[str]],
    *,
    reload: bool,
    accepted: Acceptance | None = None,
) -> dict[str, Any]:
    """Return the id, the configuration and the note of a window's run.

    The id depends on the configuration, because an existing run would keep its old configuration. Airflow's grid shows
    the id, and marks a run that has a note.

    Args:
        dag_id: The DAG that starts it.
        run_id: Id of the run that starts it.
        window: The window to load.
        symbols: Exchange symbols by source.
        reload: Whether to load even what the warehouse already holds. ``force`` is never set, because only a user can
            decide to delete candles.
        accepted: A user's acceptance of the rejected records of all these sources on all these days.
    """
    conf: dict[str, Any] = {
        "start": window.start.isoformat(),
        "end": window.end.isoformat(),
        "sources": sorted(symbols),
        "symbols": sorted({symbol for listed in symbols.values() for symbol in listed}),
        "reload": reload,
    }
    if accepted is not None:
        conf |= {
            "accepted_sources": conf["sources"],
            "accepted_because": accepted.reason,
            "accepted_by": accepted.user,
        }
    digest = hashlib.sha256(json.dumps([run_id, conf], sort_keys=True).encode()).hexdigest()[:12]
    note = f"Days [{window.start}, {window.end}) of {', '.join(conf['sources'])}, started by {dag_id}, run {run_id}"
    return {"trigger_run_id": f"backfill__{window.name}__{digest}", "conf": conf, "note": note[:LONGEST_NOTE]}
