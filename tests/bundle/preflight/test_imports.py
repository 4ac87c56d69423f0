import ast

import pytest

from bundle.preflight.imports import check_imports, imported_modules


def found(bundle):
    return [f"{finding.where} {finding.what} -> {finding.todo}" for finding in check_imports(bundle)]


def test_a_built_bundle_passes(mistakes):
    assert found(mistakes.bundle()) == []


def test_an_import_from_outside_the_bundle_is_reported(mistakes):
    (report,) = found(mistakes.bundle({"dags/new.py": "import os\n\nfrom local_platform.provision import provision\n"}))
    assert report.startswith("dags/new.py:3 it imports local_platform.provision, which is not in MWAA's image")


@pytest.mark.parametrize("module", ["pyarrow.parquet", "pandas", "moto"])
def test_an_import_that_mwaa_lacks_is_reported_inside_functions_too(mistakes, module):
    source = f"def run():\n    import {module}\n"
    (report,) = found(mistakes.bundle(plugins={"crypto_prices/new.py": source}))
    assert report.startswith(f"plugins.zip/crypto_prices/new.py:2 it imports {module}")
    assert ("add `pyarrow==25.0.0` to requirements.txt" in report) == (module == "pyarrow.parquet")


def test_packages_in_requirements_txt_may_be_imported(mistakes):
    files = {"dags/new.py": "import pyarrow\n", "requirements.txt": "pyarrow==25.0.0\n"}
    assert found(mistakes.bundle(files)) == []


def test_a_missing_module_of_the_package_is_reported(mistakes):
    problems = found(mistakes.bundle(plugins={"crypto_prices/task_retry_policy.py": None}))
    assert problems
    assert all(
        "it imports crypto_prices.task_retry_policy, which is not in the bundle" in report for report in problems
    )


def test_a_missing_module_of_glues_package_is_reported(mistakes):
    problems = found(mistakes.bundle(glue={"crypto_prices_etl/arguments.py": None}))
    assert any(report.startswith("glue/curate_crypto_prices.py:") for report in problems)
    assert all("crypto_prices_etl.arguments, which is not in the bundle" in report for report in problems)


def test_an_import_that_glue_lacks_is_reported(mistakes):
    changes = {"crypto_prices_etl/new.py": "import requests\nimport cgi\nimport decimal\nimport pyspark.sql\n"}
    assert [report.split("which")[0] for report in found(mistakes.bundle(glue=changes))] == [
        "glue/crypto_prices_etl.zip/crypto_prices_etl/new.py:1 it imports requests, ",
        "glue/crypto_prices_etl.zip/crypto_prices_etl/new.py:2 it imports cgi, ",
    ]


def test_glues_package_cannot_import_mwaas(mistakes):
    (report,) = found(mistakes.bundle(glue={"crypto_prices_etl/new.py": "import crypto_prices.settings\n"}))
    assert "crypto_prices.settings" in report


def test_optional_imports_are_skipped():
    source = """
import a.b, c
from d import e
from . import f
from .g import h
from ..i import j
if TYPE_CHECKING:
    import no1
else:
    import k
if typing.TYPE_CHECKING:
    import no2
try:
    import no3
except ImportError:
    no3 = None
try:
    import no4
except (AttributeError, ModuleNotFoundError):
    import no5
try:
    import l
except OSError:
    pass
"""
    modules = {name for name, line in imported_modules(ast.parse(source), "top.inner")}
    assert modules == {"a.b", "c", "d", "top.inner", "top.inner.g", "top.i", "k", "l"}
