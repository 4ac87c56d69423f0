"""Fetches sampled days of markets again. Nothing is stored: a day that differs is loaded again, which stores it."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence

from crypto_prices_contract.window import Window

from crypto_prices.audit.days_to_heal import MarketDay
from crypto_prices.fetch.errors import FatalSourceError, RetryableSourceError, SourceError
from crypto_prices.fetch.http_client import HttpClient
from crypto_prices.fetch.markets import MarketsByDay
from crypto_prices.fetch.source_client import client_of, configured_source
from crypto_prices.fetch.sources import Source
from crypto_prices.fetch.sources.sent_candles import SentCandle
from crypto_prices.settings import Settings

log = logging.getLogger(__name__)


def refetch(
    settings: Settings, sample: Sequence[MarketDay], markets: MarketsByDay
) -> Iterator[tuple[MarketDay, list[SentCandle] | FatalSourceError]]:
    """Yield each day of a market with its candles, or with the exchange's refusal.

    A source that does not respond is left out from then on, because it must not hold up the rest of the audit. Its days
    get their turn in the next audit.

    Args:
        settings: The bundle's settings.
        sample: The days of markets.
        markets: The markets of the sources that named them. Others are left out, too.
    """
    of_source: dict[str, list[MarketDay]] = defaultdict(list)
    for place in sorted(sample):
        of_source[place.source].append(place)
    for name, places in of_source.items():
        if name not in markets.sources:
            log.warning("%d days of %s are not compared, because it did not name its markets", len(places), name)
            continue
        try:
            source = configured_source(name, settings.sources[name])
        except SourceError as error:
            log.warning("%d days of %s are not compared: %s", len(places), name, error)
            continue
        with client_of(source, settings.sources[name]) as client:
            for done, place in enumerate(places):
                symbol = markets.exchange_symbol(place.source, place.market, place.day)
                try:
                    yield place, _candles(source, client, symbol, place, settings.candle_interval)
                except FatalSourceError as error:
                    yield place, error
                except RetryableSourceError as error:
                    log.warning(
                        "%d of %d days of %s are not compared: %s", len(places) - done, len(places), name, error
                    )
                    break


def _candles(
    source: Source, client: HttpClient, symbol: str, place: MarketDay, candle_interval: str
) -> list[SentCandle]:
    return [
        candle
        for page in source.fetch_pages(client, symbol, Window.of_day(place.day), candle_interval)
        for candle in source.read_candles(page.response, candle_interval)
    ]
