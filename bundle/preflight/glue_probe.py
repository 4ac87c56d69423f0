"""Imports Glue's package from its zip in a separate process, and records the import errors.

``python -I glue_probe.py <folder> <result>``, with ``crypto_prices_etl.zip`` and the script in the folder.
"""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import sys
import traceback
import zipfile
from collections.abc import Iterator
from pathlib import Path


def main(folder: Path, answer: Path) -> None:
    """Import every module from the zip, as Spark's workers do, and look up each name that the files import.

    Args:
        folder: The folder with the zip and the script.
        answer: The file for the result: ``errors`` by file.
    """
    archive = next(folder.glob("*.zip"))
    sys.path.insert(0, str(archive))
    errors: dict[str, str] = {}
    with zipfile.ZipFile(archive) as zipped:
        sources = {f"{archive.name}/{name}": zipped.read(name) for name in zipped.namelist() if name.endswith(".py")}
    packages = {where.split("/")[1] for where in sources}
    for module in pkgutil.walk_packages([str(archive)], onerror=lambda name: None):
        where = f"{archive.name}/{module.name.replace('.', '/')}" + ("/__init__.py" if module.ispkg else ".py")
        try:
            importlib.import_module(module.name)
        except (Exception, SystemExit):  # noqa: BLE001 - a module can raise anything
            errors[where] = traceback.format_exc(limit=-3)
    script = next(folder.glob("*.py"))
    for where, source in {**sources, script.name: script.read_bytes()}.items():
        for message in _missing_names(source, packages):
            errors.setdefault(where, message)
    answer.write_text(json.dumps({"errors": errors}))


def _missing_names(source: bytes, packages: set[str]) -> Iterator[str]:
    """Yield the names that a file imports from the package, also inside functions, and that do not exist."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in packages:
            for alias in node.names:
                try:
                    exec(f"from {node.module} import {alias.name}", {})  # noqa: S102 - two dotted names of our own
                except (Exception, SystemExit) as error:  # noqa: BLE001 - a module can raise anything
                    yield f"line {node.lineno}: {type(error).__name__}: {error}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
