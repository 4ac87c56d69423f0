import pytest
from crypto_prices.quality_rules import MARKET_RULES, MarketRule, QualityRuleError, quality_rules


def test_without_settings_records_are_quarantined_and_markets_warned_of():
    rules = quality_rules({})
    assert rules.row_rules == {}
    assert rules.market_rules == MARKET_RULES
    assert {rule.action for rule in MARKET_RULES.values()} == {"warn"}


def test_what_is_configured_replaces_what_is_by_default():
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
    ("configured", "said"),
    [
        ({"beauty": {}}, "there is no rule 'beauty'; there are malformed_record, .*completeness, price_jump"),
        ({"off_grid": {"action": "warn"}}, "off_grid cannot warn; it can quarantine or fail"),
        ({"price_jump": {"action": "quarantine"}}, "price_jump cannot quarantine; it can warn or fail"),
        ({"off_grid": {"threshold": 1.0}}, "off_grid has no threshold"),
    ],
)
def test_what_a_rule_cannot_do_is_refused(configured, said):
    with pytest.raises(QualityRuleError, match=said):
        quality_rules(configured)
