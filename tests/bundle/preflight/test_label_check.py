import pytest

from bundle.label import CHECKSUMS, VERSION, labelled
from bundle.preflight.bundle import Bundle
from bundle.preflight.label_check import check_label

FILES = labelled({"plugins.zip": b"p", "catalog_table.json": b"{}"}, "1.2.3")


def test_a_bundle_as_it_was_built_passes():
    assert check_label(Bundle(FILES)) == []


@pytest.mark.parametrize(
    ("files", "where", "what"),
    [
        (FILES | {"plugins.zip": b"changed"}, "plugins.zip", "differ from its checksum"),
        (FILES | {"dags/a.py": b""}, "dags/a.py", "does not list it"),
        ({path: FILES[path] for path in FILES if path != "plugins.zip"}, "plugins.zip", "it is missing"),
        ({path: FILES[path] for path in FILES if path != CHECKSUMS}, CHECKSUMS, "it is missing"),
        (FILES | {VERSION: b" \n"}, VERSION, "it is empty"),
        (FILES | {CHECKSUMS: b"\xff"}, "plugins.zip", "does not list it"),
    ],
)
def test_every_other_bundle_is_refused(files, where, what):
    assert any(finding.where == where and what in finding.what for finding in check_label(Bundle(files)))
