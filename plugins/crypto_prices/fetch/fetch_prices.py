"""The operator that fetches a window's candles from one source and stores the responses unchanged in the raw zone."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import AirflowFailException, BaseHook
from airflow.sdk.log import mask_secret
from crypto_prices_contract.markets import Market
from crypto_prices_contract.raw_manifest import RawManifest
from crypto_prices_contract.window import Window

from crypto_prices.aws.console_links import S3PrefixLink
from crypto_prices.fetch.errors import FatalSourceError
from crypto_prices.fetch.http_client import HttpClient
from crypto_prices.fetch.raw_zone import RawZone
from crypto_prices.fetch.request_budget import RequestBudget
from crypto_prices.fetch.sources import Source, get_source
from crypto_prices.fetch.sources.base import refuse_unclosed
from crypto_prices.settings import SourceSettings, load_settings
from crypto_prices.xcom.fetched_source import FetchedSource

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class FetchStoppedError(RuntimeError):
    """The task was killed, or another market failed."""


class FetchPricesOperator(AwsBaseOperator[S3Hook]):
    """Fetches a window's candles from one source into the raw zone and commits them with a manifest.

    Markets are fetched in parallel, up to the source's number of connections and at the source's pace. Every attempt
    writes to its own key prefix, so a retry never mixes with the objects of an earlier attempt. The task returns a
    ``FetchedSource`` as a dict.

    Args:
        source: Name of the source.
        symbols: Exchange symbols to fetch.
        window_start: First day (ISO), included.
        window_end: Day after the last (ISO), excluded.
    """

    aws_hook_class = S3Hook
    template_fields: Sequence[str] = aws_template_fields("source", "symbols", "window_start", "window_end")
    operator_extra_links = (S3PrefixLink(),)

    def __init__(
        self, *, source: str, symbols: Sequence[str], window_start: str, window_end: str, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.symbols = symbols
        self.window_start = window_start
        self.window_end = window_end
        self.s3_uri: str | None = None  # prefix of the attempt; None until it begins

    @cached_property
    def _stop(self) -> threading.Event:
        # Created on first use, because Airflow copies operators and a lock cannot be copied.
        return threading.Event()

    def execute(self, context: Context) -> dict[str, Any]:
        """Fetch the window and return a summary of what was fetched.

        Raises:
            AirflowFailException: The same request would fail again: an unknown symbol, a rejected request, or a window
                that has not ended.
            RetryableSourceError: No attempt got a usable response. Airflow retries the task.
        """
        settings = load_settings()
        if self.source not in settings.sources:
            raise AirflowFailException(f"{self.source} is no longer in the settings: clear the whole run")
        of_source = settings.sources[self.source]
        window = Window.parse(self.window_start, self.window_end)
        try:
            refuse_unclosed(window, datetime.now(UTC))
            source = get_source(self.source, of_source.api_url, _api_key(of_source))
            markets = source.markets(self.symbols)
            interval = source.interval_length(settings.candle_interval)
        except FatalSourceError as error:
            raise AirflowFailException(f"{self.source}: {error}") from error
        attempt = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid.uuid4().hex[:12]}"
        zone = RawZone(
            s3_client=self.hook.conn,
            bucket=settings.s3_bucket,
            source=self.source,
            window=window,
            candle_interval=settings.candle_interval,
            attempt=attempt,
            markets=markets,
            expected_records=(window.ends_at - window.starts_at) // interval,
        )
        self.s3_uri = zone.prefix_uri
        pace = of_source.requests_per_second or source.requests_per_second
        try:
            with HttpClient(
                budget=RequestBudget(pace, sleep=self._wait),
                pause_seconds=source.pause_seconds,
                max_connections=source.max_connections,
                sleep=self._wait,
            ) as client:
                self._fetch_markets(zone, source, client, markets, window, settings.candle_interval)
        except FatalSourceError as error:
            raise AirflowFailException(f"{self.source}: {error}") from error
        manifest = zone.commit(datetime.now(UTC))
        self._log_outcome(manifest, zone.prefix_uri)
        return asdict(
            FetchedSource(
                source=self.source,
                candle_interval=settings.candle_interval,
                raw_manifest=manifest.uri,
                content_hash=manifest.content_hash,
                records=manifest.records,
                markets=[market.name for market in markets],
                gaps=manifest.gaps,
                incomplete=manifest.incomplete,
                fetched_at=manifest.written_at,
            )
        )

    def on_kill(self) -> None:
        """Keep all threads from sending another request."""
        self._stop.set()

    def _wait(self, seconds: float) -> None:
        """Wait the given seconds unless the fetch is stopped.

        Raises:
            FetchStoppedError: The fetch was stopped.
        """
        if self._stop.wait(seconds):
            raise FetchStoppedError("the fetch was stopped before it was complete, so none of its objects are used")

    def _fetch_markets(
        self,
        zone: RawZone,
        source: Source,
        client: HttpClient,
        markets: Sequence[Market],
        window: Window,
        candle_interval: str,
    ) -> None:
        """Store every response. If one market fails, the others stop after the response that they are waiting for."""

        def fetch(market: Market) -> None:
            self._wait(0)
            for page in source.fetch_pages(client, market.exchange_symbol, window, candle_interval):
                zone.put_page(market, page)
                self._wait(0)

        with ThreadPoolExecutor(source.max_connections, thread_name_prefix=self.source) as threads:
            try:
                for done, future in enumerate(as_completed([threads.submit(fetch, market) for market in markets]), 1):
                    future.result()
                    if done % 50 == 0 or done == len(markets):
                        self.log.info("Fetched %d of %d markets", done, len(markets))
            finally:
                # Otherwise the pool's exit would wait until every market is fetched.
                self._stop.set()

    def _log_outcome(self, manifest: RawManifest, prefix_uri: str) -> None:
        start, end = manifest.window.start, manifest.window.end
        for gap in manifest.gaps:
            self.log.warning("%s has no candles of %s in [%s, %s)", self.source, gap, start, end)
        for symbol, records in manifest.incomplete.items():
            self.log.warning(
                "%s has %d of %d candles of %s in [%s, %s)",
                *(self.source, records, manifest.expected_records, symbol, start, end),
            )
        self.log.info(
            "%d records of %d markets in %d objects under %s",
            *(manifest.records, len(manifest.markets), len(manifest.objects), prefix_uri),
        )


def _api_key(of_source: SourceSettings) -> str | None:
    """Return the password of the source's connection. Airflow masks it in every log from then on.

    Raises:
        FatalSourceError: The connection has no password, or one that cannot be an API key.
    """
    if of_source.connection_id is None:
        return None
    # A secret saved from a file often ends with a line break, which is not allowed in a header.
    key = (BaseHook.get_connection(of_source.connection_id).password or "").strip()
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
