import re

import pytest
from crypto_prices.quality_rules import quality_rules
from crypto_prices_contract.row_rules import ROW_RULES, Action, actions_as_text
from crypto_prices_etl.quality import RowRules


def test_a_rule_quarantines_by_default_and_may_always_fail():
    for actions in ROW_RULES.values():
        assert actions[:2] == (Action.QUARANTINE, Action.FAIL)
    assert set(RowRules.parse("default").actions.values()) == {Action.QUARANTINE}


@pytest.mark.parametrize(
    "rule", ["malformed_record", "unparseable", "outside_window", "off_grid", "conflicting_duplicate"]
)
def test_a_record_that_cannot_become_a_row_never_only_causes_a_warning(rule):
    assert Action.WARN not in ROW_RULES[rule]


def test_the_job_accepts_every_action_that_the_settings_accept():
    for rule, actions in ROW_RULES.items():
        for action in actions:
            configured = quality_rules({rule: {"action": action.value}}).row_rules
            assert configured == {rule: action}
            text = actions_as_text(configured)
            assert re.fullmatch(r"[a-z_=]+", text)  # so Glue cannot take it for JSON, and no quotes can get lost
            assert RowRules.parse(text).actions[rule] is action
    everything = dict.fromkeys(ROW_RULES, Action.FAIL)
    assert RowRules.parse(actions_as_text(everything)).actions == everything
    assert RowRules.parse(actions_as_text({})) == RowRules.parse("default")
