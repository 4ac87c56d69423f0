"""The laptop's exchange over HTTP: Binance's klines with Binance's parameter rules, and switches for tests.

Below ``/exchange``: ``binance/api/v3/{ping,time,klines}`` as on the real API, ``_faults`` (GET, PUT, DELETE) for what
goes wrong, ``_requests`` (GET, DELETE) for what was asked, so that tests can prove politeness.

Source of the rules: https://developers.binance.com/docs/binance-spot-api-docs, pages rest-api/market-data-endpoints and
errors. ``timeZone`` is not offered; like any parameter that is not read it is refused with -1104.
"""

from __future__ import annotations

import json
import logging
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from local_aws.exchange.candles import (
    CandleBook,
    GeneratedCandles,
    MarketDataError,
    RecordedCandles,
    Row,
    UnknownIntervalError,
)
from local_aws.exchange.faults import Fault, FaultError, FaultKind, FaultPlan, MetFault, spoil_rows

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

MOUNT = "/exchange"

_DEFAULT_ROWS, _MAX_ROWS = 500, 1000
_KLINES_PARAMETERS = ("symbol", "interval", "startTime", "endTime", "limit")
_SYMBOL_RANGE = r"^[A-Z0-9-_.]{1,20}$"
_NUMBER_RANGE = r"^[0-9]{1,20}$"
_LONGEST_FAULTS_BODY = 1024 * 1024
_HTML = "<html><head><title>Access denied</title></head><body>We will be back soon.</body></html>"

_ROUTES = Map(
    [
        Rule("/binance/api/v3/ping", endpoint="ping", methods=["GET"]),
        Rule("/binance/api/v3/time", endpoint="time", methods=["GET"]),
        Rule("/binance/api/v3/klines", endpoint="klines", methods=["GET"]),
        Rule("/_faults", endpoint="fault_plan", methods=["GET", "PUT", "DELETE"]),
        Rule("/_requests", endpoint="requests", methods=["GET", "DELETE"]),
    ]
)


