"""Python files as the interpreter that will run them reads them."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping

from bundle.glue_runtime import PYTHON_VERSION as GLUE_PYTHON
from bundle.mwaa_image import PYTHON_VERSION as MWAA_PYTHON
from bundle.preflight.bundle import Bundle
from bundle.preflight.finding import Finding

Version = tuple[int, int]


def check_syntax(bundle: Bundle) -> list[Finding]:
    """Every Python file is in the grammar of the Python that MWAA or Glue runs it with."""
    return [
        *syntax_errors(bundle.airflow_sources, MWAA_PYTHON, "MWAA"),
        *syntax_errors(bundle.glue_sources, GLUE_PYTHON, "Glue"),
    ]


def syntax_errors(
    sources: Mapping[str, bytes], version: Version, runner: str, *, running: Version = sys.version_info[:2]
) -> list[Finding]:
    """Return what does not parse.

    Args:
        sources: The files by where they are found.
        version: The Python that will run them.
        runner: Whose Python that is.
        running: The Python that runs this check, whose own grammar is the newest that it can tell.
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
                todo += f"; this check runs on {_text(running)} and knows no newer syntax, so try it with that Python"
            findings.append(Finding(where + line, f"{runner}'s Python {_text(version)} cannot read it: {reason}", todo))
    return findings


def parsed(source: bytes) -> ast.Module | None:
    """Return a file's syntax tree, or None when it does not parse, which ``check_syntax`` says."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


def _text(version: Version) -> str:
    return f"{version[0]}.{version[1]}"
