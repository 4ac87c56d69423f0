import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest

from bundle.contents import GLUE_PACKAGE, GLUE_SCRIPT, PLUGINS, bundle_files, glue_package
from bundle.mwaa_image import constraints, installed, pins
from bundle.source_files import BundleError

REPOSITORY = Path(__file__).parents[2]
PARTS = ("dags", "plugins", "glue_scripts", "sql")


@pytest.fixture
def checkout(tmp_path):
    """A copy with leftovers, whose files were created in a different order, time and umask."""
    old = os.umask(0o077)
    try:
        for part in reversed(PARTS):
            for source in sorted((REPOSITORY / part).rglob("*"), reverse=True):
                if (
                    source.is_file()
                    and "__pycache__" not in source.parts
                    and (REPOSITORY / "dags/sql") not in source.parents
                ):
                    target = tmp_path / source.relative_to(REPOSITORY)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(source.read_bytes())
                    os.utime(target, (1_000_000_000, 1_000_000_000))
        shutil.copyfile(REPOSITORY / "requirements.txt", tmp_path / "requirements.txt")
        (tmp_path / "dags" / "sql").symlink_to("../sql")
        for left_behind in (
            "dags/__pycache__/x.pyc",
            "plugins/.DS_Store",
            "plugins/crypto_prices/xcom/batch.py~",
            "sql/.x.swp",
        ):
            (tmp_path / left_behind).parent.mkdir(exist_ok=True)
            (tmp_path / left_behind).write_text("left behind")
    finally:
        os.umask(old)
    return tmp_path


def test_the_same_files_give_the_same_bytes(built, checkout):
    assert bundle_files(checkout) == built
    assert list(bundle_files(checkout)) == list(built)


def test_a_changed_file_changes_only_its_part(built, checkout):
    with (checkout / "plugins" / "crypto_prices" / "settings.py").open("a") as file:
        file.write("# changed\n")
    again = bundle_files(checkout)
    assert {path for path in built if again[path] != built[path]} == {PLUGINS}


def test_the_dags_folder_contains_the_sql_files(built):
    merge = "sql/load/replace/insert_staged_rows.sql"
    assert built[f"dags/{merge}"] == (REPOSITORY / merge).read_bytes()
    assert built["dags/crypto_prices_daily.py"] == (REPOSITORY / "dags/crypto_prices_daily.py").read_bytes()
    assert {path for path in built if not path.startswith("dags/")} == {
        "catalog_table.json", GLUE_PACKAGE, GLUE_SCRIPT, PLUGINS, "requirements.txt",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "roots"),
    [
        (PLUGINS, {"": "plugins"}),
        (
            GLUE_PACKAGE,
            {
                "crypto_prices_contract/": "plugins/crypto_prices_contract",
                "crypto_prices_etl/": "glue_scripts/crypto_prices_etl",
            },
        ),
    ],
)
def test_a_zip_contains_the_folders_files_without_owner_and_time(built, path, roots):
    files = {
        prefix + file.relative_to(REPOSITORY / folder).as_posix(): file
        for prefix, folder in roots.items()
        for file in (REPOSITORY / folder).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    with zipfile.ZipFile(io.BytesIO(built[path])) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == sorted(files)
        for entry in archive.infolist():
            assert (entry.date_time, entry.external_attr >> 16) == ((1980, 1, 1, 0, 0, 0), 0o100644)
            assert (entry.compress_type, entry.create_system) == (zipfile.ZIP_STORED, 3)
            assert archive.read(entry) == files[entry.filename].read_bytes()


def test_the_catalog_table_has_the_glue_jobs_columns_and_the_data_dictionarys_comments(built):
    from crypto_prices_contract.data_dictionary import CATALOG_TABLE
    from crypto_prices_etl.schemas import CURATED_COLUMNS

    table = json.loads(built["catalog_table.json"])
    assert table["description"] == CATALOG_TABLE.comment
    assert [column["name"] for column in table["columns"]] == [column.name for column in CURATED_COLUMNS]
    assert table["columns"][5]["type"] == "decimal(38,18)"
    assert [(key["name"], key["type"]) for key in table["partition_keys"]] == [
        ("year", "string"), ("month", "string"), ("day", "string"),
    ]  # fmt: skip
    assert [(column["name"], column["comment"]) for column in [*table["columns"], *table["partition_keys"]]] == [
        (column.name, column.comment) for column in CATALOG_TABLE.columns
    ]


def test_a_column_without_a_comment_is_named(checkout):
    schemas = checkout / "glue_scripts" / "crypto_prices_etl" / "schemas.py"
    schemas.write_text(schemas.read_text().replace('"trade_count"', '"trades"'))
    with pytest.raises(BundleError, match=r"trade_count, trades: not in both .*schemas\.py and .*data_dictionary\.py"):
        bundle_files(checkout)


@pytest.mark.parametrize(
    "missing",
    [
        "requirements.txt",
        "glue_scripts/curate_crypto_prices.py",
        "glue_scripts/crypto_prices_etl/schemas.py",
        "plugins/crypto_prices_contract/data_dictionary.py",
    ],
)
def test_a_missing_source_is_named(checkout, missing):
    (checkout / missing).unlink()
    with pytest.raises(BundleError, match=missing):
        bundle_files(checkout)


def test_an_empty_package_is_refused(tmp_path):
    (tmp_path / "crypto_prices_etl").mkdir()
    with pytest.raises(BundleError, match="crypto_prices_etl has no"):
        glue_package(tmp_path, REPOSITORY / "plugins")
    (tmp_path / "crypto_prices_contract").mkdir()
    with pytest.raises(BundleError, match="crypto_prices_contract has no"):
        glue_package(REPOSITORY / "glue_scripts", tmp_path)


def test_the_bundle_contains_the_constraints(built):
    """A private web server installs the requirements, too, but cannot reach the constraints' URL."""
    text = built["requirements.txt"].decode()
    assert "--constraint /usr/local/airflow/dags/constraints-3.3.1.txt" in text.splitlines()
    assert "https://" not in text.replace("https://docs", "")
    allowed = pins(built["dags/constraints-3.3.1.txt"].decode())
    assert allowed == installed() | constraints()
    assert allowed["apache-airflow-providers-amazon"] == "9.34.0"
