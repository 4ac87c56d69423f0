"""Asks the exchanges for the markets of a plan, which compares them with what is loaded."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crypto_prices.fetch.errors import MarketSettingsError, RetryableSourceError, SourceError
from crypto_prices.fetch.exchange_markets import ask_markets
from crypto_prices.fetch.markets import MarketsByDay
from crypto_prices.fetch.source_client import asking_source, client_of
from crypto_prices.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AskedExchanges:
    """The answers of some exchanges.

    Attributes:
        markets: The markets of the exchanges that named them.
        left_out: The errors of the other exchanges, by source.
    """

    markets: MarketsByDay
    left_out: Mapping[str, SourceError]

    @property
    def left_out_text(self) -> str:
        """The sources that are left out, with the reasons, one per line; empty if there are none."""
        return "\n".join(
            f"{name} is left out, because it did not name its markets: {error}" for name, error in self.left_out.items()
        )


def ask_exchanges(settings: Settings, symbols: Mapping[str, Sequence[str]]) -> AskedExchanges:
    """Return the markets of exchange symbols.

    An exchange that does not respond as expected is left out, because it must not hold up the others.

    Args:
        settings: The bundle's settings.
        symbols: Exchange symbols by source.

    Raises:
        MarketSettingsError: An exchange does not list a symbol, or the settings contradict it.
        FatalSourceError: No exchange named its markets, and the requests would fail again.
        RetryableSourceError: No exchange named its markets.
    """
    pairs = {}
    left_out: dict[str, SourceError] = {}
    for name, listed in symbols.items():
        of_source = settings.sources[name]
        try:
            source = asking_source(name, of_source, listed)
            with client_of(source, of_source) as client:
                pairs[name] = ask_markets(source, client, listed, of_source.markets).pairs
        except MarketSettingsError:
            raise
        except SourceError as error:
            log.warning("%s is left out, because it did not name its markets: %s", name, error)
            left_out[name] = error
    if left_out and not pairs:
        raise max(left_out.values(), key=_wait_of)
    return AskedExchanges(MarketsByDay(pairs), left_out)


def left_out_error(left_out: Mapping[str, SourceError], problem: str, advice: str) -> RetryableSourceError:
    """Return the error of a task that needs all exchanges, with the longest wait that one of them requests.

    Args:
        left_out: The errors by source; at least one.
        problem: What is wrong. The sources and their errors follow.
        advice: What to do about it.
    """
    errors = "; ".join(f"{name}: {error.problem}" for name, error in left_out.items())
    wait = max(left_out.values(), key=_wait_of).retry_after_seconds
    return RetryableSourceError(f"{problem}: {errors}", advice, retry_after_seconds=wait)


def _wait_of(error: SourceError) -> tuple[bool, float]:
    return isinstance(error, RetryableSourceError), error.retry_after_seconds or 0.0
