import pytest

from bundle.preflight.bundle import Archive, Bundle, check_complete


def test_a_built_bundle_is_complete(mistakes):
    assert check_complete(mistakes.bundle()) == []


@pytest.mark.parametrize(
    "path",
    [
        "catalog_table.json",
        "glue/crypto_prices_etl.zip",
        "glue/curate_crypto_prices.py",
        "plugins.zip",
        "requirements.txt",
    ],
)
def test_a_missing_file_is_named(mistakes, path):
    (finding,) = check_complete(mistakes.bundle({path: None}))
    assert (finding.where, finding.what) == (path, "it is missing")


def test_missing_dags_and_sql_are_named(built):
    kept = {path: content for path, content in built.items() if not path.startswith("dags/")}
    assert [finding.where for finding in check_complete(Bundle(kept))] == ["dags/", "dags/sql/"]


@pytest.mark.parametrize("path", ["plugins.zip", "glue/crypto_prices_etl.zip"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off"])
def test_a_broken_zip_is_named(mistakes, path, content):
    (finding,) = check_complete(mistakes.bundle({path: content}))
    assert finding.where == path
    assert "not a readable zip file" in finding.what


def test_a_damaged_zip_is_named(built):
    damaged = built["plugins.zip"].replace(b"crypto_prices", b"crypto_pricez", 40)
    assert Archive.of(damaged).error


@pytest.mark.parametrize("path", ["notes.txt", "plugins/crypto_prices/x.py", "glue/other.py"])
def test_unrelated_files_are_named(mistakes, path):
    (finding,) = check_complete(mistakes.bundle({path: "x"}))
    assert (finding.where, finding.what) == (path, "it is not part of a bundle")


@pytest.mark.parametrize("path", ["dags/__pycache__/x.pyc", "dags/sql/.x.swp", "dags/x.py~"])
def test_leftovers_are_named(mistakes, path):
    (finding,) = check_complete(mistakes.bundle({path: "x"}))
    assert finding.where == path
    assert "leftover" in finding.what
