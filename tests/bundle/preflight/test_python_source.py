import sys

import pytest

from bundle.preflight.python_source import check_syntax, syntax_errors

OF_3_13 = "def first[T = int](values: list[T]) -> T: ...\n"
OF_3_14 = "try:\n    pass\nexcept ValueError, TypeError:\n    pass\n"


def test_a_built_bundle_passes(mistakes):
    assert check_syntax(mistakes.bundle()) == []


@pytest.mark.parametrize("where", ["dags/new.py", "plugins.zip/crypto_prices/batch.py"])
def test_syntax_newer_than_mwaas_is_reported(mistakes, where):
    changes = {"plugins": {where.partition("/")[2]: OF_3_13}} if ".zip" in where else {}
    (finding,) = check_syntax(mistakes.bundle({} if changes else {where: OF_3_13}, **changes))
    assert finding.where.startswith(f"{where}:1")
    assert finding.what.startswith("MWAA's Python 3.12 cannot parse it: ")


@pytest.mark.parametrize(
    "where", ["glue/curate_crypto_prices.py", "glue/crypto_prices_etl.zip/crypto_prices_etl/quality.py"]
)
def test_syntax_newer_than_glues_is_reported(mistakes, where):
    changes = {"glue": {where.partition(".zip/")[2]: OF_3_14}} if ".zip" in where else {}
    (finding,) = check_syntax(mistakes.bundle({} if changes else {where: OF_3_14}, **changes))
    assert finding.where.startswith(f"{where}:3")
    assert finding.what.startswith("Glue's Python 3.13 cannot parse it: ")


def test_glue_accepts_newer_syntax_than_mwaa():
    assert len(syntax_errors({"x.py": OF_3_13.encode()}, (3, 12), "MWAA")) == 1
    if sys.version_info >= (3, 13):
        assert syntax_errors({"x.py": OF_3_13.encode()}, (3, 13), "Glue") == []


def test_syntax_that_only_this_python_supports_is_reported():
    source = b"match 1:\n    case 1:\n        pass\n"
    assert syntax_errors({"x.py": source}, (3, 10), "MWAA") == []
    (finding,) = syntax_errors({"x.py": source}, (3, 9), "MWAA")
    assert "Python 3.10" in finding.what


def test_an_older_python_reports_that_it_knows_no_newer_syntax():
    (older,) = syntax_errors({"x.py": OF_3_14.encode()}, (3, 13), "Glue", running=(3, 12))
    (same,) = syntax_errors({"x.py": OF_3_14.encode()}, (3, 13), "Glue", running=(3, 13))
    assert "this check runs on 3.12" in older.todo
    assert "this check runs" not in same.todo


def test_a_file_that_is_not_text_is_reported():
    (finding,) = syntax_errors({"x.py": b"x = 1\0"}, (3, 12), "MWAA")
    assert "null" in finding.what
