"""``python -m dev bench``: measure the platform's speed and print the table."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence

from dev.bench.measure import Measure
from dev.bench.options import PARTS, Options, parse_options
from dev.bench.report import last_line, page_with_table, table
from local_platform.interruption import interrupt_on_stop_signals


def main(arguments: Sequence[str]) -> int:
    """Measure, and print the table.

    Args:
        arguments: The command line after the command.

    Returns:
        The exit code: 0 even if a goal is missed, because times depend on the machine; 130 after Ctrl-C. The rows that
        were measured before an error or Ctrl-C are printed, too.
    """
    options = parse_options(arguments)
    interrupt_on_stop_signals()
    found: list[Measure] = []
    is_complete = False
    try:
        for measure in _measured(options):
            found.append(measure)
        is_complete = True
    except KeyboardInterrupt:
        _say("make bench: interrupted")
        return 130
    finally:
        if found:
            print(table(found))
            print(last_line(found) + ("" if is_complete else "; the other rows were not measured"), flush=True)
    if options.page:
        page = options.page.read_text(encoding="utf-8")
        options.page.write_text(page_with_table(page, found), encoding="utf-8")
    return 0


def _measured(options: Options) -> Iterator[Measure]:
    for part in options.parts:
        _say(f"{part} …")
        yield from importlib.import_module(PARTS[part]).measures(options, _say)


def _say(text: str) -> None:
    """Write what is being done to standard error, so that standard output has only the table."""
    print(text, file=sys.stderr, flush=True)
