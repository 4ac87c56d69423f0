import os
import stat
from pathlib import Path

import pytest

from bundle.build import read_bundle, write_bundle
from bundle.source_files import BundleError

FILES = {"plugins.zip": b"p", "catalog_table.json": b"{}", "dags/sql/load/a.sql": b"a"}


@pytest.fixture(params=[0o000, 0o077])
def umask(request):
    old = os.umask(request.param)
    yield request.param
    os.umask(old)


def test_files_have_the_same_modes_under_any_umask(tmp_path, umask):
    write_bundle(FILES, tmp_path / "out" / "dist")
    assert read_bundle(tmp_path / "out" / "dist") == FILES
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out" / "dist").rglob("*")}
    assert modes == {
        "plugins.zip": 0o644, "catalog_table.json": 0o644, "dags": 0o755, "sql": 0o755, "load": 0o755, "a.sql": 0o644,
    }  # fmt: skip
    assert stat.S_IMODE((tmp_path / "out" / "dist").stat().st_mode) == 0o755


def test_a_bundle_is_replaced_as_a_whole(tmp_path):
    dist = tmp_path / "dist"
    write_bundle(FILES | {"dags/old.py": b"old"}, dist)
    (dist / "stale.txt").write_text("stale")
    write_bundle(FILES, dist)
    assert read_bundle(dist) == FILES
    assert os.listdir(tmp_path) == ["dist"]


def test_a_failure_keeps_the_old_bundle(tmp_path, monkeypatch):
    dist = tmp_path / "dist"
    write_bundle(FILES, dist)

    def disk_full(path, content):
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "write_bytes", disk_full)
    with pytest.raises(OSError, match="no space"):
        write_bundle({"plugins.zip": b"new", "catalog_table.json": b"{}"}, dist)
    assert read_bundle(dist) == FILES
    assert os.listdir(tmp_path) == ["dist"]


def test_a_failed_swap_restores_the_old_bundle(tmp_path, monkeypatch):
    dist = tmp_path / "dist"
    write_bundle(FILES, dist)
    rename = Path.rename

    def fails_for_the_new_one(path, target):
        if path.name == "new":
            raise OSError("busy")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fails_for_the_new_one)
    with pytest.raises(OSError, match="busy"):
        write_bundle({"plugins.zip": b"new", "catalog_table.json": b"{}"}, dist)
    assert read_bundle(dist) == FILES


def test_an_empty_folder_is_accepted(tmp_path):
    write_bundle(FILES, tmp_path)
    assert read_bundle(tmp_path) == FILES


@pytest.mark.parametrize("missing", ["plugins.zip", "catalog_table.json"])
def test_an_incomplete_bundle_is_replaced(tmp_path, missing):
    dist = tmp_path / "dist"
    write_bundle({"plugins.zip": b"old", "catalog_table.json": b"{}", "glue/a.py": b""}, dist)
    (dist / missing).unlink()
    write_bundle(FILES, dist)
    assert read_bundle(dist) == FILES


def test_a_folder_with_other_files_is_never_replaced(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(BundleError, match="not a bundle"):
        write_bundle(FILES, tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_a_link_is_never_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "dist").symlink_to("real")
    with pytest.raises(BundleError, match="not a folder"):
        write_bundle(FILES, tmp_path / "dist")


def test_a_missing_bundle_is_named(tmp_path):
    with pytest.raises(BundleError, match="make bundle"):
        read_bundle(tmp_path / "dist")
