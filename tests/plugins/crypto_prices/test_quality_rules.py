import pytest
from crypto_prices.quality_rules import MARKET_RULES, MarketRule, QualityRuleError, quality_rules


def test_by_default_records_are_quarantined_and_market_rules_warn():
    rules = quality_rules({})
    assert rules.row_rules == {}
    assert rules.market_rules == MARKET_RULES
    assert {rule.action for rule in MARKET_RULES.values()} == {"warn"}


def test_settings_replace_defaults():
    rules = quality_rules(
        {
            "negative_volume": {"action": "warn"},
            "off_grid": {"action": None, "threshold": None},
            "price_jump": {"action": "fail"},
            "completeness": {"threshold": 0.5},
        }
    )
    assert rules.row_rules == {"negative_volume": "warn"}
    assert rules.market_rules == {"completeness": MarketRule("warn", 0.5), "price_jump": MarketRule("fail", 0.5)}


@pytest.mark.parametrize(
    ("configured", "message"),
    [
        ({"beauty": {}}, "rule 'beauty' does not exist: use one of malformed_record, .*completeness, price_jump"),
        ({"off_grid": {"action": "warn"}}, "off_grid cannot warn: use quarantine or fail"),
        ({"price_jump": {"action": "quarantine"}}, "price_jump cannot quarantine: use warn or fail"),
        ({"off_grid": {"threshold": 1.0}}, "off_grid has no threshold"),
    ],
)
def test_settings_that_a_rule_does_not_allow_are_refused(configured, message):
    with pytest.raises(QualityRuleError, match=message):
        quality_rules(configured)
