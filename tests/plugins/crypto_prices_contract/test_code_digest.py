import io
import zipfile

import pytest
from crypto_prices_contract.code_digest import code_digest, code_files


@pytest.fixture
def package(tmp_path):
    folder = tmp_path / "package"
    (folder / "inner").mkdir(parents=True)
    for name, content in (("__init__.py", "a"), ("inner/module.py", "b"), ("inner/module.pyc", "c"), ("notes.md", "d")):
        (folder / name).write_text(content)
    return folder


def test_only_code_counts_under_its_path(package):
    assert code_files(package) == {"package/__init__.py": b"a", "package/inner/module.py": b"b"}


def test_it_is_what_sha256sum_gives(package):
    """``find package -name '*.py' | LC_ALL=C sort | xargs sha256sum | sha256sum``"""
    expected = "5c1e4075664bdddab40187134a5d1bbf7882f0afc548cebfdb614fd6be360f73"
    assert code_digest(code_files(package)) == expected


@pytest.mark.parametrize("change", [{"package/a.py": b"2"}, {"package/b.py": b"1"}, {}])
def test_another_byte_name_or_number_of_files_gives_another_digest(change):
    assert code_digest({"package/a.py": b"1"}) != code_digest(change)


def test_a_zip_has_the_digest_of_its_folder(package):
    """Glue imports the packages from a zip."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as zipped:
        for path in package.rglob("*.*"):
            zipped.write(path, path.relative_to(package.parent))
    folder = zipfile.Path(body, "package/")
    assert code_digest(code_files(folder)) == code_digest(code_files(package))
