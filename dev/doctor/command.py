"""``python -m dev doctor``: one line per check of this machine.

It needs the standard library only, so that it runs before ``make setup``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dev.doctor.finding import Finding, Grade
from dev.doctor.leftovers import leftover_findings
from dev.doctor.machine import disk_findings, locale_finding, user_findings
from dev.doctor.ports import WantedPort, port_findings
from dev.doctor.software import java_finding, link_findings, python_finding
from local_aws.defaults import DEFAULT_PORT
from local_aws.state_folder import StateFolderError
from local_platform import state_options
from local_platform.checkout import REPOSITORY
from local_platform.local_aws_health import running_local_aws
from local_platform.state_options import StateOptions

DEFAULT_UI_PORT = 8080
DEFAULT_WAREHOUSE_PORT = 5439


@dataclass(frozen=True)
class Options:
    """What to check.

    Attributes:
        state: The state folder, and the port of the local AWS.
        ui_port: The port of Airflow's UI.
        warehouse_port: The port of the warehouse.
    """

    state: StateOptions
    ui_port: int
    warehouse_port: int


def parse_options(arguments: Sequence[str]) -> Options:
    """Return the options of a command line.

    Args:
        arguments: The command line after the command.
    """
    parser = argparse.ArgumentParser(
        prog="python -m dev doctor",
        usage="%(prog)s [options]",
        description="Check this machine, one line per check: ports, disk, Java, user, locale and leftovers. The exit "
        "code is 1 if something is wrong. Nothing is changed.",
    )
    for name, default, what in (
        ("--port", DEFAULT_UI_PORT, "port of Airflow's UI"),
        ("--warehouse-port", DEFAULT_WAREHOUSE_PORT, "port of the warehouse"),
    ):
        parser.add_argument(name, metavar="PORT", type=int, default=default, help=f"{what} (default: {default})")
    state_options.add_options(parser, default_port=DEFAULT_PORT)
    given = parser.parse_args(arguments)
    state_options.require_port(parser, "PORT", given.port)
    state_options.require_port(parser, "WAREHOUSE_PORT", given.warehouse_port)
    return Options(state_options.chosen_options(parser, given), given.port, given.warehouse_port)


def main(arguments: Sequence[str]) -> int:
    """Print the findings, and return 1 if something is wrong."""
    wrong = 0
    for finding in findings(parse_options(arguments), REPOSITORY):
        print(finding.line, flush=True)
        wrong += finding.grade is Grade.WRONG
    return 1 if wrong else 0


def findings(options: Options, checkout: Path) -> Iterator[Finding]:
    """Yield the result of every check.

    Args:
        options: What to check.
        checkout: The repository.
    """
    folder = options.state.folder
    own = _own_ports(folder)
    yield python_finding(checkout)
    yield java_finding(checkout)
    yield from link_findings(checkout)
    yield from disk_findings(checkout, folder)
    yield from user_findings(checkout, folder)
    yield locale_finding(checkout, folder)
    wanted = [
        WantedPort("AWS_PORT", options.state.aws_port, "the local AWS", "make airflow"),
        WantedPort("PORT", options.ui_port, "Airflow's UI", "make airflow"),
        WantedPort("WAREHOUSE_PORT", options.warehouse_port, "psql", "make local-aws"),
    ]
    yield from port_findings(wanted, own)
    yield from leftover_findings(folder, checkout, frozenset(own.values()))


def _own_ports(state_dir: Path) -> dict[int, int]:
    """Return the process ids of the programs that run on the state folder, by the ports that they listen on."""
    try:
        running = running_local_aws(state_dir)
    except StateFolderError:
        running = None  # disk_findings and user_findings report it
    if running is None:
        return {}
    own = {urlsplit(running["endpoint"]).port: running["pid"], running["warehouse_port"]: running["pid"]}
    try:
        # Written by local_platform.airflow_services.local_airflow, which needs more than the standard library.
        airflow = json.loads((state_dir / "airflow" / "endpoint.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        airflow = None
    if airflow is not None and airflow["aws_endpoint"] == running["endpoint"]:
        own[urlsplit(airflow["url"]).port] = airflow["pid"]
    return {port: pid for port, pid in own.items() if port is not None}
