"""The local exchange on the local AWS's port."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from local_exchange.faults import FaultPlan
from local_exchange.server import MOUNT, create_exchange

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def exchange_mount(market_data: Path | None = None) -> dict[str, WSGIApplication]:
    """Return the local exchange as a mount of the local AWS, below ``/exchange``.

    Args:
        market_data: The folder with recorded candles to serve; None generates candles.

    Raises:
        MarketDataError: The folder has no recorded candles.
    """
    return {MOUNT: create_exchange(market_data, FaultPlan())}
