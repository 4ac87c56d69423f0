"""The local exchange over HTTP: the APIs of several exchanges, and switches for tests.

Paths below ``/exchange``:

- ``binance``, ``bitfinex``, ``bitstamp``, ``coinbase``, ``coingecko``: the APIs, with the real ones' paths below.
- ``_faults`` (faults), ``_limits`` (rate limits), ``_rules`` (rules of the APIs): switches; GET, PUT, DELETE.
- ``_requests``: counts of requests, so that tests can check how many a client sends; GET, DELETE.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from local_exchange.api import Api, ApiError, Page, Source, dumps
from local_exchange.binance import Binance
from local_exchange.bitfinex import Bitfinex
from local_exchange.bitstamp import Bitstamp
from local_exchange.candles import CandleBook, GeneratedCandles, MarketDataError, RecordedCandles
from local_exchange.coinbase import Coinbase
from local_exchange.coingecko import CoinGecko
from local_exchange.faults import Fault, FaultKind, FaultPlan, MetFault, spoil_page
from local_exchange.limits import RequestLimits
from local_exchange.rules import Rules, RuleSwitch

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

MOUNT = "/exchange"

_APIS: tuple[type[Api], ...] = (Binance, Bitfinex, Bitstamp, Coinbase, CoinGecko)
_LONGEST_SWITCH_BODY = 1024 * 1024
_HTML = "<html><head><title>Access denied</title></head><body>We will be back soon.</body></html>"


class Switch(Protocol):
    """A setting that tests can change, read and reset as JSON over HTTP."""

    def replace_json(self, document: Any) -> None:
        """Replace the setting.

        Raises:
            ValueError: The document is invalid; nothing has changed.
        """

    def clear(self) -> None:
        """Reset the setting."""

    def as_json(self) -> dict[str, Any]:
        """Return the setting."""


class Exchange:
    """The WSGI application; see ``create_exchange``."""

    def __init__(
        self,
        *,
        books: Mapping[Source, CandleBook],
        faults: FaultPlan,
        limits: RequestLimits,
        rules: RuleSwitch,
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self._faults = faults
        self._limits = limits
        self._switches: Mapping[str, Switch] = {"_faults": faults, "_limits": limits, "_rules": rules}
        self._now = now
        self._sleep = sleep
        self._apis = {api.source: api(books[api.source], now, rules) for api in _APIS}
        self._routes = Map(
            [
                Rule(f"/{api.source}{path}", endpoint=path, methods=["GET"])
                for api in self._apis.values()
                for path in (api.candles_path, *api.documents)
            ]
        )
        self._lock = threading.Lock()
        self._counts: Counter[tuple[Source | None, str, str | None]] = Counter()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Handle one request."""
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        # A dispatcher that mounts the exchange puts the prefix into SCRIPT_NAME; the front leaves it in PATH_INFO.
        path = (request.root_path.rstrip("/") + request.path).removeprefix(MOUNT)
        first, _, below = path.removeprefix("/").partition("/")
        if first in self._apis:
            return self._answer_as(self._apis[Source(first)], request, path, f"/{below}")
        if path == "/_requests":
            return self._requests(request)
        if first in self._switches and not below:
            return self._switch(self._switches[first], request)
        self._count(None, path, None)
        return _json({"message": f"Not Found: {request.method} {path}"}, 404)

    def _answer_as(self, api: Api, request: Request, path: str, below: str) -> Response:
        """Respond to a request to one of the APIs, with the headers that the API always sends."""
        headers = api.count_weight(below)
        try:
            answer = self._answer_document(api, request, path)
        except ApiError as error:
            answer = _error(error)
        except MarketDataError as error:
            log.exception("The recorded candles cannot be served")
            answer = _error(api.error(500, str(error)))
        answer.headers.update(headers)
        return answer

    def _answer_document(self, api: Api, request: Request, path: str) -> Response:
        try:
            endpoint, arguments = self._routes.bind(MOUNT.strip("/")).match(path, method=request.method)
        except HTTPException as error:
            self._count(api.source, path, None)
            return _error(api.error(error.code or 500, f"{error.name}: {request.method} {path}"))
        asks_for_candles = endpoint == api.candles_path
        symbol = api.symbol(request, arguments) if asks_for_candles else None
        self._count(api.source, path, symbol)
        seconds = self._limits.take(api.source)
        if seconds:
            refusal = _error(api.rate_limited())
            refusal.headers["Retry-After"] = str(seconds)
            return refusal
        if asks_for_candles:
            return self._candles(api, request, arguments, symbol)
        return _json(api.documents[endpoint](request))

    def _candles(self, api: Api, request: Request, arguments: Mapping[str, str], symbol: str | None) -> Response:
        # The correct response comes first: its number of rows decides which faults are possible.
        try:
            page, refusal = api.page(request, arguments), None
        except ApiError as error:
            page, refusal = api.empty_page, error
        met = self._faults.meet(symbol, page.row_count, api.source)
        if met:
            log.info("%s %s: applying the fault %s", api.source, symbol, met.fault.kind)
            faulty = self._faulty(api, met, page, request)
            if faulty:
                return faulty
        if refusal:
            raise refusal
        return _json(page.document())

    def _faulty(self, api: Api, met: MetFault, page: Page, request: Request) -> Response | None:
        """Return the response with a fault applied, or None if the fault only delays the correct one."""
        fault = met.fault
        match fault.kind:
            case FaultKind.RATE_LIMITED:
                banned = fault.banned_after is not None and met.number > fault.banned_after
                return self._try_later(fault, api.rate_limited(banned=banned))
            case FaultKind.SERVER_ERROR:
                return self._try_later(fault, api.server_error(fault.status))
            case FaultKind.TIMEOUT:
                self._sleep(fault.delay_seconds)
            case FaultKind.CONNECTION_RESET:
                raise dropped_connection(request.environ)
            case FaultKind.CUT_OFF:
                body = dumps(page.document())
                # In a list, because werkzeug would correct the header of a response from bytes.
                promised = {"Content-Length": str(len(body))}
                return Response([body[: len(body) // 2]], headers=promised, content_type="application/json")
            case FaultKind.NOT_JSON:
                return Response(_HTML, content_type="text/html")
            case FaultKind.TRUNCATED_JSON:
                body = dumps(page.document())
                return Response(body[: len(body) // 2], content_type="application/json")
            case FaultKind.UNKNOWN_SYMBOL:
                raise api.unknown_symbol()
            case _:
                return _json(spoil_page(met, page))
        return None

    def _try_later(self, fault: Fault, error: ApiError) -> Response:
        answer = _error(error)
        if fault.retry_after is not None:
            moment = self._now().astimezone(UTC) + timedelta(seconds=fault.retry_after)
            answer.headers["Retry-After"] = (
                format_datetime(moment, usegmt=True) if fault.retry_after_date else str(fault.retry_after)
            )
        return answer

    def _switch(self, switch: Switch, request: Request) -> Response:
        match request.method:
            case "GET":
                pass
            case "PUT":
                request.max_content_length = _LONGEST_SWITCH_BODY
                try:
                    switch.replace_json(json.loads(request.get_data()))
                except HTTPException as error:
                    return _json({"message": error.name}, error.code or 400)
                except ValueError as error:
                    return _json({"message": f"{error}"}, 400)
            case "DELETE":
                switch.clear()
            case _:
                return _json({"message": "Method Not Allowed: use GET, PUT or DELETE"}, 405)
        return _json(switch.as_json())

    def _count(self, source: Source | None, path: str, symbol: str | None) -> None:
        with self._lock:
            self._counts[source, path, symbol] += 1

    def _requests(self, request: Request) -> Response:
        if request.method not in ("GET", "DELETE"):
            return _json({"message": "Method Not Allowed: use GET or DELETE"}, 405)
        with self._lock:
            if request.method == "DELETE":
                self._counts.clear()
            counts = [
                {"source": source, "path": path, "symbol": symbol, "count": count}
                for (source, path, symbol), count in sorted(
                    self._counts.items(), key=lambda item: (item[0][1], item[0][2] or "")
                )
            ]
        return _json({"total": sum(entry["count"] for entry in counts), "requests": counts})


def create_exchange(
    market_data: Path | None,
    faults: FaultPlan,
    *,
    rules: Rules | None = None,
    limits: RequestLimits | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], None] = time.sleep,
) -> WSGIApplication:
    """Return the exchange as a WSGI application that serves paths below ``/exchange``.

    Args:
        market_data: Folder of recorded candles (``<SYMBOL>.csv.gz``, or the parent of ``binance-1h``); None to
            generate candles of any date.
        faults: The faults; an empty plan for none.
        rules: The initial rules of the APIs; None for the defaults.
        limits: The rate limits; None for no limits until some are set over HTTP.
        now: Returns the current time, timezone-aware; no candle opens after it.
        sleep: Waits for a number of seconds, for the fault ``timeout``.

    Raises:
        MarketDataError: The folder has no recorded candles.
    """
    return Exchange(
        books=_books(market_data),
        faults=faults,
        limits=limits or RequestLimits(now),
        rules=RuleSwitch(rules),
        now=now,
        sleep=sleep,
    )


def served_markets(market_data: Path | None) -> dict[str, frozenset[str]]:
    """Return the markets that the exchange serves, by source and in the source's spelling.

    Args:
        market_data: As for ``create_exchange``.

    Raises:
        MarketDataError: The folder has no recorded candles.
    """
    books = _books(market_data)
    return {api.source.value: api.markets(books[api.source]) for api in _APIS}


def _books(market_data: Path | None) -> dict[Source, CandleBook]:
    """Return the candles of each exchange. All have the same recorded candles, and each generates slightly others."""
    if market_data is not None:
        return dict.fromkeys((api.source for api in _APIS), RecordedCandles(market_data))
    return {api.source: GeneratedCandles(api.premium) for api in _APIS}


def dropped_connection(environ: WSGIEnvironment) -> ConnectionResetError:
    """Close the connection without a response, and return the error to raise.

    werkzeug's server passes its socket to the application and treats a ConnectionError as a disconnected client. Other
    servers only get the error. Most of them respond with status 500, which clients treat as a failure as well.
    """
    connection = environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
    return ConnectionResetError("the fault connection_reset")


def _error(error: ApiError) -> Response:
    return _json(error.document, error.status)


def _json(document: Any, status: int = 200) -> Response:
    return Response(dumps(document), status, content_type="application/json;charset=UTF-8")
