"""The terms of a load: who made it, under which rules, and what a user allowed. From its run, or from its record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crypto_prices_contract.load_record import Acceptance, Code

from crypto_prices.deployed_code import rules_in_force
from crypto_prices.quality_rules import QualityRules, quality_rules
from crypto_prices.settings import Settings
from crypto_prices.sql_literals import warehouse_time
from crypto_prices.xcom.batch import Batch
from crypto_prices.xcom.replay import Replay

FROM_RECORD = "record"
"""``rebuilt_from`` of a load that was replayed from its record. Its Glue run and its curated files are the replay's."""

FROM_MANIFEST = "manifest"
"""``rebuilt_from`` of a load that a rebuild without records guessed from the raw manifests."""


@dataclass(frozen=True)
class LoadTerms:
    """The terms of a load.

    Attributes:
        dag_id: The DAG.
        run_id: The DAG run.
        load_number: The number of a load that is replayed; 0 for a new load.
        guards_off: Whether it may delete candles and overwrite later corrections. A load that was committed may.
        forced: Whether a user allowed that.
        rules: The quality rules.
        rules_text: The configuration of the rules, for the load log.
        max_rejected_share: Largest tolerated share of quarantined records.
        accepted: The acceptances of rejected records by source.
        accepted_sources: The sources whose rejected records do not hold up the load.
        code: The digests of the code that made a load that is replayed; None for a new load.
        merged_at: The warehouse's time of a load that is replayed; None for a new load.
        visible_at: When a load that is replayed became visible; None for a new load.
        rebuilt_from: ``FROM_RECORD`` or ``FROM_MANIFEST``; None for a load from the exchange.
    """

    dag_id: str
    run_id: str
    load_number: int
    guards_off: bool
    forced: bool
    rules: QualityRules
    rules_text: str
    max_rejected_share: float
    accepted: Mapping[str, Acceptance]
    accepted_sources: list[str]
    code: Code | None
    merged_at: str | None
    visible_at: str | None
    rebuilt_from: str | None


def terms_of_run(params: Mapping[str, Any], dag_run: Any, settings: Settings) -> LoadTerms:
    """Return the terms of a new load.

    Args:
        params: The params of its run.
        dag_run: Its run.
        settings: The bundle's settings.
    """
    accepted = list(params.get("accepted_sources") or [])
    user = params.get("accepted_by") or dag_run.triggering_user_name
    return LoadTerms(
        dag_id=dag_run.dag_id,
        run_id=dag_run.run_id,
        load_number=0,
        guards_off=bool(params["force"]),
        forced=bool(params["force"]),
        rules=settings.rules,
        rules_text=rules_in_force(settings),
        max_rejected_share=settings.max_rejected_share,
        accepted={source: Acceptance(user, params["accepted_because"]) for source in accepted},
        accepted_sources=accepted,
        code=None,
        merged_at=None,
        visible_at=None,
        rebuilt_from=FROM_MANIFEST if params.get("raw_manifests") else None,
    )


def terms_of_replay(batch: Batch, replay: Replay) -> LoadTerms:
    """Return the terms of a load that is replayed: those of its record. Today's settings do not matter.

    Args:
        batch: The batch of the run that replays it.
        replay: The load.
    """
    rules = replay.rules
    configured: dict[str, Mapping[str, Any]] = {name: {"action": action} for name, action in rules["row_rules"].items()}
    return LoadTerms(
        dag_id=replay.dag_id,
        run_id=replay.run_id,
        load_number=replay.load_number,
        guards_off=True,
        forced=replay.forced,
        rules=quality_rules(configured | rules["market_rules"]),
        rules_text=json.dumps(rules, sort_keys=True),
        max_rejected_share=rules["max_rejected_share"],
        accepted=replay.accepted,
        # The load was committed, so its rejected records did not hold it up.
        accepted_sources=[fetched.source for fetched in batch.sources],
        code=replay.code,
        merged_at=warehouse_time(replay.merged_at),
        visible_at=warehouse_time(replay.visible_at),
        rebuilt_from=replay.rebuilt_from or FROM_RECORD,
    )