class BinanceError(Exception):
    """An error that Binance answers with."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class KlinesQuery:
    """A checked request for candles; times in milliseconds since 1970, both included."""

    symbol: str
    interval: str
    start_ms: int | None
    end_ms: int | None
    limit: int

    @classmethod
    def parse(cls, args: MultiDict[str, str]) -> KlinesQuery:
        """Return the query of URL parameters.

        Raises:
            BinanceError: A parameter is missing (-1102), illegal (-1100, -1130), sent twice (-1101) or unknown (-1104).
        """
        for name in args:
            if len(args.getlist(name)) > 1:
                raise BinanceError(-1101, f"Duplicate values for parameter '{name}' detected.")
        unread = len(set(args) - set(_KLINES_PARAMETERS))
        if unread:
            raise BinanceError(
                -1104,
                f"Not all sent parameters were read; read '{len(args) - unread}' parameter(s) "
                f"but was sent '{len(args)}'.",
            )
        for name in ("symbol", "interval"):
            if not args.get(name):
                raise BinanceError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        symbol = _matching("symbol", args["symbol"], _SYMBOL_RANGE)
        limit = _whole_number(args, "limit")
        if limit == 0:
            raise BinanceError(-1130, "Data sent for parameter 'limit' is not valid.")
        return cls(
            symbol=symbol,
            interval=args["interval"],
            start_ms=_whole_number(args, "startTime"),
            end_ms=_whole_number(args, "endTime"),
            # Binance does not refuse a larger limit, it gives the most that it gives.
            limit=min(limit or _DEFAULT_ROWS, _MAX_ROWS),
        )


class Exchange:
    """The WSGI application; see ``create_exchange``."""

    def __init__(
        self, *, book: CandleBook, faults: FaultPlan, now: Callable[[], datetime], sleep: Callable[[float], None]
    ) -> None:
        self._book = book
        self._faults = faults
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str | None]] = Counter()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        return self._answer(Request(environ))(environ, start_response)

    def _answer(self, request: Request) -> Response:
        # Mounted by a dispatcher the prefix is in SCRIPT_NAME, handed on by the front it is in PATH_INFO.
        path = (request.root_path.rstrip("/") + request.path).removeprefix(MOUNT)
        if not path.startswith("/_"):
            with self._lock:
                self._counts[path, request.args.get("symbol")] += 1
        try:
            endpoint, _ = _ROUTES.bind("exchange").match(path, method=request.method)
            answer: Callable[[Request], Response] = getattr(self, f"_{endpoint}")
            return answer(request)
        except BinanceError as error:
            return _json({"code": error.code, "msg": error.message}, error.status)
        except MarketDataError as error:
            log.exception("The recorded candles cannot be served")
            return _json({"code": -1000, "msg": str(error)}, 500)
        except HTTPException as error:
            return _json({"message": f"{error.name}: {request.method} {path}"}, error.code or 500)

    def _ping(self, request: Request) -> Response:
        return _json({})

    def _time(self, request: Request) -> Response:
        return _json({"serverTime": _milliseconds(self._now())})

    def _klines(self, request: Request) -> Response:
        # The right answer is made first: whether a fault that spoils rows can happen depends on how many there are.
        try:
            rows, error = self._candles(KlinesQuery.parse(request.args)), None
        except BinanceError as refused:
            rows, error = [], refused
        met = self._faults.meet(request.args.get("symbol"), len(rows))
        if met:
            log.info("%s meets the fault %s", request.args.get("symbol"), met.fault.kind)
            faulty = self._faulty(met, rows, request)
            if faulty:
                return faulty
        if error:
            raise error
        return _json(rows)

    def _candles(self, query: KlinesQuery) -> list[Row]:
        if query.symbol not in self._book.symbols:
            raise BinanceError(-1121, "Invalid symbol.")
        try:
            return self._book.candles(
                query.symbol,
                query.interval,
                start_ms=query.start_ms,
                end_ms=query.end_ms,
                limit=query.limit,
                now_ms=_milliseconds(self._now()),
            )
        except UnknownIntervalError:
            raise BinanceError(-1120, "Invalid interval.") from None

    def _faulty(self, met: MetFault, rows: list[Row], request: Request) -> Response | None:
        """Return the answer that a fault makes of the right one, or None where it only came late."""
        fault = met.fault
        match fault.kind:
            case FaultKind.RATE_LIMITED:
                banned = fault.banned_after is not None and met.number > fault.banned_after
                message = "Way too much request weight used; IP banned." if banned else "Too much request weight used."
                return self._try_later(fault, 418 if banned else 429, -1003, message)
            case FaultKind.SERVER_ERROR:
                return self._try_later(fault, fault.status, -1000, "An unknown error occurred.")
            case FaultKind.TIMEOUT:
                self._sleep(fault.delay_seconds)
            case FaultKind.CONNECTION_RESET:
                raise dropped_connection(request.environ)
            case FaultKind.CUT_OFF:
                body = _dumps(rows)
                # In a list: given bytes, werkzeug would correct the header.
                promised = {"Content-Length": str(len(body))}
                return Response([body[: len(body) // 2]], headers=promised, content_type="application/json")
            case FaultKind.NOT_JSON:
                return Response(_HTML, content_type="text/html")
            case FaultKind.TRUNCATED_JSON:
                body = _dumps(rows)
                return Response(body[: len(body) // 2], content_type="application/json")
            case FaultKind.UNKNOWN_SYMBOL:
                raise BinanceError(-1121, "Invalid symbol.")
            case _:
                return _json(spoil_rows(met, rows))
        return None

    def _try_later(self, fault: Fault, status: int, code: int, message: str) -> Response:
        answer = _json({"code": code, "msg": message}, status)
        if fault.retry_after is not None:
            moment = self._now().astimezone(UTC) + timedelta(seconds=fault.retry_after)
            answer.headers["Retry-After"] = (
                format_datetime(moment, usegmt=True) if fault.retry_after_date else str(fault.retry_after)
            )
        return answer

    def _fault_plan(self, request: Request) -> Response:
        if request.method == "PUT":
            request.max_content_length = _LONGEST_FAULTS_BODY
            try:
                self._faults.replace_json(json.loads(request.get_data()))
            except (FaultError, ValueError) as error:
                return _json({"message": f"{error}"}, 400)
        elif request.method == "DELETE":
            self._faults.clear()
        return _json(self._faults.as_json())

    def _requests(self, request: Request) -> Response:
        with self._lock:
            if request.method == "DELETE":
                self._counts.clear()
            counts = [
                {"path": path, "symbol": symbol, "count": count}
                for (path, symbol), count in sorted(
                    self._counts.items(), key=lambda item: (item[0][0], item[0][1] or "")
                )
            ]
        return _json({"total": sum(entry["count"] for entry in counts), "requests": counts})


def create_exchange(
    market_data: Path | None,
    faults: FaultPlan,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    sleep: Callable[[float], None] = time.sleep,
) -> WSGIApplication:
    """Return the exchange as a WSGI application that answers below ``/exchange``.

    Args:
        market_data: Folder of recorded candles (``<SYMBOL>.csv.gz``, or the parent of ``binance-1h``); None to
            generate candles of any date.
        faults: What goes wrong; empty for nothing.
        now: The current instant, timezone-aware; no candle opens after it.
        sleep: Waits the given seconds, for the fault ``timeout``.

    Raises:
        MarketDataError: The folder has no recorded candles.
    """
    book: CandleBook = RecordedCandles(market_data) if market_data is not None else GeneratedCandles()
    return Exchange(book=book, faults=faults, now=now, sleep=sleep)


def dropped_connection(environ: WSGIEnvironment) -> ConnectionResetError:
    """End the connection without an answer, and return the error to raise.

    werkzeug's server hands its socket to the application and takes a ConnectionError as a client that went away. Under
    another server the error alone has to do; most answer 500 then, which a client takes as a failure as well.
    """
    connection = environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)
    return ConnectionResetError("the fault connection_reset")


def _matching(name: str, value: str, pattern: str) -> str:
    if not re.fullmatch(pattern.strip("^$"), value):
        raise BinanceError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{pattern}'.")
    return value


def _whole_number(args: MultiDict[str, str], name: str) -> int | None:
    return int(_matching(name, args[name], _NUMBER_RANGE)) if name in args else None


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def _dumps(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def _json(document: Any, status: int = 200) -> Response:
    return Response(_dumps(document), status, content_type="application/json;charset=UTF-8")
