"""Fetches a window's candles from one source and lands them, untouched, in the raw zone."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import AirflowFailException

from crypto_prices.batch import FetchedSource
from crypto_prices.errors import FatalSourceError
from crypto_prices.http_client import HttpClient
from crypto_prices.raw_zone import Market, RawZone
from crypto_prices.settings import load_settings
from crypto_prices.sources import get_source
from crypto_prices.sources.base import refuse_unclosed
from crypto_prices.window import Window

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class FetchPricesOperator(AwsBaseOperator[S3Hook]):
    """Fetches one source's candles of a window into the raw zone and commits them with a manifest.

    Every attempt lands under a key prefix of its own, so a retry never mixes with what an earlier attempt left.
    Returns a ``FetchedSource`` as a dict.

    Args:
        source: Name of the source.
        symbols: Exchange symbols to fetch.
        window_start: First day (ISO), included.
        window_end: Day after the last (ISO), excluded.
    """

    aws_hook_class = S3Hook
    template_fields: Sequence[str] = aws_template_fields("source", "symbols", "window_start", "window_end")

    def __init__(
        self, *, source: str, symbols: Sequence[str], window_start: str, window_end: str, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.symbols = symbols
        self.window_start = window_start
        self.window_end = window_end

    def execute(self, context: Context) -> dict[str, Any]:
        """Return what was fetched.

        Raises:
            AirflowFailException: The same request would fail again: an unknown symbol, a refused request, a window
                that has not ended.
            RetryableSourceError: The exchange did not answer properly within the bounded retries; Airflow retries.
        """
        settings = load_settings()
        if self.source not in settings.sources:
            raise AirflowFailException(f"{self.source} is no longer in the settings: clear the whole run")
        window = Window.parse(self.window_start, self.window_end)
        try:
            refuse_unclosed(window, datetime.now(UTC))
            source = get_source(self.source, settings.sources[self.source].api_url)
            markets = [Market(symbol, *source.market(symbol)) for symbol in self.symbols]
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
            expected_records=(window.ends_at - window.starts_at) // interval,
        )
        try:
            with HttpClient() as client:
                for market in markets:
                    zone.begin_market(market)
                    for page in source.fetch_pages(client, market.exchange_symbol, window, settings.candle_interval):
                        zone.put_page(page)
        except FatalSourceError as error:
            raise AirflowFailException(f"{self.source}: {error}") from error
        manifest = zone.commit(datetime.now(UTC))
        for gap in manifest.gaps:
            self.log.warning("%s has no candle of %s in [%s, %s)", self.source, gap, window.start, window.end)
        for symbol, records in manifest.incomplete.items():
            self.log.warning(
                "%s has %d of %d candles of %s in [%s, %s)",
                self.source,
                records,
                manifest.expected_records,
                symbol,
                window.start,
                window.end,
            )
        self.log.info(
            "%d records of %d markets in %d objects under %s",
            manifest.records,
            len(markets),
            len(manifest.objects),
            zone.prefix_uri,
        )
        return asdict(
            FetchedSource(
                source=self.source,
                candle_interval=settings.candle_interval,
                raw_manifest=manifest.uri,
                content_hash=manifest.content_hash,
                records=manifest.records,
                markets=[f"{market.symbol}/{market.quote_currency}" for market in markets],
                gaps=manifest.gaps,
                incomplete=manifest.incomplete,
                fetched_at=manifest.written_at,
            )
        )
