import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from crypto_prices.load_terms import terms_of_replay, terms_of_run
from crypto_prices.quality_rules import MarketRule, quality_rules
from crypto_prices.xcom.batch import Batch
from crypto_prices.xcom.curation_report import CurationReportError, check_report, other_code
from crypto_prices.xcom.fetched_source import FetchedSource
from crypto_prices.xcom.replay import Replay
from crypto_prices_contract.curation_report import RefusedSource, SourceCounts
from crypto_prices_contract.load_record import Acceptance
from crypto_prices_contract.row_rules import Action
from crypto_prices_contract.window import Window

from tests.support.curation_reports import REPORT
from tests.support.load_records import LOAD, REMOVAL

SETTINGS = SimpleNamespace(rules=quality_rules({}), max_rejected_share=0.01)
RUN = SimpleNamespace(dag_id="crypto_prices_window", run_id="rebuild__1", triggering_user_name="ada")
RULES = {
    "max_rejected_share": 0.2,
    "row_rules": {"off_grid": "fail"},
    "market_rules": {"price_jump": {"action": "fail", "threshold": 0.9}},
}
REPLAY = Replay.of_record(replace(LOAD, rules=RULES, forced=True))
SOURCE = FetchedSource("binance", "1h", "s3://lake/m.json", "h", 48, ["BTC/USDT"], [], {})
BATCH = Batch.of_run("crypto_prices_window", "rebuild__1", Window.parse("2023-12-18", "2023-12-19"), [SOURCE])


def test_a_replay_has_the_terms_of_its_load_and_not_todays():
    terms = terms_of_replay(BATCH, REPLAY)
    assert (terms.dag_id, terms.run_id, terms.load_number) == (LOAD.dag_id, LOAD.run_id, 2)
    assert (terms.merged_at, terms.visible_at) == ("2023-12-19 00:03:41", "2023-12-19 00:03:58")
    assert terms.rules.row_rules == {"off_grid": Action.FAIL}
    assert terms.rules.market_rules["price_jump"] == MarketRule(Action.FAIL, 0.9)
    assert (terms.max_rejected_share, json.loads(terms.rules_text), terms.code) == (0.2, RULES, LOAD.code)
    # It was committed, so no guard and no rejected record may stop it. The log says what a user allowed then.
    assert (terms.guards_off, terms.forced, terms.accepted_sources) == (True, True, ["binance"])
    assert terms_of_replay(BATCH, replace(REPLAY, forced=False)).forced is False
    assert terms.accepted == {"binance": Acceptance("ann", "known outage")}
    assert terms.rebuilt_from == "record"
    # A guess stays a guess.
    assert terms_of_replay(BATCH, replace(REPLAY, rebuilt_from="manifest")).rebuilt_from == "manifest"


def test_a_replay_logs_its_rules_as_its_load_did_whatever_the_order_of_the_record():
    logged = terms_of_run({"force": False, "accepted_sources": []}, RUN, SETTINGS).rules_text
    reversed_order = {
        name: dict(reversed(value.items())) if isinstance(value, dict) else value
        for name, value in reversed(json.loads(logged).items())
    }
    for rules in (json.loads(logged), reversed_order):
        assert terms_of_replay(BATCH, replace(REPLAY, rules=rules)).rules_text == logged


def test_a_new_load_has_the_terms_of_its_run():
    params = {"force": True, "accepted_sources": ["binance"], "accepted_because": "an outage", "raw_manifests": []}
    terms = terms_of_run(params, RUN, SETTINGS)
    assert (terms.run_id, terms.load_number, terms.merged_at, terms.code) == ("rebuild__1", 0, None, None)
    assert (terms.guards_off, terms.forced, terms.rebuilt_from) == (True, True, None)
    assert terms.accepted == {"binance": Acceptance("ada", "an outage")}
    passed_on = terms_of_run(params | {"accepted_by": "grace"}, RUN, SETTINGS)
    assert passed_on.accepted["binance"].by == "grace"
    assert terms_of_run(params | {"raw_manifests": ["s3://lake/m"]}, RUN, SETTINGS).rebuilt_from == "manifest"


def test_a_replayed_batch_has_the_loads_name_and_its_own_staging_table():
    batch = BATCH.replaying(REPLAY)
    assert (batch.batch_id, batch.attempt_id(3)) == ("20231218-20231219-9f3c1a77be20d4e1", LOAD.batch_id)
    assert batch.staging_table == BATCH.staging_table
    assert (batch.is_attempt(LOAD.batch_id), batch.is_attempt(f"{batch.batch_id}-2")) == (True, False)


def test_a_removal_has_no_batch():
    with pytest.raises(ValueError, match="load 2 is a removal"):
        Replay.of_record(REMOVAL)


def report(**changes):
    counts = {"binance": SourceCounts(fetched=48, curated=47, quarantined={"off_grid": 1}, duplicates=0)}
    return replace(REPORT, batch_id=LOAD.batch_id, sources=counts, **changes)


def test_a_replay_with_the_counts_of_its_load_passes():
    check_report(report(), BATCH.replaying(REPLAY))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"sources": {"binance": SourceCounts(fetched=48, curated=48, quarantined={}, duplicates=0)}},
            r"load 2 had .*curated=47.*, but its replay has .*curated=48.*made with c{64}: deploy that version",
        ),
        ({"batch_id": f"{LOAD.batch_id}9"}, "belongs to batch"),
        (
            {"sources": {}, "refused": (RefusedSource("binance", "CP-14", "an object is gone"),)},
            "CP-14 an object is gone",
        ),
    ],
)
def test_a_replay_that_differs_from_its_load_is_refused(changes, message):
    with pytest.raises(CurationReportError, match=message):
        check_report(replace(report(), **changes), BATCH.replaying(REPLAY))


def test_a_replay_by_another_package_is_noticed_although_its_counts_are_equal():
    batch = BATCH.replaying(REPLAY)
    assert "f" * 64 in (other_code(report(code_digest="f" * 64), batch) or "")
    assert other_code(report(code_digest=REPLAY.code.glue), batch) is None
    assert other_code(report(code_digest="f" * 64), BATCH) is None
