"""Checks that SQL files which the code or other SQL files name exist, without running either."""

from __future__ import annotations

import ast
import fnmatch
import re
from collections.abc import Iterator

from bundle.preflight.bundle import Bundle
from bundle.preflight.finding import Finding
from bundle.preflight.python_source import parsed

FOR_PEOPLE = "queries/"
"""Folder below ``sql/`` with queries for analysts (docs/explanation/architecture.md). No DAG uses it."""

_FILE = re.compile(r"[\w./-]*\w\.(sql|jinja)")
_PATTERN = re.compile(r"[\w./*-]*\.(sql|jinja)")
_COMMENT = re.compile(r"{#.*?#}", re.DOTALL)
_TAG = re.compile(r"{%(.*?)%}", re.DOTALL)
_QUOTED = re.compile(r"""(["'])(.*?)\1""")
_TAKES_A_FILE = re.compile(r"[\s+-]*(include|import|from|extends)\b")


def check_sql_files(bundle: Bundle) -> list[Finding]:
    """Check that every SQL file that is named exists. A file that nothing names is a warning."""
    named: set[str] = set()
    findings = []
    for where, name in [*_names_in_python(bundle), *_names_in_sql(bundle)]:
        # Names are relative to dags/sql, the DAGs' template_searchpath, or to the DAG file.
        found = {path for path in bundle.sql if fnmatch.fnmatchcase(path, name)}
        found |= {path.removeprefix("sql/") for path in bundle.dags if fnmatch.fnmatchcase(path, name)}
        named |= found
        if not found:
            what = f"it names {name}, which is not in dags/sql/"
            findings.append(Finding(where, what, "add the file to sql/, or correct the name"))
    whole = _folders_in_python(bundle)
    for path in bundle.sql:
        if path not in named and path.rpartition("/")[0] not in whole and not path.startswith(FOR_PEOPLE):
            what = "no DAG, plugin or other SQL file names it"
            findings.append(Finding(f"dags/sql/{path}", what, "remove it if it is no longer needed", warning=True))
    return findings


def _names_in_python(bundle: Bundle) -> Iterator[tuple[str, str]]:
    for where, source in bundle.airflow_sources.items():
        for node in ast.walk(parsed(source) or ast.Module([], [])):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _FILE.fullmatch(node.value):
                yield f"{where}:{node.lineno}", node.value
            elif isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else "*" for part in node.values]
                if _PATTERN.fullmatch(pattern := "".join(map(str, parts))):
                    yield f"{where}:{node.lineno}", pattern


def _names_in_sql(bundle: Bundle) -> Iterator[tuple[str, str]]:
    for path, content in bundle.sql.items():
        text = _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), content.decode(errors="replace"))
        for tag in _TAG.finditer(text):
            takes_a_file = _TAKES_A_FILE.match(tag[1])
            if takes_a_file and re.search(r"\bignore\s+missing\b", tag[1]):
                continue
            line = text.count("\n", 0, tag.start()) + 1
            for quoted in _QUOTED.finditer(tag[1]):
                if takes_a_file or _FILE.fullmatch(quoted[2]):
                    yield f"dags/sql/{path}:{line}", quoted[2]


def _folders_in_python(bundle: Bundle) -> set[str]:
    """Return the folders that the code joins to a path, such as ``migrations`` in ``sql_folder / "migrations"``."""
    return {
        node.right.value
        for source in bundle.airflow_sources.values()
        for node in ast.walk(parsed(source) or ast.Module([], []))
        if isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Div)
        and isinstance(node.right, ast.Constant)
        and isinstance(node.right.value, str)
    }
