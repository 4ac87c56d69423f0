"""The limit of what an audit starts by itself."""

import pytest
from crypto_prices.audit.days_to_heal import UNFETCHED
from crypto_prices.audit.large_plan import LargePlanError, refuse_large_plan
from crypto_prices.backfill.glue_cost import GlueJob
from crypto_prices.backfill.price import price_of
from crypto_prices.settings import PriceSettings

from tests.support.healing_plans import place, plan

SEVEN = plan({place(number): UNFETCHED for number in range(1, 8)})
PRICE = price_of((each.window for each in SEVEN.windows), GlueJob(2, []), PriceSettings())


@pytest.mark.parametrize(("limit", "approved"), [(7, None), (0, 7), (6, 8)])
def test_a_plan_within_the_limit_or_the_approval_is_started(limit, approved):
    refuse_large_plan(SEVEN, PRICE, limit, approved)


@pytest.mark.parametrize(("limit", "approved", "which"), [(6, None, "6 (audit_market_days in the settings)"),
                                                          (9, 5, "5 (max_market_days of this run)")])  # fmt: skip
def test_a_larger_plan_is_refused_with_its_size_its_price_and_how_to_approve_it(limit, approved, which):
    with pytest.raises(LargePlanError) as refused:
        refuse_large_plan(SEVEN, PRICE, limit, approved)
    message = str(refused.value)
    assert "7 days of markets to load in 1 window, for about $0.28" in message
    assert f"more than {which}, so nothing was started" in message
    assert '{"start": "2024-01-01", "end": "2024-01-08", "max_market_days": 7}' in message
