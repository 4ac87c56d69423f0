"""Runs checkov on the Terraform module, in a separate virtual environment because its pins conflict with ours."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_platform.checkout import REPOSITORY

LOCK = REPOSITORY / "requirements-checkov.lock"
_VENV = Path(sys.prefix) / "checkov"
_SECONDS = 600


class CheckovError(Exception):
    """checkov could not run or a check failed; the message has the details."""


@dataclass(frozen=True)
class CheckovCounts:
    """The number of checks per result.

    Attributes:
        passed: Passed checks.
        skipped: Skipped checks. Each has a reason next to the resource.
    """

    passed: int
    skipped: int

    def __str__(self) -> str:
        """Return the counts as text."""
        return f"{self.passed} passed, 0 failed, {self.skipped} skipped with a reason"


def checkov(module: Path, folder: Path, environment: str | None) -> CheckovCounts:
    """Check a module.

    Args:
        module: The folder with the .tf files.
        folder: Folder for the report.
        environment: The environment whose variables are used. Resources that it does not create are not checked. None
            for a module without environments.

    Raises:
        CheckovError: A check failed, a skip has no reason, or checkov cannot be installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    program = _installed()
    variables = [] if environment is None else ["--var-file", str(module / "environments" / f"{environment}.tfvars")]
    # A folder with .tf files in the module is a module with a state of its own (terraform/github/).
    nested = [f"--skip-path={path.name}/" for path in sorted(module.iterdir()) if any(path.glob("*.tf"))]
    done = subprocess.run(
        [str(program), "--directory", str(module), "--framework", "terraform", "--output", "json", "--compact",
         "--quiet", *variables, *nested, "--download-external-modules", "false", "--skip-download"],
        capture_output=True, text=True, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    (folder / f"{environment or module.name}.json").write_text(done.stdout, encoding="utf-8")
    try:
        report = json.loads(done.stdout)
    except ValueError:
        raise CheckovError(f"checkov exited with {done.returncode}:\n{(done.stderr or done.stdout)[-2000:]}") from None
    return read_report(report)


def read_report(report: dict[str, Any]) -> CheckovCounts:
    """Read checkov's report.

    Raises:
        CheckovError: A check failed, or a skip has no reason.
    """
    results, summary = report.get("results", {}), report["summary"]
    failed = [
        f"{each['check_id']} {each['resource']}: {each['check_name']}" for each in results.get("failed_checks", [])
    ]
    if failed or summary["failed"] or summary["parsing_errors"]:
        raise CheckovError(f"{summary['failed']} checks failed: " + "; ".join(failed))
    bare = [
        f"{each['check_id']} {each['resource']}"
        for each in results.get("skipped_checks", [])
        if not (each.get("check_result", {}).get("suppress_comment") or "").strip(" :")
    ]
    if bare:
        raise CheckovError("checks are skipped without a reason: " + "; ".join(bare))
    return CheckovCounts(summary["passed"], summary["skipped"])


def _installed() -> Path:
    program = _VENV / "bin" / "checkov"
    stamp, wanted = _VENV / "stamp", LOCK.read_text(encoding="utf-8")
    if program.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return program
    uv, python = [sys.executable, "-m", "uv"], str(_VENV / "bin" / "python")
    for command in (
        [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(_VENV)],
        [*uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, str(LOCK)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if done.returncode:
            raise CheckovError(f"checkov could not be installed: {done.stderr[-1000:]}")
    stamp.write_text(wanted, encoding="utf-8")
    return program
