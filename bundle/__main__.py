"""``python -m bundle build`` and ``python -m bundle preflight``."""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bundle.build import read_bundle, write_bundle
from bundle.contents import bundle_files
from bundle.label import labelled
from bundle.preflight.checks import Result, run_checks
from bundle.source_files import BundleError
from bundle.text_table import text_table
from bundle.version import checkout_version

CHECKOUT = Path(__file__).resolve().parent.parent
MOST_SHOWN = 10
"""Maximum number of findings shown per check. One misplaced folder causes hundreds, and the first one explains it."""
LOADED_WITH = ("airflow", "pyspark")
"""Packages that the DAGs and the Glue package import. Without them, every file would seem to be broken."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: The command line. Default: the process's own.

    Returns:
        The exit code: 0 on success, 1 if the bundle cannot be built or must not be deployed.
    """
    options = _parser().parse_args(arguments)
    try:
        return _build(options) if options.command == "build" else _preflight(options)
    except BundleError as error:
        print(f"{options.command}: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bundle", description="Build and check the files of MWAA and Glue.")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser(
        "build",
        help="write the bundle",
        description="Write dags/, plugins.zip, requirements.txt, glue/ and catalog_table.json, with VERSION (from the "
        "git tags) and SHA256SUMS. The same sources always produce the same bytes. The folder is replaced as a whole.",
    )
    preflight = commands.add_parser(
        "preflight",
        help="check a bundle as MWAA and Glue would load it",
        description="Check a bundle before it is deployed, and show every problem. The exit code is 1 if there is a "
        "problem.",
    )
    for command in (build, preflight):
        command.add_argument("--dist", type=Path, default=CHECKOUT / "dist", help="the bundle's folder (default: dist)")
        command.add_argument(
            "--checkout", type=Path, default=CHECKOUT, help="the repository (default: the one of this command)"
        )
    preflight.add_argument(
        "--no-checkout",
        dest="checkout",
        action="store_const",
        const=None,
        help="do not compare the bundle with a checkout",
    )
    return parser


def _build(options: argparse.Namespace) -> int:
    version = checkout_version(options.checkout)
    files = labelled(bundle_files(options.checkout), version)
    write_bundle(files, options.dist)
    print(text_table(("path", "bytes", "sha256"), _rows(files), right=(1,)))
    print(f"\n{len(files)} files in {options.dist}, version {version}")
    return 0


def _preflight(options: argparse.Namespace) -> int:
    if missing := [module for module in LOADED_WITH if importlib.util.find_spec(module) is None]:
        raise BundleError(
            f"{sys.executable} cannot import {' and '.join(missing)}: run `make preflight`, which uses .venv"
        )
    files = read_bundle(options.dist)
    results = run_checks(files, None if options.checkout is None else bundle_files(options.checkout))
    print(report(results))
    return int(any(result.failed for result in results))


def report(results: Sequence[Result]) -> str:
    """Return a readable report: the findings, then a table of the checks."""
    parts = []
    for result in results:
        shown = result.findings[:MOST_SHOWN]
        for finding in shown:
            kind = "warning" if finding.warning else "PROBLEM"
            what = finding.what.replace("\n", "\n    ")
            parts.append(f"{kind} ({result.check}) {finding.where}\n    {what}\n    -> {finding.todo}")
        if more := len(result.findings) - len(shown):
            parts.append(f"and {more} more ({result.check}), most likely with the same cause")
    rows = []
    for result in results:
        problems = sum(not finding.warning for finding in result.findings)
        warnings = len(result.findings) - problems
        rows.append((result.check, "FAILED" if result.failed else "passed", str(problems), str(warnings)))
    parts.append(text_table(("check", "result", "problems", "warnings"), rows, right=(2, 3)))
    return "\n\n".join(parts)


def _rows(files: Mapping[str, bytes]) -> list[tuple[str, str, str]]:
    return [(path, f"{len(files[path]):,}", hashlib.sha256(files[path]).hexdigest()[:12]) for path in files]


if __name__ == "__main__":
    sys.exit(main())
