"""``python -m dev <command>``: the developer commands. Each is a package."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import io
import os
import sys
from collections.abc import Mapping, Sequence

from local_aws.personal_settings import forget_personal_settings
from local_platform.checkout import checkout_environment

COMMANDS: Mapping[str, str] = {
    "demo": "load one day on the local AWS and show the result",
    "airflow": "run the local AWS and a complete Airflow until Ctrl-C",
    "backfill": "load a range of days with Airflow and show the result",
    "sql": "query the warehouse: open psql, or print the rows of a statement",
    "report": "write the page Crypto prices as one HTML file",
    "explain": "show where a number comes from, and check every step",
    "doctor": "check this machine: ports, disk, Java, user, locale and leftovers",
    "chaos": "break loads at every side effect and compare with a clean load",
    "bench": "measure the platform's speed against floors and peers",
    "release": "write the zip file, the bill of materials and the checksums of a release",
    "prove": "apply terraform/ to the local AWS, run the platform on it under IAM, destroy it",
    "terraform-check": "check format, validity and rules of terraform/",
    "actionlint": "check the GitHub workflows",
    "vulnerability-scan": "look up known vulnerabilities of the locked Python packages",
    "data-dictionary": "write docs/reference/data-dictionary.md",
}


def main(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code.

    Args:
        arguments: The command and its own command line.
    """
    name, *others = arguments or ["--help"]
    if name not in COMMANDS:
        _parser().parse_args([name])  # shows the help, or an error
        return 0
    module = importlib.import_module(f"dev.{name.replace('-', '_')}.command")
    code: int = module.main(others)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dev",
        usage="%(prog)s <command> [options]",
        epilog="`python -m dev <command> --help` shows the command's options. `make help` shows the same commands as "
        "make targets.",
    )
    commands = parser.add_subparsers(title="commands", metavar="<command>", required=True)
    for name, what in COMMANDS.items():
        commands.add_parser(name, help=what)
    return parser


def _with_the_checkout_on_the_path() -> None:
    """Restart this program with a PYTHONPATH that finds the bundle's packages, unless they can be imported already."""
    environment = checkout_environment()
    # If the PYTHONPATH is already set and finds nothing, the import of the bundle's package reports the error.
    if importlib.util.find_spec("crypto_prices") is None and environment != dict(os.environ):
        command = [sys.executable, "-m", "dev", *sys.argv[1:]]
        os.execve(sys.executable, command, environment)  # noqa: S606 - our own interpreter


def _replace_what_the_terminal_cannot_show() -> None:
    """Write ? instead of ending with a UnicodeEncodeError if the terminal's encoding lacks a character."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


if __name__ == "__main__":
    _with_the_checkout_on_the_path()
    _replace_what_the_terminal_cannot_show()
    forget_personal_settings()
    sys.exit(main(sys.argv[1:]))
