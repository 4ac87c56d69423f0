"""The operator that fetches a window's candles from one source and stores the responses unchanged in the raw zone."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import AirflowFailException
from crypto_prices_contract.markets import Market
from crypto_prices_contract.raw_manifest import RawListing, RawManifest, RawManifestError
from crypto_prices_contract.window import Window

from crypto_prices.aws.console_links import S3PrefixLink
from crypto_prices.aws.s3_objects import read_object
from crypto_prices.fetch.empty_ranges import empty_ranges
from crypto_prices.fetch.errors import FatalSourceError, MarketSettingsError, RetryableSourceError
from crypto_prices.fetch.exchange_markets import ask_markets
from crypto_prices.fetch.http_client import HttpClient
from crypto_prices.fetch.markets import MarketsByDay
from crypto_prices.fetch.raw_zone import RawZone, new_attempt, put_listings
from crypto_prices.fetch.source_client import client_of, configured_source
from crypto_prices.fetch.sources import Source
from crypto_prices.fetch.sources.base import refuse_unclosed
from crypto_prices.settings import Settings, load_settings
from crypto_prices.xcom.fetched_source import FetchedSource
from crypto_prices.xcom.parse_result import parse_result

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


FETCH_TIMEOUT = timedelta(minutes=60)
"""Time limit of a try."""


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
        markets: The markets of the symbols, each as the fields of a ``Market``. None if the exchange has not named them
            yet; then the task asks it.
        listings: The stored responses in which the exchange named them, each as the fields of a ``RawListing``.
        not_before: When the wait ends that the exchange requested when it was asked for the markets (ISO); None if it
            requested none.
        raw_manifest: S3 URI of the manifest of an earlier fetch, whose responses are loaded again. The exchange is not
            asked. None for a new fetch.
        raw_manifest_sha256: SHA-256 of that manifest in the load's record; None if it is unknown.
    """

    aws_hook_class = S3Hook
    template_fields: Sequence[str] = aws_template_fields("source", "symbols", "window_start", "window_end")
    operator_extra_links = (S3PrefixLink(),)

    def __init__(
        self,
        *,
        source: str,
        symbols: Sequence[str],
        window_start: str,
        window_end: str,
        markets: Sequence[Mapping[str, str]] | None = None,
        listings: Sequence[Mapping[str, Any]] = (),
        not_before: str | None = None,
        raw_manifest: str | None = None,
        raw_manifest_sha256: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.symbols = symbols
        self.window_start = window_start
        self.window_end = window_end
        self.markets = markets
        self.listings = listings
        self.not_before = not_before
        self.raw_manifest = raw_manifest
        self.raw_manifest_sha256 = raw_manifest_sha256
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
            RetryableSourceError: No attempt got a usable response, or the wait that the exchange requested has not
                ended. Airflow retries the task.
        """
        if self.raw_manifest is not None:
            manifest = self._fetched_before(self.raw_manifest)
            self._log_outcome(manifest, manifest.uri.rpartition("/")[0])
            return asdict(_result(manifest))
        settings = load_settings()
        if self.source not in settings.sources:
            raise AirflowFailException(f"{self.source} is no longer in the settings: clear the whole run")
        of_source = settings.sources[self.source]
        window = Window.parse(self.window_start, self.window_end)
        try:
            refuse_unclosed(window, datetime.now(UTC))
            self._refuse_early_requests(datetime.now(UTC))
            source = configured_source(self.source, of_source)
            interval = source.interval_length(settings.candle_interval)
            with client_of(source, of_source, sleep=self._wait) as client:
                attempt = new_attempt()
                markets, listings = self._markets(settings, source, client, window, attempt)
                zone = RawZone(
                    s3_client=self.hook.conn,
                    bucket=settings.s3_bucket,
                    source=self.source,
                    window=window,
                    candle_interval=settings.candle_interval,
                    attempt=attempt,
                    markets=markets,
                    expected_records=(window.ends_at - window.starts_at) // interval,
                    listings=listings,
                )
                self.s3_uri = zone.prefix_uri
                self._fetch_markets(zone, source, client, markets, window, settings.candle_interval)
        except FatalSourceError as error:
            raise AirflowFailException(f"{self.source}: {error}") from error
        manifest = zone.commit(datetime.now(UTC))
        self._log_outcome(manifest, zone.prefix_uri)
        return asdict(_result(manifest))

    def _fetched_before(self, uri: str) -> RawManifest:
        """Return the manifest of an earlier fetch.

        Raises:
            AirflowFailException: It is missing, or it is not the one that was loaded.
        """
        self.s3_uri = uri.rpartition("/")[0] + "/"
        content, _ = read_object(self.hook.conn, uri)
        if content is None:
            raise AirflowFailException(
                f"the raw manifest {uri} is missing, so its load cannot be replayed: restore the object, for example "
                "from its older version in S3, and clear this task with its downstream tasks"
            )
        digest = hashlib.sha256(content).hexdigest()
        if self.raw_manifest_sha256 not in (None, digest):
            raise AirflowFailException(
                f"the raw manifest {uri} has the SHA-256 {digest}, but the one that was loaded had "
                f"{self.raw_manifest_sha256}: restore its older version in S3, and clear this task with its downstream "
                "tasks"
            )
        try:
            return RawManifest.from_json(uri, json.loads(content))
        except (RawManifestError, ValueError) as error:
            raise AirflowFailException(str(error)) from error

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

    def _refuse_early_requests(self, now: datetime) -> None:
        """Fail if the exchange still requests a wait. During a ban, each request makes the ban longer."""
        wait = 0.0 if self.not_before is None else (datetime.fromisoformat(self.not_before) - now).total_seconds()
        if wait > 0:
            raise RetryableSourceError(
                f"{self.source} requested a wait until {self.not_before} when resolve_window asked for its markets, so "
                "this try sends no request",
                "Airflow tries again after that time. If no try is left then, clear this task with downstream",
                retry_after_seconds=wait,
            )

    def _markets(
        self, settings: Settings, source: Source, client: HttpClient, window: Window, attempt: str
    ) -> tuple[Sequence[Market], Sequence[RawListing]]:
        """Return the markets to fetch, and the stored responses that name them.

        ``resolve_window`` asks the exchange. This task asks only if the exchange did not respond then.
        """
        for symbol in self.symbols:
            source.checked_symbol(symbol)
        if self.markets is not None:
            return (
                parse_result(list[Market], self.markets, "resolve_window"),
                parse_result(list[RawListing], self.listings, "resolve_window"),
            )
        asked = ask_markets(source, client, self.symbols, settings.sources[self.source].markets)
        listings = put_listings(
            self.hook.conn,
            bucket=settings.s3_bucket,
            source=self.source,
            window=window,
            attempt=attempt,
            responses=asked.responses,
        )
        markets = MarketsByDay({self.source: asked.pairs}).in_window(window)[self.source]
        if not markets:
            raise MarketSettingsError(
                f"{self.source} did not use the names of {', '.join(self.symbols)} in [{window.start}, {window.end})",
                "Add the names of that time to the symbols in the settings",
            )
        return markets, listings

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


def _result(manifest: RawManifest) -> FetchedSource:
    return FetchedSource(
        source=manifest.source,
        candle_interval=manifest.candle_interval,
        raw_manifest=manifest.uri,
        content_hash=manifest.content_hash,
        records=manifest.records,
        markets=[market.name for market in manifest.markets],
        gaps=manifest.gaps,
        incomplete=manifest.incomplete,
        fetched_at=manifest.written_at,
        empty_ranges=empty_ranges(manifest),
    )
