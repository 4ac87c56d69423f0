"""``python -m dev report``: write the page *Crypto prices* as one HTML file, from the warehouse of a state folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crypto_prices.backfill.read_glue_job import read_glue_runs
from crypto_prices.page.documents import Surroundings, page_documents
from crypto_prices.page.snapshot import read_snapshot

from dev.report.html_file import self_contained
from local_aws.clients import local_client, local_session
from local_aws.replaced_file import replacing
from local_platform import state_options
from local_platform.interruption import interrupt_on_stop_signals
from local_platform.open_warehouse import open_warehouse
from local_platform.platform_problems import PLATFORM_PROBLEMS, problem_text
from local_platform.provisioned_settings import provisioned_settings
from local_platform.state_options import StateOptions
from local_platform.warehouse_address import NoWarehouseError, WarehouseAddress
from local_platform.warehouse_queries import WarehouseQueries

DAILY_CANDLES = 5 * 366
"""The page in Airflow has fewer, because XComs have a limit. A file has none."""

_STATEMENT_SECONDS = 600


@dataclass(frozen=True)
class Options:
    """What to write.

    Attributes:
        out: The file.
        state: The local AWS's state folder, and the port to start one on if none is running.
    """

    out: Path
    state: StateOptions


def parse_options(arguments: Sequence[str]) -> Options:
    """Return the options of a command line.

    Args:
        arguments: The command line after the command.
    """
    parser = argparse.ArgumentParser(
        prog="python -m dev report",
        usage="%(prog)s [options]",
        description="Write the page Crypto prices as one HTML file, which needs neither Airflow nor a network. A local "
        "AWS or an Airflow that is running on the state folder is used, and left running.",
    )
    parser.add_argument("--out", metavar="FILE", help="the file (default: report.html in the state folder)")
    state_options.add_options(parser)
    given = parser.parse_args(arguments)
    state = state_options.chosen_options(parser, given)
    return Options(Path(given.out) if given.out else state.folder / "report.html", state)


def main(arguments: Sequence[str]) -> int:
    """Write the report. Return 0 if it was written, 1 if it was not, 130 after Ctrl-C."""
    options = parse_options(arguments)
    interrupt_on_stop_signals()
    try:
        with open_warehouse(options.state) as address:
            html = self_contained(_documents(address)).encode()
        options.out.parent.mkdir(parents=True, exist_ok=True)
        with replacing(options.out) as draft:
            draft.write_bytes(html)
    except (*PLATFORM_PROBLEMS, OSError) as error:
        print(f"make report: {problem_text(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    print(f"{options.out} ({len(html) / 1024:.0f} KB). Open it in a browser: {options.out.resolve().as_uri()}")
    return 0


def _documents(address: WarehouseAddress) -> dict[str, str]:
    settings = provisioned_settings(address)
    queries = WarehouseQueries(address, timeout_seconds=_STATEMENT_SECONDS)

    def query(name: str, **values: Any) -> list[dict[str, Any]]:
        return queries.answer(name, settings=lambda: settings, **values)

    snapshot = read_snapshot(query, daily_candles=DAILY_CANDLES)
    if snapshot is None:
        raise NoWarehouseError("the warehouse has no load yet: load a day with make demo")
    glue_client = local_client("glue", address.endpoint, local_session(region=address.region))
    around = Surroundings.of(settings, read_glue_runs(glue_client, settings.glue_job_name))
    return page_documents(snapshot, around, most_document_bytes=None)
