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

QUARANTINE = RowRules.parse("{}")
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
        (11, {"curated": 10}, written(10), "unaccounted for: the raw manifests say 11"),
        (10, {"curated": 11}, written(11), "unaccounted for"),
        (10, {"curated": 10}, written(9), "curated 10 rows, wrote 9"),
        (10, {"curated": 10}, written(9, rows=10), "of which 9 on days of the window"),
        (10, {"curated": 10}, written(10, rows_missing_required_values=1), "1 curated rows lack a required value"),
    ],
)
def test_counts_that_do_not_add_up_fail(fetched, outcomes, wrote, message):
    with pytest.raises(CurationError, match=message):
        counts_from({"binance": fetched}, observed(**outcomes), wrote, DAYS, QUARANTINE)


def test_the_share_itself_is_tolerated_and_one_more_is_not():
    counts = counts_from({"binance": 100}, observed(curated=99, off_grid=1), written(99), DAYS, QUARANTINE)
    check_rejected_share(counts, 0.01, "s3://q/")
    check_rejected_share(counts, 0.009, "s3://q/")  # one always may
    with pytest.raises(CurationError, match="1 of 100 records of binance were rejected"):
        check_rejected_share(counts, 0.0, "s3://q/")
    two = counts_from({"binance": 100}, observed(curated=98, off_grid=2), written(98), DAYS, QUARANTINE)
    with pytest.raises(CurationError, match="2 of 100 records of binance were rejected"):
        check_rejected_share(two, 0.019, "s3://q/")


def test_a_source_of_which_nothing_is_left_fails_the_run_whatever_the_others_have():
    small = {"binance": SourceCounts(1000, 1000, {}, 0), "coingecko": SourceCounts(1, 0, {"off_grid": 1}, 0)}
    with pytest.raises(CurationError, match="1 of 1 records of coingecko were rejected"):
        check_rejected_share(Counts(small, {}), 0.5, "s3://q/")


def test_nothing_fetched_is_not_too_many_rejected():
    check_rejected_share(counts_from({"binance": 0}, observed(), written(0), DAYS, QUARANTINE), 0.0, "s3://q/")


def test_every_rule_is_told_with_what_it_found():
    rules = RowRules.parse('{"negative_volume": "warn", "off_grid": "fail"}')
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


def test_every_reason_is_of_a_rule():
    assert {rule_of(reason) for reason in REASONS} == set(ROW_RULES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "an object of rules and actions"),
        ('{"beauty": "warn"}', "no row rule 'beauty'; there are malformed_record"),
        ('{"off_grid": "warn"}', "off_grid cannot 'warn': fail, quarantine"),
        ('{"negative_volume": "drop"}', "negative_volume cannot 'drop': fail, quarantine, warn"),
        ('{"negative_volume": null}', "negative_volume cannot None"),
    ],
)
def test_rules_that_cannot_be_are_refused(text, message):
    with pytest.raises(CurationError, match=message):
        RowRules.parse(text)
