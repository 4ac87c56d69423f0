"""What `make bench` measures, and at which sizes."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PARTS = {
    "curate": "dev.bench.curate",
    "merge": "dev.bench.merge",
    "parse": "dev.bench.parse",
    "fetch": "dev.bench.fetch",
    "demo": "dev.bench.demo",
    "backfill": "dev.bench.backfill",
    "minutes": "dev.bench.minutes",
}
"""The module that measures each part. It has a function ``measures(options, say)``, which yields rows of the table."""


@dataclass(frozen=True)
class Options:
    """What to measure, and the sizes.

    Attributes:
        parts: Names in PARTS, in the order of the table.
        rounds: How often each run and its peer alternate.
        large_rounds: The same for the pairs of the Glue job and its floor with a million records or more.
        records: Numbers of records to curate.
        small_heap: The JVM's heap in which the largest number of records should not spill, such as "1g".
        facts: Sizes of the fact table, as multiples of the smallest.
        fact_days: Days in the smallest fact table, with 20 markets of hourly candles: 365 days are 175,200 rows.
        fetch_days: Days of eight markets of 1m candles to fetch at a pace.
        memory_days: Days of one market of 1m candles to fetch in one process.
        backfill_days: Days of 20 markets of hourly candles for one run of crypto_prices_backfill.
        single_days: Days to load one by one, to which the backfill is compared.
        page: The Markdown file to write the table into; None for none.
    """

    parts: tuple[str, ...] = tuple(PARTS)
    rounds: int = 3
    large_rounds: int = 3
    records: tuple[int, ...] = (20_000, 200_000, 2_000_000)
    small_heap: str = "1g"
    facts: tuple[int, ...] = (1, 10, 100)
    fact_days: int = 365
    fetch_days: int = 10
    memory_days: int = 365
    backfill_days: int = 365
    single_days: int = 3
    page: Path | None = None


def parse_options(arguments: Sequence[str]) -> Options:
    """Return the options of a command line.

    Args:
        arguments: The command line after the command.
    """
    default = Options()
    parser = argparse.ArgumentParser(
        prog="python -m dev bench",
        usage="%(prog)s [options]",
        description="Measure the platform against floors and peers, and print a table. The last line counts the "
        "missed goals.",
    )
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part (default: all parts)")
    parser.add_argument(
        "--rounds", type=_positive, default=default.rounds, metavar="N", help="runs of each pair (default: %(default)s)"
    )
    parser.add_argument(
        "--large-rounds",
        type=_positive,
        default=default.large_rounds,
        metavar="N",
        help="runs of each pair of the Glue job and its floor from a million records (default: %(default)s)",
    )
    parser.add_argument(
        "--records", type=_sizes, default=default.records, metavar="N,N", help=f"records to curate ({default.records})"
    )
    parser.add_argument(
        "--small-heap",
        type=_heap,
        default=default.small_heap,
        metavar="1g",
        help="heap for the most records, which should not spill (default: %(default)s)",
    )
    parser.add_argument(
        "--facts",
        type=_sizes,
        default=default.facts,
        metavar="N,N",
        help=f"fact tables, as multiples of the smallest ({default.facts})",
    )
    parser.add_argument(
        "--fact-days",
        type=_positive,
        default=default.fact_days,
        metavar="N",
        help="days of 20 markets in the smallest fact table (default: %(default)s, which are 175,200 rows)",
    )
    parser.add_argument(
        "--backfill-days",
        type=_positive,
        default=default.backfill_days,
        metavar="N",
        help="days of 20 markets for one backfill (default: %(default)s)",
    )
    parser.add_argument(
        "--single-days",
        type=_positive,
        default=default.single_days,
        metavar="N",
        help="days to load one by one, for comparison with the backfill (default: %(default)s)",
    )
    parser.add_argument("--page", type=Path, metavar="FILE", help="also write the table into this Markdown file")
    given = parser.parse_args(arguments)
    if given.page and given.part:
        parser.error("--page needs all parts: leave out --part")
    parts = tuple(name for name in PARTS if name in (given.part or PARTS))
    return Options(
        parts=parts,
        rounds=given.rounds,
        large_rounds=given.large_rounds,
        records=given.records,
        small_heap=given.small_heap,
        facts=given.facts,
        fact_days=given.fact_days,
        backfill_days=given.backfill_days,
        single_days=given.single_days,
        page=given.page,
    )


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)


def _heap(text: str) -> str:
    if not re.fullmatch("[1-9][0-9]*[mg]", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 512m or 1g")
    return text


def _sizes(text: str) -> tuple[int, ...]:
    sizes = tuple(_positive(size) for size in text.split(","))
    if list(sizes) != sorted(set(sizes)):
        raise argparse.ArgumentTypeError(f"{text!r} is not in ascending order")
    return sizes
