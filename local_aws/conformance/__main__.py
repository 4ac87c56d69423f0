"""The command line of the suite."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from local_aws.conformance import report
from local_aws.conformance.api_run import run_api
from local_aws.conformance.client_run import default_folder, run_clients
from local_aws.conformance.example_files import ExampleError, api_examples, client_checks, sql_examples
from local_aws.conformance.outcome import Finding, Outcome
from local_aws.conformance.sql_run import run_sql
from local_aws.conformance.target import (
    AGREEMENT,
    SECRET_SETTING,
    SETTINGS,
    Target,
    TargetError,
    account_plan,
    account_target,
    emulator_target,
    is_real,
)

PARTS = ("sql", "api", "clients")


def main(arguments: Sequence[str]) -> int:
    """Run the suite and return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.page and (options.part or options.area):
        parser.error("--page needs the examples of all parts and areas.")
    try:
        run = _chosen(parser, options)
        if is_real(os.environ):
            _say(account_plan(os.environ))
            if options.plan:
                return 0
            if not _agreed(os.environ):
                parser.error(f"Set {AGREEMENT}=1 to run against this account.")
            opened = account_target(os.environ)
        else:
            _say("This run starts an emulator in a temporary folder, uses no AWS account and costs nothing.")
            if options.plan:
                return 0
            opened = emulator_target()
        with opened as target:
            findings = list(_shown(run(target)))
    except (ExampleError, TargetError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if options.page:
        page = report.page_with_table(options.page.read_text(encoding="utf-8"), findings)
        options.page.write_text(page, encoding="utf-8")
    return report.write(findings, _say)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m local_aws.conformance",
        description="Run documented examples of AWS and compare the results with the documented ones. Without the "
        "environment variables below, they run against an emulator that this program starts.",
        epilog="Environment variables for a real account, besides AWS's own for credentials and region: "
        + "; ".join(f"{name}: {meaning}" for name, meaning in SETTINGS.items())
        + f"; {SECRET_SETTING} (optional): secret with the name and the password of the database user"
        + f"; {AGREEMENT}=1: start without a question",
    )
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part (default: all parts)")
    parser.add_argument("--area", action="append", metavar="NAME", help="only this area, such as windows or glue")
    parser.add_argument("--plan", action="store_true", help="only print what a run creates and what it costs")
    parser.add_argument(
        "--clients-folder",
        type=Path,
        default=default_folder(),
        metavar="FOLDER",
        help="where the clients' environments are created once (default: %(default)s)",
    )
    parser.add_argument("--allow-skips", action="store_true", help="pass although a client cannot be installed")
    parser.add_argument("--page", type=Path, metavar="FILE", help="also write the table into this Markdown file")
    return parser


def _agreed(environment: Mapping[str, str]) -> bool:
    """Return whether the run may use the account: by the environment, or by an answer in a terminal."""
    if environment.get(AGREEMENT) == "1":
        return True
    return sys.stdin.isatty() and input("Continue? [y/N] ").strip().lower() in {"y", "yes"}


def _chosen(parser: argparse.ArgumentParser, options: argparse.Namespace) -> Callable[[Target], Iterator[Finding]]:
    """Read the examples before anything starts, and return what runs them."""
    parts, areas = options.part or PARTS, options.area or ()
    all_sql = sql_examples() if "sql" in parts else []
    all_api = api_examples() if "api" in parts else []
    all_clients = client_checks() if "clients" in parts else []
    known = sorted(
        {*(each.area for each in all_sql), *(each.area for each in all_api), *(each.area for each in all_clients)}
    )
    for area in areas:
        if area not in known:
            parser.error(f"{' and '.join(parts)} has no area {area}. Choose from {', '.join(known)}.")
    sql = [each for each in all_sql if not areas or each.area in areas]
    api = [each for each in all_api if not areas or each.area in areas]
    clients = [each for each in all_clients if not areas or each.area in areas]

    def run(target: Target) -> Iterator[Finding]:
        yield from run_sql(target.statements(), sql, values=target.values, emulated=target.emulated)
        yield from run_api(target, api)
        yield from run_clients(target, clients, options.clients_folder, skips_allowed=options.allow_skips)

    return run


def _shown(findings: Iterator[Finding]) -> Iterator[Finding]:
    """Write the name of each area when it begins, and each wrong example as soon as it is known."""
    area = None
    for finding in findings:
        if (finding.service, finding.area) != area:
            area = (finding.service, finding.area)
            _say(f"{finding.service}, {finding.area} …")
        if finding.outcome is Outcome.WRONG:
            _say(f"  wrong: {finding.name}")
        yield finding


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
