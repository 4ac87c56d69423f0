"""The limit of what an audit starts by itself."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from crypto_prices.audit.days_to_heal import UNFETCHED, MarketDay
from crypto_prices.audit.large_plan import LargePlanError, refuse_large_plan
from crypto_prices.audit.windows_to_heal import HealingPlan
from crypto_prices.backfill.glue_cost import GlueJob
from crypto_prices.backfill.price import price_of
from crypto_prices.settings import PriceSettings, Settings
from crypto_prices_contract.window import Window

from tests.support.healing_plans import place, plan

SEVEN = plan({place(number): UNFETCHED for number in range(1, 8)})
PRICE = price_of((each.window for each in SEVEN.windows), GlueJob(2, []), PriceSettings())


PARAMS = {"start": None, "end": None, "days": 7, "ask_again": ["no_trade"], "chunk_days": 5, "restatement_sample": 20}


def refuse(limit_days, approved, market_total=2):
    params = PARAMS | {"max_market_days": approved}
    refuse_large_plan(SEVEN, PRICE, limit_days=limit_days, market_total=market_total, params=params)


@pytest.mark.parametrize(("limit_days", "market_total", "approved"), [(4, 2, None), (1, 7, None), (0, 2, 7), (3, 2, 8)])
def test_a_plan_within_the_limit_or_the_approval_is_started(limit_days, market_total, approved):
    refuse(limit_days, approved, market_total)


@pytest.mark.parametrize(("limit_days", "approved", "which"), [
    (3, None, "6 (audit_limit_days in the settings: 3 days of 2 markets)"),
    (9, 5, "5 (max_market_days of this run)"),
])  # fmt: skip
def test_a_larger_plan_is_refused_with_its_size_its_price_and_the_run_that_loads_exactly_this_plan(
    limit_days, approved, which
):
    with pytest.raises(LargePlanError) as refused:
        refuse(limit_days, approved)
    message, _, approval = str(refused.value).partition("trigger crypto_prices_audit with ")
    assert "7 days of markets to load in 1 window, for about $0.28" in message
    assert f"more than {which}, so nothing was started" in message
    # Another sample could make the plan larger again.
    assert json.loads(approval) == {
        "start": "2024-01-01", "end": "2024-01-08", "ask_again": ["no_trade"], "chunk_days": 5,
        "restatement_sample": 0, "max_market_days": 7,
    }  # fmt: skip


@pytest.mark.parametrize("market_total", [1, 4, 1702])
def test_the_first_audit_of_a_new_platform_asks_however_many_markets_it_has(market_total):
    days = 35
    markets = [f"COIN{number}" for number in range(market_total)]
    new = HealingPlan(
        Window(date(2024, 1, 1), date(2024, 2, 5)),
        {
            MarketDay("binance", f"{market}/USDT", date(2024, 1, 1) + timedelta(days=number)): UNFETCHED
            for market in markets
            for number in range(days)
        },
        [],
        0,
    )
    limit_days = Settings.model_fields["audit_limit_days"].default
    with pytest.raises(LargePlanError):
        refuse_large_plan(new, PRICE, limit_days=limit_days, market_total=market_total, params=PARAMS)
    # A day that failed for all markets is loaded without asking.
    one = replace(new, reasons={place: reason for place, reason in new.reasons.items() if place.day.day == 1})
    refuse_large_plan(one, PRICE, limit_days=limit_days, market_total=market_total, params=PARAMS)
