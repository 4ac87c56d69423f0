"""``python -m local_exchange``: the laptop's exchange by itself, until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from local_aws.front.server import LOOPBACK, HttpServer, PortNotFreeError
from local_aws.stop_signals import stop_signals
from local_exchange.candles import MarketDataError
from local_exchange.faults import FaultPlan
from local_exchange.server import MOUNT, create_exchange

DEFAULT_PORT = 8081


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the exchange.

    Args:
        arguments: The command line; by default that of the process.

    Returns:
        The process's exit code: 0 after it was asked to stop, 1 when it could not start.
    """
    parser = argparse.ArgumentParser(
        prog="python -m local_exchange", description="The APIs of several exchanges, below /exchange/<source>."
    )
    parser.add_argument("--host", default=LOOPBACK, help=f"address to listen on (default {LOOPBACK})")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"0 for a free one (default {DEFAULT_PORT})")
    parser.add_argument("--market-data", type=Path, metavar="FOLDER", help="recorded candles (default: generated ones)")
    options = parser.parse_args(arguments)
    asked_to_stop = stop_signals()
    try:
        server = HttpServer(create_exchange(options.market_data, FaultPlan()), port=options.port, host=options.host)
    except (PortNotFreeError, MarketDataError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    server.start()
    try:
        sys.stdout.write(f"The exchange answers at {server.endpoint}{MOUNT}.\n")
        sys.stdout.flush()
        os.read(asked_to_stop, 1)
    finally:
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
