from __future__ import annotations

import datetime as dt

import pytest
from crypto_prices_contract.curation_report import SourceCounts
from crypto_prices_contract.row_rules import ROW_RULES
from crypto_prices_etl.accounting import (
    Counts,
    check_rejected_share,
    check_rules,
    counts_from,
    rule_results,
)
from crypto_prices_etl.errors import CurationError, RejectedRecordsError
from crypto_prices_etl.quality import REASONS, RowRules, rule_of

QUARANTINE = RowRules.parse("default")
DAYS = [dt.date(2023, 12, 18), dt.date(2023, 12, 19)]


def observed(**outcomes):
    nothing = {f"binance {name}": 0 for name in ("curated", "duplicate", *REASONS)}
    return nothing | {f"binance {name}": n for name, n in outcomes.items()}


def written(first, second=0, **changes):
    return {
        "rows": first + second,
        "rows_missing_required_values": 0,
        "2023-12-18": first,
        "2023-12-19": second,
    } | changes


def test_counts_that_add_up():
    counts = counts_from({"binance": 10}, observed(curated=7, duplicate=1, off_grid=2), written(7), DAYS, QUARANTINE)
    assert (counts.fetched, counts.curated, counts.rejected, counts.duplicates) == (10, 7, 2, 1)
    assert counts.rows_by_day == {DAYS[0]: 7}
    assert counts.sources["binance"].quarantined == {"off_grid": 2}


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


def test_the_share_itself_is_tolerated_and_one_more_is_not():
    counts = counts_from({"binance": 100}, observed(curated=99, off_grid=1), written(99), DAYS, QUARANTINE)
    check_rejected_share(counts, 0.01, "s3://q/")
    check_rejected_share(counts, 0.009, "s3://q/")  # one is always allowed
    with pytest.raises(CurationError, match="1 of 100 records of binance were rejected"):
        check_rejected_share(counts, 0.0, "s3://q/")
    two = counts_from({"binance": 100}, observed(curated=98, off_grid=2), written(98), DAYS, QUARANTINE)
    with pytest.raises(CurationError, match="2 of 100 records of binance were rejected"):
        check_rejected_share(two, 0.019, "s3://q/")


def test_a_source_without_curated_records_fails_the_run():
    small = {"binance": SourceCounts(1000, 1000, {}, 0), "coingecko": SourceCounts(1, 0, {"off_grid": 1}, 0)}
    with pytest.raises(CurationError, match="1 of 1 records of coingecko were rejected"):
        check_rejected_share(Counts(small, {}), 0.5, "s3://q/")


def test_an_empty_fetch_is_not_too_many_rejected():
    check_rejected_share(counts_from({"binance": 0}, observed(), written(0), DAYS, QUARANTINE), 0.0, "s3://q/")


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
    with pytest.raises(
        RejectedRecordsError,
        match=r"^CP-12 .*off_grid \(2 of 100 records of binance\)\. Nothing was published.*s3://q/",
    ):
        check_rules(results, "s3://q/")
    check_rules([result for result in results if result.rule != "off_grid"], "s3://q/")


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
