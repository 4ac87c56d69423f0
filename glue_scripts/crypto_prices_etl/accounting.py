"""The accounting of all records: counts by source, outcome and day, observed during the one write of the rows."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crypto_prices_contract.curation_report import RefusedSource, RowRuleResult, SourceCounts
from crypto_prices_contract.error_codes import ROW_RULE_FAILED, TOO_MANY_REJECTED
from crypto_prices_contract.row_rules import Action
from pyspark.sql import functions as sf

from crypto_prices_etl.day_columns import days_counted, rows_by_day
from crypto_prices_etl.deduplication import CURATED, DUPLICATE
from crypto_prices_etl.errors import CurationError
from crypto_prices_etl.exact_counts import counted, counts_by
from crypto_prices_etl.quality import REASONS, RowRules, rule_of
from crypto_prices_etl.schemas import CURATED_COLUMNS

if TYPE_CHECKING:
    from pyspark.sql import Column

_OUTCOMES = (CURATED, DUPLICATE, *REASONS)
_OUTCOMES_COUNTED = "outcomes"


@dataclass(frozen=True)
class Counts:
    """The outcomes of all records of the run.

    Attributes:
        sources: Counts by source, without the surplus.
        rows_by_day: Number of curated rows by day, for days with rows.
        warned: Number of curated records that break a rule with action ``warn``, by source and rule.
    """

    sources: Mapping[str, SourceCounts]
    rows_by_day: Mapping[dt.date, int]
    warned: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def fetched(self) -> int:
        """Number of records in the raw objects."""
        return sum(s.fetched for s in self.sources.values())

    @property
    def curated(self) -> int:
        """Number of curated rows."""
        return sum(s.curated for s in self.sources.values())

    @property
    def duplicates(self) -> int:
        """Number of records that repeat another one."""
        return sum(s.duplicates for s in self.sources.values())

    @property
    def rejected(self) -> int:
        """Number of quarantined records."""
        return sum(s.quarantined_total for s in self.sources.values())


def outcome_metrics(sources: Sequence[str], rules: RowRules) -> list[Column]:
    """Return the metrics to observe on rows with outcomes, for ``outcome_counts``."""
    names = _names_of(sources)
    number = sf.array_position(sf.array(*map(sf.lit, names)), sf.concat_ws(" ", "source", "outcome"))
    # Nearly all records are curated, and the search takes as long as parsing two prices.
    for source in sources:
        curated = (sf.col("outcome") == CURATED) & (sf.col("source") == source)
        number = sf.when(curated, sf.lit(1 + names.index(_metric(source, CURATED)))).otherwise(number)
    # Warnings of rejected records do not count, because those records are reported with their reason.
    warned = {
        _metric(source, _warning(rule)): (sf.col("source") == source)
        & (sf.col("outcome") == CURATED)
        & sf.array_contains("warnings", rule)
        for source in sources
        for rule in rules.of(Action.WARN)
    }
    return [
        counts_by(number).alias(_OUTCOMES_COUNTED),  # the surplus has the number 0
        *(sf.count(sf.when(condition, sf.lit(1))).alias(name) for name, condition in warned.items()),
    ]


def outcome_counts(found: Mapping[str, Any], sources: Sequence[str]) -> dict[str, int]:
    """Return the number of records by source and outcome or warning from the observed ``outcome_metrics``."""
    by_number = counted(found[_OUTCOMES_COUNTED])
    outcomes = {name: by_number.get(number, 0) for number, name in enumerate(_names_of(sources), 1)}
    return outcomes | {name: number for name, number in found.items() if name != _OUTCOMES_COUNTED}


def written_metrics() -> list[Column]:
    """Return the metrics to observe on written rows: their number in total, by day, and without a required value."""
    required = [sf.col(c.name).isNull() for c in CURATED_COLUMNS if not c.nullable]
    missing = required[0]
    for condition in required[1:]:
        missing = missing | condition
    return [
        sf.count(sf.lit(1)).alias("rows"),
        # Spark calculates the condition of count_if in a step of its own, and copies all rows once more to drop it.
        sf.count(sf.when(missing, sf.lit(1))).alias("rows_missing_required_values"),
        rows_by_day().alias("rows_by_day"),
    ]


def counts_from(
    fetched: Mapping[str, int],
    outcomes: Mapping[str, int],
    written: Mapping[str, Any],
    days: Sequence[dt.date],
    rules: RowRules,
) -> Counts:
    """Return the counts from the observed metrics, if they add up.

    Args:
        fetched: Number of records by source in the raw manifests.
        outcomes: The result of ``outcome_counts``.
        written: Observed values of ``written_metrics``.
        days: The days of the window.
        rules: The actions of the row rules.

    Raises:
        CurationError: A record is unaccounted for, or the number of written rows differs from the curated ones.
    """
    sources = {
        source: SourceCounts(
            fetched=records,
            curated=outcomes[_metric(source, CURATED)],
            quarantined={r: outcomes[_metric(source, r)] for r in REASONS if outcomes[_metric(source, r)]},
            duplicates=outcomes[_metric(source, DUPLICATE)],
        )
        for source, records in fetched.items()
    }
    for source, found in sources.items():
        if found.fetched != found.curated + found.quarantined_total + found.duplicates:
            raise CurationError(
                f"records of {source} are unaccounted for: {found.fetched} in the raw manifests, but "
                f"{found.curated} curated, {found.quarantined_total} quarantined, {found.duplicates} duplicates. "
                "Nothing was published"
            )
    found_days = days_counted(written["rows_by_day"])
    counts = Counts(
        sources,
        {day: found_days[day] for day in days if day in found_days},
        {
            source: {rule: outcomes[_metric(source, _warning(rule))] for rule in rules.of(Action.WARN)}
            for source in sources
        },
    )
    by_day = sum(counts.rows_by_day.values())
    if written["rows"] != counts.curated or by_day != counts.curated:
        raise CurationError(
            f"curated {counts.curated} rows, but wrote {written['rows']}, of which {by_day} are on days of the window. "
            "Nothing was published"
        )
    if written["rows_missing_required_values"]:
        raise CurationError(
            f"{written['rows_missing_required_values']} curated rows lack a required value. Nothing was published"
        )
    return counts


def refuse_rejected_share(
    counts: Counts, rejected_markets: Mapping[str, int], max_rejected_share: float, quarantine_uri: str
) -> list[RefusedSource]:
    """Return the sources with too many rejected records, with CP-11.

    The check is per source, so that a large source cannot hide a small one. The first rejected record of each market is
    tolerated, because a failure of an exchange damages one candle of every market, which exceeds any share of a day.
    The share limits the others. With the share 0, no record is tolerated. A source without curated records is refused,
    too, unless the share is 1.

    Args:
        counts: The outcomes of all records.
        rejected_markets: Number of markets with a rejected record, by source.
        max_rejected_share: The largest tolerated share of a source's records, from 0 to 1.
        quarantine_uri: The location of the quarantine, for the message.
    """
    refused = []
    for source, found in counts.sources.items():
        rejected, firsts = found.quarantined_total, rejected_markets.get(source, 0) if max_rejected_share else 0
        if rejected - firsts > max_rejected_share * found.fetched:
            problem = (
                f"{rejected} of {found.fetched} records of {source} were rejected. Tolerated are {firsts}, one of each "
                f"market that has any, and of the others a share of {max_rejected_share:g} (max_rejected_share)"
            )
        elif rejected and not found.curated and max_rejected_share < 1:
            problem = f"no record of {source} is left, because {rejected} of {found.fetched} were rejected"
        else:
            continue
        reasons = json.dumps(dict(found.quarantined))
        refused.append(
            RefusedSource(
                source,
                TOO_MANY_REJECTED,
                f"{problem}: {reasons}. No record of {source} is loaded. The rejected records are in {quarantine_uri}",
            )
        )
    return refused


def rule_results(counts: Counts, rules: RowRules) -> list[RowRuleResult]:
    """Return the result of every rule for every source."""
    results = []
    for source, found in sorted(counts.sources.items()):
        broken = Counter(counts.warned.get(source, {}))
        for reason, records in found.quarantined.items():
            broken[rule_of(reason)] += records
        results += [
            RowRuleResult(source, rule, action, found.fetched, broken[rule]) for rule, action in rules.actions.items()
        ]
    return results


def refuse_broken_rules(results: Iterable[RowRuleResult], quarantine_uri: str) -> list[RefusedSource]:
    """Return the sources with a record that breaks a rule with the action ``fail``, with CP-12.

    Args:
        results: The results of all rules.
        quarantine_uri: The location of the quarantine, for the message.
    """
    failed: dict[str, list[str]] = {}
    for result in results:
        if result.action is Action.FAIL and result.broken:
            named = f"{result.rule} ({result.broken} of {result.checked} records)"
            failed.setdefault(result.source, []).append(named)
    return [
        RefusedSource(
            source,
            ROW_RULE_FAILED,
            f"records of {source} break rules whose action is fail: {', '.join(rules)}. No record of {source} is "
            f"loaded. The rejected records are in {quarantine_uri}",
        )
        for source, rules in failed.items()
    ]


def _names_of(sources: Sequence[str]) -> list[str]:
    """Return the names of all sources' outcomes. Spark searches from the start, so frequent ones come first."""
    return [_metric(source, outcome) for outcome in _OUTCOMES for source in sources]


def _warning(rule: str) -> str:
    return f"warned {rule}"


def _metric(source: str, outcome: str) -> str:
    return f"{source} {outcome}"
