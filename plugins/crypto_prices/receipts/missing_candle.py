"""Why a candle is missing, from the evidence."""

from __future__ import annotations

from crypto_prices.receipts.checks import broken, check
from crypto_prices.receipts.derived import Derived, as_time
from crypto_prices.receipts.evidence import Evidence, is_removal, last_removed_by, number
from crypto_prices.receipts.question import zulu
from crypto_prices.receipts.receipt import Link
from crypto_prices.receipts.rules_again import CURATED


def missing_link(evidence: Evidence, derived: Derived) -> Link:
    """Return the link of a row that does not exist. It is broken if the row should exist."""
    reason = missing_reason(evidence, derived)
    checks = []
    removed, load = last_removed_by(evidence), evidence.load
    is_newest = removed is not None and (load is None or number(removed, "load_number") >= number(load, "load_number"))
    if not is_newest and evidence.question.as_of is None:
        there = [
            name
            for name, has in (("the curated files", evidence.curated.rows), ("the raw records", derived.row))
            if has
        ]
        if there and load is not None:
            checks.append(
                broken(
                    f"the row is missing, but {' and '.join(there)} of load {load['load_number']} have it, "
                    "and no later removal is logged"
                )
            )
        elif load is not None:
            checks.append(check(bool(evidence.gaps), "a gap is recorded", "crypto.candle_gaps has no reason for it"))
    gaps = [
        f"gap {gap['starts_at']}Z to {gap['ends_at']}Z, {gap['candles']} candles, {gap['reason']}, noted "
        f"{gap['noted_at']}Z"
        for gap in evidence.gaps
    ]
    return Link(
        "fact", (f"no such candle: {reason}", *gaps), tuple(checks), {"gaps": [dict(gap) for gap in evidence.gaps]}
    )


def missing_reason(evidence: Evidence, derived: Derived) -> str:
    """Return why there is no row."""
    question = evidence.question
    if question.as_of is not None:
        return f"no load that was visible at {zulu(question.as_of)} has it"
    removed = last_removed_by(evidence)
    if removed is not None:
        by = f" by {removed['removed_by']} ({removed['removed_because']})" if is_removal(removed) else ""
        return f"removed by load {removed['load_number']}{by}"
    rejected = [one.outcome for one in derived.records if one.outcome != CURATED]
    if rejected and not derived.own:
        return f"quarantined ({rejected[0]})"
    if evidence.gaps:
        return str(evidence.gaps[0]["reason"])
    if evidence.load is not None:
        return "deleted from the fact table" if derived.row or evidence.curated.rows else "no reason is recorded"
    if not evidence.expected:
        return f"unknown market: neither the settings nor a load has {question.market} of {question.source}"
    used_from, used_until = (evidence.expected[0][column] for column in ("used_from", "used_until"))
    if used_from is not None and question.day < as_time(used_from).date():
        return f"not listed: the exchange used this name from {used_from}"
    if used_until is not None and question.day >= as_time(used_until).date():
        return f"not listed: the exchange used this name until {used_until}"
    return "not loaded: no load contains this market and day"
