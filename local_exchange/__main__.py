"""``python -m local_exchange``: the local exchange by itself, until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import uvicorn
from a2wsgi import WSGIMiddleware

from local_exchange.candles import MarketDataError
from local_exchange.faults import FaultPlan
from local_exchange.server import MOUNT, create_exchange

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

DEFAULT_PORT = 8081
LOOPBACK = "127.0.0.1"
ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 - only if the user asks for it
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_GRACE_SECONDS = 2


class _Server(uvicorn.Server):
    """Leaves the signals to ``serve``: uvicorn would raise them again, and the process would not end with 0."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def serve(bound: socket.socket, exchange: WSGIApplication) -> None:
    """Serve the exchange until the process gets SIGINT or SIGTERM.

    Args:
        bound: The socket to listen on.
        exchange: The exchange.
    """
    bridge = WSGIMiddleware(cast("Any", exchange))

    async def application(scope: Any, receive: Any, send: Any) -> None:
        try:
            await bridge(scope, receive, send)
        except ConnectionError:
            # The exchange drops the connection without a response. ASGI has no message for that.
            send.__self__.transport.abort()

    config = uvicorn.Config(
        application,
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        proxy_headers=False,
    )
    server = _Server(config)
    for number in _STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, setattr, server, "should_exit", True)
    host, port = bound.getsockname()
    bound.listen(128)
    sys.stdout.write(f"The exchange is ready at http://{LOOPBACK if host == ALL_ADDRESSES else host}:{port}{MOUNT}.\n")
    sys.stdout.flush()
    await server.serve(sockets=[bound])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the exchange.

    Args:
        arguments: The command line. Default: the process's own.

    Returns:
        The process's exit code: 0 after it was asked to stop, 1 if it could not start.
    """
    parser = argparse.ArgumentParser(
        prog="python -m local_exchange",
        usage="%(prog)s [options]",
        description="The APIs of several exchanges, below /exchange/<source>.",
    )
    parser.add_argument("--host", default=LOOPBACK, help=f"address to listen on (default {LOOPBACK})")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"0 for a free one (default {DEFAULT_PORT})")
    parser.add_argument("--market-data", type=Path, metavar="FOLDER", help="recorded candles (default: generated ones)")
    options = parser.parse_args(arguments)
    try:
        exchange = create_exchange(options.market_data, FaultPlan())
    except MarketDataError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((options.host, options.port))
        except OSError as error:
            reason = error.strerror or error
            sys.stderr.write(f"Port {options.port} of {options.host} cannot be used: {reason}.\n")
            return 1
        asyncio.run(serve(bound, exchange))
    return 0


if __name__ == "__main__":
    sys.exit(main())
