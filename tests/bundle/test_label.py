import subprocess

from bundle.build import write_bundle
from bundle.label import CHECKSUMS, VERSION, labelled, read_checksums, unlabelled
from tests.support.sha256sum import needs_sha256sum

FILES = {"plugins.zip": b"p", "catalog_table.json": b"{}", "dags/sql/load/a.sql": b"SELECT 1"}


def test_the_label_names_the_version_and_lists_every_other_file():
    files = labelled(FILES, "1.2.3")
    assert files[VERSION] == b"1.2.3\n"
    assert set(read_checksums(files[CHECKSUMS].decode())) == {*FILES, VERSION}
    assert unlabelled(files) == FILES


def test_the_same_files_always_have_the_same_label():
    assert labelled(FILES, "1.2.3") == labelled(dict(reversed(FILES.items())), "1.2.3")


@needs_sha256sum
def test_sha256sum_verifies_the_checksums(tmp_path):
    """The command that the documentation gives to people."""
    write_bundle(labelled(FILES, "1.2.3"), tmp_path / "dist")
    command = ["sha256sum", "--check", "--quiet", CHECKSUMS]
    assert subprocess.run(command, cwd=tmp_path / "dist", check=False).returncode == 0
    (tmp_path / "dist" / "dags" / "sql" / "load" / "a.sql").write_text("SELECT 2")
    assert subprocess.run(command, cwd=tmp_path / "dist", check=False, capture_output=True).returncode == 1
