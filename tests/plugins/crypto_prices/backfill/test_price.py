"""The price of a plan."""

import pytest
from crypto_prices.backfill.glue_cost import GlueJob, PastGlueRun
from crypto_prices.backfill.price import price_of, price_rows
from crypto_prices.settings import PriceSettings
from crypto_prices_contract.window import Window

MONTH, DAY = Window.parse("2024-01-01", "2024-02-01"), Window.parse("2024-02-01", "2024-02-02")
GLUE = GlueJob(2, [PastGlueRun(31, 540), PastGlueRun(1, 30)])


def test_glue_is_priced_by_the_length_of_each_run_and_the_warehouse_by_the_number_of_windows():
    price = price_of([MONTH, DAY, DAY], GLUE, PriceSettings())
    # 9 minutes for the month, and the minimum of one minute for each day, with 2 DPUs.
    assert price.dpu_hours == pytest.approx(2 * 11 / 60)
    assert price.rpu_hours == pytest.approx(3 * 8 * 5 / 60)
    assert price.usd == pytest.approx(22 / 60 * 0.44 + 2 * 0.375)


def test_the_prices_of_the_settings_are_used():
    prices = PriceSettings(glue_dpu_hour=1.0, redshift_rpu_hour=2.0, redshift_rpus=16, warehouse_minutes=15)
    price = price_of([MONTH], GLUE, prices)
    assert (price.glue_usd, price.warehouse_usd) == (pytest.approx(0.3), pytest.approx(8))


def test_no_window_costs_nothing():
    assert price_of([], GLUE, PriceSettings()).usd == 0


def test_the_text_has_the_dollars_and_what_they_are_based_on():
    text = "\n".join(value for _, value in price_rows(price_of([MONTH, DAY, DAY], GLUE, PriceSettings())))
    assert "about $0.91: Glue $0.16 (0.37 DPU-hours at $0.44), warehouse $0.75 (2.00 RPU-hours at $0.375)" in text
    assert "assumes 5 minutes of 8 RPUs per window" in text
