"""A source and the HTTP client for it, as the settings configure them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook
from airflow.sdk.log import mask_secret

from crypto_prices.fetch.errors import FatalSourceError, RetryableSourceError
from crypto_prices.fetch.exchange_markets import named_pairs
from crypto_prices.fetch.http_client import HttpClient
from crypto_prices.fetch.request_budget import RequestBudget
from crypto_prices.fetch.request_retry_policy import RequestRetryPolicy
from crypto_prices.fetch.sources import Source, get_source
from crypto_prices.settings import SourceSettings


def configured_source(name: str, of_source: SourceSettings) -> Source:
    """Return a source with the API key of its connection, if it has one. Call it in a running task only.

    Raises:
        FatalSourceError: The connection has no password, or one that cannot be an API key. Or the source does not
            exist, or takes no key.
        RetryableSourceError: There is no connection.
    """
    return get_source(name, of_source.api_url, _api_key(of_source))


def asking_source(name: str, of_source: SourceSettings, symbols: Sequence[str]) -> Source:
    """Return a source to ask for base and quote of symbols, with its API key only if it must be asked.

    Raises:
        FatalSourceError: As in ``configured_source``, or a symbol is unknown.
        RetryableSourceError: As in ``configured_source``.
    """
    source = get_source(name, of_source.api_url)
    if len(named_pairs(source, symbols, of_source.markets)) == len(symbols):
        return source
    return configured_source(name, of_source)


def client_of(
    source: Source,
    of_source: SourceSettings,
    *,
    sleep: Callable[[float], None] = time.sleep,
    retry_policy: RequestRetryPolicy | None = None,
) -> HttpClient:
    """Return a client that keeps the source's pace.

    Args:
        source: The source.
        of_source: Its settings.
        sleep: Waits the given seconds.
        retry_policy: Number of attempts and waits of a request; None for the usual ones.
    """
    pace = of_source.requests_per_second or source.requests_per_second
    return HttpClient(
        budget=RequestBudget(pace, sleep=sleep),
        pause_seconds=source.pause_seconds,
        error_rules=source.error_rules,
        max_connections=source.max_connections,
        retry_policy=retry_policy,
        sleep=sleep,
    )


def _api_key(of_source: SourceSettings) -> str | None:
    """Return the password of the source's connection. Airflow masks it in every log from then on.

    Raises:
        FatalSourceError: The connection has no password, or one that cannot be an API key.
        RetryableSourceError: There is no connection.
    """
    if of_source.connection_id is None:
        return None
    try:
        connection = BaseHook.get_connection(of_source.connection_id)
    except AirflowNotFoundException as error:
        raise RetryableSourceError(
            f"the Airflow connection {of_source.connection_id} is missing, or its secrets backend is unreachable (see "
            "the log above)",
            "Create it with the API key as its password, or remove connection_id from the settings",
        ) from error
    # A secret saved from a file often ends with a line break, which is not allowed in a header.
    key = (connection.password or "").strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise FatalSourceError(
            f"the Airflow connection {of_source.connection_id} has "
            + ("no password" if not key else "a password that is not an API key: it has spaces or special characters"),
            f"Set the API key as its password. On MWAA, it is in the secret {of_source.connection_id} under the "
            "connections_prefix of the environment's secrets backend",
        )
    # Airflow itself masks only the password as it was saved, with its line break.
    mask_secret(key)
    return key
