import io
import zipfile

import pytest

from bundle.contents import PLUGINS
from bundle.preflight.bundle import Bundle
from bundle.preflight.plugins_layout import check_plugins_layout, unpacks_safely

CONTRACT = "crypto_prices_contract/\n"
PLUGIN = "from airflow.plugins_manager import AirflowPlugin\n"


def found(bundle):
    return [(finding.where.removeprefix(f"{PLUGINS}/"), finding.what) for finding in check_plugins_layout(bundle)]


def test_a_built_bundle_passes(mistakes):
    assert found(mistakes.bundle()) == []


def test_a_zip_of_the_folder_itself_is_reported(built):
    nested = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(built[PLUGINS])) as old, zipfile.ZipFile(nested, "w") as new:
        for name in old.namelist():
            new.writestr(f"plugins/{name}", old.read(name))
    problems = dict(found(Bundle(built | {PLUGINS: nested.getvalue()})))
    assert "plugins/plugins/" in problems["plugins/"]
    assert "missing" in problems[".airflowignore"]


def test_a_missing_ignore_file_is_reported(mistakes):
    ((where, what),) = found(mistakes.bundle(plugins={".airflowignore": None}))
    assert where == ".airflowignore"
    assert "would run every module" in what


def test_an_ignore_file_without_the_package_is_reported(mistakes):
    ((where, what),) = found(mistakes.bundle(plugins={".airflowignore": f"# crypto_prices/\n{CONTRACT}"}))
    assert where == ".airflowignore"
    assert "does not exclude crypto_prices/" in what


@pytest.mark.parametrize("line", ["crypto_prices/", "crypto_prices", "/crypto_prices/", "crypto_prices/  # all"])
def test_the_package_can_be_named_in_several_ways(mistakes, line):
    assert found(mistakes.bundle(plugins={".airflowignore": f"{CONTRACT}{line}\n"})) == []


def test_a_plugin_at_the_root_is_accepted(mistakes):
    assert found(mistakes.bundle(plugins={"crypto_prices_plugin.py": PLUGIN})) == []


def test_a_module_at_the_root_that_is_not_a_plugin_is_reported(mistakes):
    ((where, what),) = found(mistakes.bundle(plugins={"settings_of_ours.py": "X = 1"}))
    assert where == "settings_of_ours.py"
    assert "its name is not a plugin's name" in what


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("types.py", "the standard library's `types`"),
        ("requests.py", "`requests` of the installed package requests"),
        ("yaml.py", "`yaml` of the installed package pyyaml"),
        ("celery.py", "`celery` of the installed package celery"),
        ("mwaa.py", "MWAA's own `mwaa`"),
    ],
)
def test_a_module_that_replaces_another_is_reported(mistakes, name, owner):
    problems = found(mistakes.bundle(plugins={name: "X = 1"}))
    assert (name, f"it replaces {owner} in every Airflow process, because Airflow runs it as "
            f"`{name.removesuffix('.py')}`") in problems  # fmt: skip


def test_a_package_that_another_hides_is_reported(mistakes):
    ignore = f"{CONTRACT}crypto_prices/\nrequests/\n"
    ((where, what),) = found(mistakes.bundle(plugins={"requests/__init__.py": "", ".airflowignore": ignore}))
    assert where == "requests"
    assert "cannot be imported" in what


@pytest.mark.parametrize("name", ["/etc/x.py", "../x.py", "crypto_prices/../../x.py", "C:/x.py", "..\\x.py"])
def test_a_path_out_of_the_folder_is_reported(built, name):
    content = io.BytesIO(built[PLUGINS])
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr(name, "x")
    assert (name, "the path points outside the plugins folder") in found(Bundle(built | {PLUGINS: content.getvalue()}))
    assert not unpacks_safely((name,))


def test_a_duplicate_entry_is_reported(built):
    content = io.BytesIO(built[PLUGINS])
    with zipfile.ZipFile(content, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("crypto_prices/xcom/batch.py", "other")
    assert found(Bundle(built | {PLUGINS: content.getvalue()})) == [
        ("crypto_prices/xcom/batch.py", "the zip has it 2 times")
    ]


@pytest.mark.parametrize("name", ["crypto_prices/__pycache__/batch.pyc", "crypto_prices/.DS_Store", "__MACOSX/._x"])
def test_leftovers_are_reported(mistakes, name):
    assert (name, "it is a leftover of a tool or an editor") in found(mistakes.bundle(plugins={name: "x"}))


def test_a_zip_without_code_is_reported(built):
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    assert ("plugins.zip", "it has no Python file") in found(Bundle(built | {PLUGINS: empty.getvalue()}))
