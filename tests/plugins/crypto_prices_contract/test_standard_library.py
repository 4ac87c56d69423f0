"""Glue and Airflow have different packages, so what they share needs none."""

import ast
import sys
from pathlib import Path

import crypto_prices_contract
import pytest

(PACKAGE,) = map(Path, crypto_prices_contract.__path__)
FILES = sorted(PACKAGE.rglob("*.py"))


def test_files_are_found():
    assert PACKAGE / "window.py" in FILES


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_each_file_imports_only_the_standard_library_and_the_package_itself(file):
    nodes = list(ast.walk(ast.parse(file.read_text())))
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom) and not node.level}
    roots = {name.partition(".")[0] for name in imported}
    assert roots - sys.stdlib_module_names - {PACKAGE.name} == set()
