from crypto_prices.backfill.glue_cost import GlueJob
from crypto_prices.backfill.plan_text import plan_as_text
from crypto_prices.backfill.price import price_of
from crypto_prices.settings import PriceSettings

from tests.support.backfill_plans import load, plan


def text_of(planned):
    return plan_as_text(planned, price_of(planned.windows, planned.glue, PriceSettings()))


def test_the_plans_text_has_the_cost_and_the_reasons_of_skips():
    text = text_of(plan(loads=[load(1, 9), load(10, 12, number=2)]))
    assert "Backfill of [2024-01-01, 2024-02-01): 31 days" in text
    assert "19 days in 1 window\n" in text
    assert "API requests at least 2" in " ".join(text.split())
    assert "Glue runs 1, about 3.0 DPU-minutes (2 DPUs)" in " ".join(text.split())
    assert "Glue runs 1 of 19 days: 90 s each, the mean of 5 earlier runs (5 of 31 days)" in " ".join(text.split())
    assert "price about $0.27: Glue $0.02 (0.05 DPU-hours at $0.44)" in " ".join(text.split())
    assert "window [2024-01-13, 2024-02-01)" in " ".join(text.split())
    assert "skipped [2024-01-01, 2024-01-10): loaded by b1" in " ".join(text.split())
    assert "skipped [2024-01-10, 2024-01-13): loaded by b2" in " ".join(text.split())
    assert "assumed 120 s each, because no run has ended yet" in text_of(plan(glue=GlueJob(2, [])))
