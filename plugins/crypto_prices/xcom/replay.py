"""A committed load that a run replays, which later tasks read from XCom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crypto_prices_contract.load_record import Acceptance, Code, Counts, LoadRecord


@dataclass(frozen=True)
class Replay:
    """The parts of a load's record that its replay needs. ``LoadRecord`` describes them.

    Attributes:
        counts: The counts by source, without sources whose counts are unknown.
        accepted: The acceptances by source.
    """

    load_number: int
    batch_id: str
    dag_id: str
    run_id: str
    forced: bool
    merged_at: str
    visible_at: str
    code: Code
    rules: Mapping[str, Any]
    rebuilt_from: str | None
    counts: Mapping[str, Counts]
    accepted: Mapping[str, Acceptance]

    @classmethod
    def of_record(cls, record: LoadRecord) -> Replay:
        """Return the replay of a load.

        Raises:
            ValueError: It is a removal, which no run replays.
        """
        if record.code is None or record.rules is None or record.dag_id is None or record.run_id is None:
            raise ValueError(f"load {record.load_number} is a removal, not a load of candles")
        return cls(
            load_number=record.load_number,
            batch_id=record.batch_id,
            dag_id=record.dag_id,
            run_id=record.run_id,
            forced=record.forced,
            merged_at=record.merged_at,
            visible_at=record.visible_at,
            code=record.code,
            rules=record.rules,
            rebuilt_from=record.rebuilt_from,
            counts={source.source: source.counts for source in record.sources if source.counts is not None},
            accepted={source.source: source.accepted for source in record.sources if source.accepted is not None},
        )
