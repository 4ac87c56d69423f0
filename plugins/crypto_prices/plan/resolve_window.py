"""The operator of a run's first task, which resolves the window, sources and symbols, and checks the settings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import AirflowFailException
from crypto_prices_contract.load_record import LoadRecord, LoadRecordError
from crypto_prices_contract.markets import Market
from crypto_prices_contract.raw_manifest import RawManifest, RawManifestError
from crypto_prices_contract.stored_objects import StoredDocument
from crypto_prices_contract.window import Window, WindowError

from crypto_prices.aws.catalog import partition_expression
from crypto_prices.aws.s3_objects import read_object
from crypto_prices.fetch.errors import FatalSourceError, MarketSettingsError, SourceError
from crypto_prices.fetch.exchange_markets import ExchangeMarkets, ask_markets
from crypto_prices.fetch.markets import MarketsByDay
from crypto_prices.fetch.raw_zone import new_attempt, put_listings
from crypto_prices.fetch.request_retry_policy import RequestRetryPolicy
from crypto_prices.fetch.source_client import asking_source, client_of
from crypto_prices.fetch.sources import get_source
from crypto_prices.fetch.sources.base import refuse_unclosed
from crypto_prices.plan.check_accepted import accepting_user, check_accepted
from crypto_prices.plan.check_params import ParamError, check_params
from crypto_prices.plan.check_sources import check_sources
from crypto_prices.plan.daily_window import daily_window
from crypto_prices.plan.expected_markets import expected_markets
from crypto_prices.plan.fetch_time import refuse_long_fetch
from crypto_prices.settings import Settings, SettingsError, load_settings, select_symbols
from crypto_prices.xcom import task_results

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


_ASKING = RequestRetryPolicy(max_attempts=3, deadline_seconds=60, max_retry_after_seconds=10)
"""``fetch_prices`` asks an exchange again that does not respond now, so the other sources do not wait for it."""


_LONGEST_WAIT = timedelta(days=366).total_seconds()
"""A Retry-After can be any number, and a time has at most the year 9999."""


@dataclass(frozen=True)
class _NoAnswer:
    """An exchange did not name its markets.

    Attributes:
        not_before: When the wait that it requested ends; None if it requested none.
    """

    not_before: datetime | None


class ResolveWindowOperator(AwsBaseOperator[S3Hook]):
    """Resolves a run's window, and the sources and markets to fetch.

    It asks each exchange once for base and quote of the symbols, and stores the response. A symbol that its exchange
    does not list fails the run before anything is fetched or started. An exchange that does not respond does not fail
    the run.

    The task returns one item per source with the arguments of ``FetchPricesOperator``, over which ``fetch_prices`` is
    mapped. A source without a market in the window has none. The XCom ``expected_markets`` has the markets of the
    exchanges that responded, with the days on which their names are used.

    Args:
        day: ISO day to load (templated); empty for the logical date. Not allowed with ``start`` and ``end``.
        start: First day (ISO, templated), included.
        end: Day after the last (ISO, templated), excluded.
        sources: JSON list of the sources to load (templated); empty for all in the settings.
        symbols: JSON list of the exchange symbols to load (templated); empty for all in the settings.
        load_record: S3 URI of the record of a committed load to replay (templated); empty for a new load. Sources,
            markets and candle interval come from the manifests of the load, whatever the settings are today.
        raw_manifests: JSON list of the S3 URIs of the raw manifests to load again (templated); empty for a new fetch.
            They have the same window and candle interval, and different sources.
    """

    aws_hook_class = S3Hook
    template_fields: Sequence[str] = aws_template_fields(
        "day", "start", "end", "sources", "symbols", "load_record", "raw_manifests"
    )

    def __init__(
        self,
        *,
        day: str = "",
        start: str = "",
        end: str = "",
        sources: str = "[]",
        symbols: str = "[]",
        load_record: str = "",
        raw_manifests: str = "[]",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.day = day
        self.start = start
        self.end = end
        self.sources = sources
        self.symbols = symbols
        self.load_record = load_record
        self.raw_manifests = raw_manifests

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return one item per source to fetch.

        Raises:
            AirflowFailException: The settings or the params are invalid. Or the window is missing, has not ended or is
                too long. Or a source or symbol is not in the settings, or an exchange does not list a symbol. A retry
                would not help.
        """
        try:
            check_params(context["dag_run"].conf, context["dag"].params)
            if self.load_record or json.loads(self.raw_manifests):
                return self._stored(context)
            settings = load_settings()
            if self.day and (self.start or self.end):
                raise WindowError(
                    f"day ({self.day}) cannot be combined with start and end ({self.start}, {self.end}): set only one"
                )
            if self.start or self.end:
                window = Window.parse(self.start, self.end)
            else:
                window = daily_window(context["dag_run"].logical_date, self.day)
            refuse_unclosed(window, datetime.now(UTC))
            # Later tasks query the catalog with this expression. A window that is too long must fail before the fetch.
            partition_expression(window)
            check_sources(settings)
            chosen = select_symbols(settings, json.loads(self.sources), json.loads(self.symbols))
            params, dag_run = context["params"], context["dag_run"]
            accepted = params.get("accepted_sources") or []
            user = accepting_user(params, dag_run)
            check_accepted(accepted, params.get("accepted_because"), user, chosen)
            for name, symbols in chosen.items():
                of_source = settings.sources[name]
                source = get_source(name, of_source.api_url)
                refuse_long_fetch(source, of_source, len(symbols), window, settings.candle_interval)
            found = {name: self._ask(name, settings, symbols) for name, symbols in sorted(chosen.items())}
            by_day = MarketsByDay(
                {name: asked.pairs for name, asked in found.items() if isinstance(asked, ExchangeMarkets)}
            )
            markets = by_day.in_window(window)
            for name, unused in by_day.unused(window.start).items():
                self.log.warning("%s did not use the names of %s then, so they are left out", name, ", ".join(unused))
        except (ParamError, SettingsError, WindowError, FatalSourceError, LoadRecordError, RawManifestError) as error:
            raise AirflowFailException(str(error)) from error
        if accepted:
            self.log.warning(
                "%s accepts the rejected records of %s: %s",
                *(user, ", ".join(accepted), params["accepted_because"]),
            )
        items = [
            {
                "source": name,
                "symbols": chosen[name],
                "window_start": window.start.isoformat(),
                "window_end": window.end.isoformat(),
                **self._answer(name, settings, window, asked, markets),
            }
            for name, asked in found.items()
            if isinstance(asked, _NoAnswer) or markets[name]
        ]
        if not items:
            raise AirflowFailException(
                f"no exchange used the names of the symbols in [{window.start}, {window.end}): add the names of that "
                "time to the symbols in the settings"
            )
        expected = expected_markets(by_day, settings.candle_interval)
        context["ti"].xcom_push(key=task_results.EXPECTED_MARKETS, value=[market.as_row() for market in expected])
        self.log.info("Window [%s, %s) from %s", window.start, window.end, _as_text(items))
        return items

    def _stored(self, context: Context) -> list[dict[str, Any]]:
        """Return one item per source whose responses are stored. No exchange is asked."""
        if self.load_record:
            record = LoadRecord.from_bytes(self.load_record, self._read(self.load_record))
            window = record.window
            manifests = {source.source: source.raw_manifest for source in record.sources}
            self.log.info("Replaying load %d, made by %s %s", record.load_number, record.dag_id, record.run_id)
        else:
            found = [RawManifest.from_json(uri, self._json(uri)) for uri in json.loads(self.raw_manifests)]
            if len({(manifest.window, manifest.candle_interval) for manifest in found}) > 1:
                raise ParamError(
                    "the raw manifests have different windows or candle intervals: load them in runs apart"
                )
            window = found[0].window
            manifests = {manifest.source: StoredDocument(manifest.uri, None, None, None) for manifest in found}
            if len(manifests) < len(found):
                raise ParamError("two raw manifests have the same source: load them in runs apart")
            accepted = context["params"].get("accepted_sources") or []
            user = accepting_user(context["params"], context["dag_run"])
            check_accepted(accepted, context["params"].get("accepted_because"), user, manifests)
        if (self.start, self.end) != (window.start.isoformat(), window.end.isoformat()):
            raise WindowError(
                f"the stored responses have the window [{window.start}, {window.end}), but start and end are "
                f"({self.start}, {self.end}): set them to that window"
            )
        context["ti"].xcom_push(key=task_results.EXPECTED_MARKETS, value=[])
        return [
            {
                "source": name,
                "symbols": [],
                "window_start": self.start,
                "window_end": self.end,
                "raw_manifest": manifest.uri,
                "raw_manifest_sha256": manifest.sha256,
            }
            for name, manifest in sorted(manifests.items())
            if manifest is not None
        ]

    def _read(self, uri: str) -> bytes:
        content, _ = read_object(self.hook.conn, uri)
        if content is None:
            raise ParamError(f"{uri} is missing: restore the object, for example from its older version in S3")
        return content

    def _json(self, uri: str) -> Any:
        try:
            return json.loads(self._read(uri))
        except ValueError as error:
            raise RawManifestError(f"{uri} is not JSON: {error}") from error

    def _ask(self, name: str, settings: Settings, symbols: Sequence[str]) -> ExchangeMarkets | _NoAnswer:
        """Return the markets of the symbols, if the exchange responds as expected.

        Raises:
            MarketSettingsError: The exchange does not list a symbol, or the settings contradict it.
        """
        of_source = settings.sources[name]
        try:
            source = asking_source(name, of_source, symbols)
            with client_of(source, of_source, retry_policy=_ASKING) as client:
                return ask_markets(source, client, symbols, of_source.markets)
        except MarketSettingsError:
            raise
        except SourceError as error:
            self.log.warning("%s did not name base and quote of its markets, fetch_prices asks again: %s", name, error)
            wait = error.retry_after_seconds
            return _NoAnswer(None if wait is None else datetime.now(UTC) + timedelta(seconds=min(wait, _LONGEST_WAIT)))

    def _answer(
        self,
        name: str,
        settings: Settings,
        window: Window,
        asked: ExchangeMarkets | _NoAnswer,
        markets: Mapping[str, Sequence[Market]],
    ) -> dict[str, Any]:
        """Return the arguments of ``FetchPricesOperator`` that come from the exchange, and store its responses."""
        if isinstance(asked, _NoAnswer):
            not_before = asked.not_before and asked.not_before.isoformat()
            return {"markets": None, "listings": [], "not_before": not_before}
        listings = put_listings(
            self.hook.conn,
            bucket=settings.s3_bucket,
            source=name,
            window=window,
            attempt=new_attempt(),
            responses=asked.responses,
        )
        return {
            "markets": [asdict(market) for market in markets[name]],
            "listings": [asdict(listing) for listing in listings],
            "not_before": None,
        }


def _as_text(items: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(f"{item['source']}: {', '.join(_names(item))}" for item in items)


def _names(item: Mapping[str, Any]) -> list[str]:
    if item["markets"] is None:
        return list(item["symbols"])
    return [
        f"{market['exchange_symbol']} ({market['symbol']}/{market['quote_currency']})" for market in item["markets"]
    ]
