from __future__ import annotations

import datetime as dt

import pytest
from crypto_prices_contract.curation_report import SourceCounts
from crypto_prices_contract.row_rules import ROW_RULES
from crypto_prices_etl.accounting import (
    Counts,
    counts_from,
    outcome_counts,
    refuse_broken_rules,
    refuse_rejected_share,
    rule_results,
)
from crypto_prices_etl.errors import CurationError
from crypto_prices_etl.quality import REASONS, RowRules, rule_of

QUARANTINE = RowRules.parse("default")
DAYS = [dt.date(2023, 12, 18), dt.date(2023, 12, 19)]
EPOCH_DAY = 19_709.0  # 2023-12-18


def observed(**outcomes):
    nothing = {f"binance {name}": 0 for name in ("curated", "duplicate", *REASONS)}
    return nothing | {f"binance {name}": n for name, n in outcomes.items()}


def written(first, second=0, **changes):
    return {
        "rows": first + second,
        "rows_missing_required_values": 0,
        "rows_by_day": [(day, rows) for day, rows in ((EPOCH_DAY, first), (EPOCH_DAY + 1, second)) if rows],
    } | changes


def test_counts_that_add_up():
    counts = counts_from({"binance": 10}, observed(curated=7, duplicate=1, off_grid=2), written(7), DAYS, QUARANTINE)
    assert (counts.fetched, counts.curated, counts.rejected, counts.duplicates) == (10, 7, 2, 1)
    assert counts.rows_by_day == {DAYS[0]: 7}
    assert counts.sources["binance"].quarantined == {"off_grid": 2}


def test_observed_numbers_become_counts_of_outcomes_without_the_surplus():
    found = outcome_counts({"outcomes": [(0.0, 3.0), (1.0, 7.0), (3.0, 1.0)], "binance warned x": 2}, ["binance"])
    first_reason = f"binance {REASONS[0]}"
    assert {name: n for name, n in found.items() if n} == {"binance curated": 7, first_reason: 1, "binance warned x": 2}
    assert found.keys() >= observed().keys()


@pytest.mark.parametrize(
    ("fetched", "outcomes", "wrote", "message"),
    [
        (11, {"curated": 10}, written(10), "unaccounted for: 11 in the raw manifests"),
        (10, {"curated": 11}, written(11), "unaccounted for"),
        (10, {"curated": 10}, written(9), "curated 10 rows, but wrote 9"),
        (10, {"curated": 10}, written(9, rows=10), "of which 9 are on days of the window"),
        (10, {"curated": 10}, written(10, rows_missing_required_values=1), "1 curated rows lack a required value"),
    ],
)
def test_counts_that_do_not_add_up_fail(fetched, outcomes, wrote, message):
    with pytest.raises(CurationError, match=message):
        counts_from({"binance": fetched}, observed(**outcomes), wrote, DAYS, QUARANTINE)


def refused(counts, markets, share):
    return refuse_rejected_share(counts, markets, share, "s3://q/")


def counted(rejected, fetched, reason="off_grid"):
    """Return the counts of a source with this many rejected records."""
    outcomes = observed(curated=fetched - rejected, **{reason: rejected})
    return counts_from({"binance": fetched}, outcomes, written(fetched - rejected), DAYS, QUARANTINE)


@pytest.mark.parametrize(
    ("rejected", "fetched", "markets", "share", "is_refused"),
    [
        (1, 24, 1, 0.01, False),
        (2, 46, 2, 0.01, False),  # one cut candle of each of two markets
        (300, 7200, 300, 0.01, False),  # of each of 300 markets
        (2, 46, 1, 0.01, True),  # both of the same market
        (2, 200, 1, 0.01, False),  # the second one is within the share
        (4, 200, 1, 0.01, True),
        (24, 7200, 1, 0.01, False),
        (96, 7200, 1, 0.01, True),
        (1, 100, 1, 0.0, True),
        (23, 24, 1, 1.0, False),
        (24, 24, 1, 1.0, False),
    ],
)
def test_the_first_rejected_record_of_each_market_is_tolerated_and_a_share_of_the_others(
    rejected, fetched, markets, share, is_refused
):
    found = refused(counted(rejected, fetched), {"binance": markets}, share)
    assert [(refusal.source, refusal.code) for refusal in found] == [("binance", "CP-11")] * is_refused


def test_the_message_names_what_is_tolerated_and_does_not_contradict_itself():
    (refusal,) = refused(counted(24, 24), {"binance": 1}, 0.01)
    assert refusal.problem == (
        "24 of 24 records of binance were rejected. Tolerated are 1, one of each market that has any, and of the "
        'others a share of 0.01 (max_rejected_share): {"off_grid": 24}. No record of binance is loaded. The rejected '
        "records are in s3://q/"
    )


def test_a_source_without_curated_records_is_refused_alone():
    small = {"binance": SourceCounts(1000, 1000, {}, 0), "coingecko": SourceCounts(1, 0, {"off_grid": 1}, 0)}
    (refusal,) = refused(Counts(small, {}), {"coingecko": 1}, 0.5)
    assert refusal.source == "coingecko"
    assert refusal.problem.startswith("no record of coingecko is left, because 1 of 1 were rejected")
    assert refused(Counts(small, {}), {"coingecko": 1}, 1.0) == []


def test_an_empty_fetch_is_not_too_many_rejected():
    counts = counts_from({"binance": 0}, observed(), written(0), DAYS, QUARANTINE)
    assert refused(counts, {}, 0.0) == []


def test_every_rule_is_reported_with_its_counts():
    rules = RowRules.parse("negative_volume=warn,off_grid=fail")
    outcomes = observed(curated=90, off_grid=2, unparseable_low_price=3, unparseable_open_price=5)
    outcomes["binance warned negative_volume"] = 7
    results = rule_results(counts_from({"binance": 100}, outcomes, written(90), DAYS, rules), rules)
    assert [result.rule for result in results] == list(ROW_RULES)
    assert {(r.rule, r.action.value, r.checked, r.broken) for r in results if r.broken} == {
        ("negative_volume", "warn", 100, 7),
        ("off_grid", "fail", 100, 2),
        ("unparseable", "quarantine", 100, 8),
    }
    (refusal,) = refuse_broken_rules(results, "s3://q/")
    assert (refusal.source, refusal.code) == ("binance", "CP-12")
    assert "off_grid (2 of 100 records)" in refusal.problem
    assert "s3://q/" in refusal.problem
    assert refuse_broken_rules([result for result in results if result.rule != "off_grid"], "s3://q/") == []


def test_every_reason_belongs_to_a_rule():
    assert {rule_of(reason) for reason in REASONS} == set(ROW_RULES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "row rule '' does not exist"),
        ("beauty=warn", "row rule 'beauty' does not exist: use one of malformed_record"),
        ("off_grid=warn", "off_grid cannot 'warn': use one of fail, quarantine"),
        ("negative_volume=drop", "negative_volume cannot 'drop': use one of fail, quarantine, warn"),
        ("negative_volume", "negative_volume cannot ''"),
        ('{"negative_volume": "warn"}', "does not exist"),
    ],
)
def test_invalid_rules_are_refused(text, message):
    with pytest.raises(CurationError, match=message):
        RowRules.parse(text)
