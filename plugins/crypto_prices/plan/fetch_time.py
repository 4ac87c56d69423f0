"""The least time that fetching a window takes, at the pace of its source."""

from __future__ import annotations

from datetime import timedelta

from crypto_prices_contract.window import Window

from crypto_prices.fetch.errors import FatalSourceError
from crypto_prices.fetch.fetch_prices import FETCH_TIMEOUT
from crypto_prices.fetch.sources import Source
from crypto_prices.settings import SourceSettings


def refuse_long_fetch(source: Source, of_source: SourceSettings, symbols: int, window: Window, interval: str) -> None:
    """Refuse a window whose requests take longer than a try of ``fetch_prices`` may.

    Args:
        source: The source.
        of_source: Its settings.
        symbols: Number of symbols to fetch.
        window: The window to fetch.
        interval: The candle interval.

    Raises:
        FatalSourceError: It takes too long.
    """
    candles = (window.ends_at - window.starts_at) // source.interval_length(interval)
    requests = symbols * -(-candles // source.rows_per_request)
    pace = of_source.requests_per_second or source.requests_per_second
    least = timedelta(seconds=requests / pace)
    if least > FETCH_TIMEOUT:
        raise FatalSourceError(
            f"{source.name} needs at least {requests} requests for {symbols} symbols in [{window.start}, "
            f"{window.end}). At {pace:.3g} requests per second they take at least "
            f"{least // timedelta(minutes=1)} minutes, but fetch_prices may take "
            f"{FETCH_TIMEOUT // timedelta(minutes=1)}",
            "Load fewer symbols or days at a time, or raise requests_per_second in the settings if the exchange allows",
        )
