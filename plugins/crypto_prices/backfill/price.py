"""The price of loading windows, estimated from the Glue job's earlier runs and from prices in the settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from crypto_prices_contract.window import Window

from crypto_prices.backfill.glue_cost import GlueJob
from crypto_prices.settings import PriceSettings


@dataclass(frozen=True)
class Price:
    """The estimated price of a plan.

    Attributes:
        windows: Number of windows.
        dpu_hours: DPU-hours of all Glue runs.
        rpu_hours: RPU-hours of the warehouse.
        prices: Prices and assumptions of the estimate.
    """

    windows: int
    dpu_hours: float
    rpu_hours: float
    prices: PriceSettings

    @property
    def glue_usd(self) -> float:
        """Price of the Glue runs."""
        return self.dpu_hours * self.prices.glue_dpu_hour

    @property
    def warehouse_usd(self) -> float:
        """Price of the warehouse's work."""
        return self.rpu_hours * self.prices.redshift_rpu_hour

    @property
    def usd(self) -> float:
        """The whole price."""
        return self.glue_usd + self.warehouse_usd


def price_of(windows: Iterable[Window], glue: GlueJob, prices: PriceSettings) -> Price:
    """Return the estimated price of loading windows, each with one Glue run.

    Args:
        windows: The windows to load.
        glue: The Glue job's resources and earlier runs.
        prices: Prices, and the assumed work of the warehouse per window.
    """
    by_days = Counter((window.end - window.start).days for window in windows)
    minutes = sum(count * glue.estimate(days).billed_minutes for days, count in by_days.items())
    total = by_days.total()
    rpu_hours = total * prices.warehouse_minutes / 60 * prices.redshift_rpus
    return Price(total, glue.dpus * minutes / 60, rpu_hours, prices)


def price_rows(price: Price) -> list[tuple[str, str]]:
    """Return the rows of a plan's text that show the price and its basis."""
    prices = price.prices
    return [
        (
            "price",
            f"about ${price.usd:.2f}: Glue ${price.glue_usd:.2f} ({price.dpu_hours:.2f} DPU-hours at "
            f"${prices.glue_dpu_hour:g}), warehouse ${price.warehouse_usd:.2f} ({price.rpu_hours:.2f} RPU-hours at "
            f"${prices.redshift_rpu_hour:g})",
        ),
        (
            "price",
            f"assumes {prices.warehouse_minutes:g} minutes of {prices.redshift_rpus:g} RPUs per window, and the prices "
            "in the settings. Airflow, S3 and data transfer are not included",
        ),
    ]
