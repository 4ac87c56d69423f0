"""``python -m dev explain``: print the receipt of a number in the local warehouse, and write it to the local lake."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from crypto_prices.receipts.question import Question, QuestionError, ask

from local_platform import state_options
from local_platform.interruption import interrupt_on_stop_signals
from local_platform.local_receipt import local_receipt
from local_platform.open_warehouse import open_warehouse
from local_platform.platform_problems import PLATFORM_PROBLEMS, problem_text
from local_platform.state_options import StateOptions

DEFAULT_INTERVAL = "1h"


@dataclass(frozen=True)
class Options:
    """What to explain.

    Attributes:
        question: The number.
        as_json: Whether to print the JSON document instead of the text.
        state: The local AWS's state folder, and the port to start one on if none is running.
    """

    question: Question
    as_json: bool
    state: StateOptions


def parse_options(arguments: Sequence[str]) -> Options:
    """Return the options of a command line.

    Args:
        arguments: The command line after the command.
    """
    parser = argparse.ArgumentParser(
        prog="python -m dev explain",
        usage="%(prog)s [options]",
        description="Print where a number comes from, with a check of every step between the exchange's response and "
        "the number, and write it to the lake. A local AWS or an Airflow that is running on the state folder is used, "
        "and left running.",
    )
    parser.add_argument("--market", default="", help="base and quote, such as BTC/USDT")
    parser.add_argument("--source", default="", help="the source, such as binance")
    parser.add_argument("--at", default="", metavar="TIME", help="open time of the candle, UTC")
    parser.add_argument("--interval", default=DEFAULT_INTERVAL, help="length of the candle (default: %(default)s)")
    parser.add_argument("--as-of", default="", metavar="TIME", help="explain what the warehouse held at this time")
    parser.add_argument("--mart", default="", help="explain a row of this mart instead of a candle")
    parser.add_argument("--day", default="", metavar="DATE", help="day of the mart's row")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="how to print the receipt")
    state_options.add_options(parser)
    given = parser.parse_args(arguments)
    try:
        question = ask(
            market=given.market,
            source=given.source,
            at=given.at,
            candle_interval=given.interval,
            mart=given.mart,
            day=given.day,
            as_of=given.as_of,
        )
    except QuestionError as error:
        parser.error(str(error))
    return Options(question, given.format == "json", state_options.chosen_options(parser, given))


def main(arguments: Sequence[str]) -> int:
    """Print a receipt.

    Returns:
        0 if every link that was checked holds, 1 if one is broken or the receipt could not be made, 130 after Ctrl-C.
    """
    options = parse_options(arguments)
    interrupt_on_stop_signals()
    try:
        with open_warehouse(options.state) as address:
            receipt, uri = local_receipt(options.question, address)
    except PLATFORM_PROBLEMS as error:
        print(f"make explain: {problem_text(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    print(json.dumps(receipt.to_json(), indent=1) if options.as_json else receipt.to_text())
    print(f"written to {uri}", file=sys.stderr)
    return 1 if receipt.broken else 0
