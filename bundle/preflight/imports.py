"""Checks that MWAA or Glue has every module that the files import, including imports inside functions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping

from bundle.contents import GLUE_PACKAGE, PLUGINS, REQUIREMENTS
from bundle.glue_runtime import MODULES as GLUE_MODULES
from bundle.glue_runtime import PYTHON_VERSION as GLUE_PYTHON
from bundle.mwaa_image import PYTHON_VERSION as MWAA_PYTHON
from bundle.mwaa_image import constraints, installed, pins
from bundle.preflight.bundle import Bundle
from bundle.preflight.finding import Finding
from bundle.preflight.installed_packages import distributions_of
from bundle.preflight.python_source import parsed
from bundle.preflight.standard_library import in_standard_library

_OPTIONAL = frozenset({"ImportError", "ModuleNotFoundError"})


def check_imports(bundle: Bundle) -> list[Finding]:
    """Check that every import is in the standard library, in the bundle, or in an installed package."""
    plugins = _modules(bundle.plugins.files)
    dags = _modules(bundle.dags)
    packages = set(installed()) | set(pins(bundle.files.get(REQUIREMENTS, b"").decode(errors="replace")))
    allowed = constraints()

    def on_mwaa(root: str) -> str:
        if in_standard_library(root, MWAA_PYTHON):
            return ""
        distributions = distributions_of(root)
        if packages.intersection(distributions):
            return ""
        listed = next((f"{name}=={allowed[name]}" for name in distributions if name in allowed), "")
        return f"add `{listed}` to requirements.txt" if listed else "put it into plugins/, or remove the import"

    def on_glue(root: str) -> str:
        todo = f"put it into the package, or add it to the job's --additional-python-modules and to {GLUE_MODULES_FILE}"
        return "" if root in GLUE_MODULES or in_standard_library(root, GLUE_PYTHON) else todo

    package = _modules(bundle.glue_package.files)
    return [
        *_missing(bundle.airflow_sources, plugins | dags, on_mwaa, f"MWAA's image, {PLUGINS} or requirements.txt"),
        *_missing(bundle.glue_sources, package, on_glue, f"Glue or {GLUE_PACKAGE}"),
    ]


GLUE_MODULES_FILE = "bundle/glue_runtime.py"


def imported_modules(tree: ast.Module, package: str) -> Iterator[tuple[str, int]]:
    """Yield the modules that a file requires, each with its line.

    Modules are skipped if only a type checker reads them (``if TYPE_CHECKING``), or if the file can work without them
    (``try`` … ``except ImportError``).

    Args:
        tree: The file.
        package: The file's package, for relative imports; empty for a top-level module.
    """
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and _name(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
        elif isinstance(node, ast.Try) and any(_catches_import_errors(handler) for handler in node.handlers):
            waiting += node.orelse + node.finalbody
        elif isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            yield ".".join([*above, *([node.module] if node.module else [])]), node.lineno
        else:
            waiting += ast.iter_child_nodes(node)


def _missing(
    sources: Mapping[str, bytes], own: set[str], elsewhere: Callable[[str], str], places: str
) -> Iterator[Finding]:
    roots = {module.partition(".")[0] for module in own}
    for where, source in sources.items():
        tree = parsed(source)
        if tree is None:
            continue
        inside = where.partition(".zip/")[2]
        for module, line in sorted(imported_modules(tree, ".".join(inside.split("/")[:-1])), key=lambda item: item[1]):
            root = module.partition(".")[0]
            if module in own or root == "":
                continue
            todo = elsewhere(root)
            if todo and root in roots:
                yield Finding(f"{where}:{line}", f"it imports {module}, which is not in the bundle", "add the module")
            elif todo:
                yield Finding(f"{where}:{line}", f"it imports {module}, which is not in {places}", todo)


def _modules(files: Mapping[str, bytes]) -> set[str]:
    """Return the dotted names of the modules and packages among files."""
    found = set()
    for path in files:
        if path.endswith(".py"):
            parts = path.removesuffix(".py").split("/")
            if parts[-1] == "__init__":
                parts.pop()
            found |= {".".join(parts[: depth + 1]) for depth in range(len(parts))}
    return found


def _catches_import_errors(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(_name(kind) in _OPTIONAL for kind in caught)


def _name(node: ast.AST | None) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
