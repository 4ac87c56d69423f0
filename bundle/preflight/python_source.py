"""Parses Python files with the grammar of the Python that will run them."""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Mapping

from bundle.glue_runtime import PYTHON_VERSION as GLUE_PYTHON
from bundle.mwaa_image import PYTHON_VERSION as MWAA_PYTHON
from bundle.preflight.bundle import Bundle
from bundle.preflight.finding import Finding

Version = tuple[int, int]


def check_syntax(bundle: Bundle) -> list[Finding]:
    """Check that every Python file is valid in the Python version of MWAA or Glue."""
    return [
        *syntax_errors(bundle.airflow_sources, MWAA_PYTHON, "MWAA"),
        *syntax_errors(bundle.glue_sources, GLUE_PYTHON, "Glue"),
    ]


def syntax_errors(
    sources: Mapping[str, bytes], version: Version, runner: str, *, running: Version = sys.version_info[:2]
) -> list[Finding]:
    """Return a finding for each file that does not parse.

    Args:
        sources: The files by their location in the bundle.
        version: The Python version that will run them.
        runner: The service that has this version.
        running: The Python version that runs this check. It cannot parse newer grammar.
    """
    findings = []
    for where, source in sources.items():
        try:
            ast.parse(source, where, feature_version=version)
        except (SyntaxError, ValueError) as error:
            line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
            reason = error.msg if isinstance(error, SyntaxError) else str(error)
            todo = f"write it in the syntax of Python {_text(version)}"
            if running < version:
                todo += f" and try it there, because this check runs on {_text(running)} and cannot parse newer syntax"
            findings.append(
                Finding(where + line, f"{runner}'s Python {_text(version)} cannot parse it: {reason}", todo)
            )
    return findings


@functools.lru_cache(maxsize=1000)
def parsed(source: bytes) -> ast.Module | None:
    """Return a file's syntax tree, or None if it does not parse. ``check_syntax`` reports the error.

    Each check reads every file, so the trees are shared. Do not change them.
    """
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


def _text(version: Version) -> str:
    return f"{version[0]}.{version[1]}"
