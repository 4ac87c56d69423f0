import subprocess

import pytest

from bundle.version import RELEASE, UNKNOWN, checkout_version, version_of


@pytest.mark.parametrize(
    ("described", "version"),
    [
        ("v1.2.3-0-gabcdef012345", "1.2.3"),
        ("v1.2.3-rc.1-0-gabcdef012345", "1.2.3-rc.1"),
        ("v1.2.3-4-gabcdef012345", "1.2.3+4.gabcdef012345"),
        ("v1.2.3-4-gabcdef012345-dirty", "1.2.3+4.gabcdef012345.dirty"),
        ("v1.2.3-0-gabcdef012345-dirty", "1.2.3+0.gabcdef012345.dirty"),
        ("abcdef012345", "0.0.0+gabcdef012345"),
        ("abcdef012345-dirty", "0.0.0+gabcdef012345.dirty"),
        ("nothing of the kind", UNKNOWN),
    ],
)
def test_the_version_comes_from_the_tag(described, version):
    assert version_of(described) == version


def git(folder, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "tag.gpgSign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_only_a_clean_checkout_of_a_tag_has_the_version_of_a_release(tmp_path):
    assert checkout_version(tmp_path) == UNKNOWN
    git(tmp_path, "init", "--quiet")
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "--quiet", "-m", "a", "--no-gpg-sign")
    assert checkout_version(tmp_path).startswith("0.0.0+g")
    git(tmp_path, "tag", "another-tag")
    git(tmp_path, "tag", "v0.3.0")
    assert checkout_version(tmp_path) == "0.3.0"
    (tmp_path / "a").write_text("2")
    dirty = checkout_version(tmp_path)
    assert dirty.startswith("0.3.0+0.g")
    assert dirty.endswith(".dirty")
    assert RELEASE.fullmatch("0.3.0")
    assert RELEASE.fullmatch(dirty) is None


@pytest.fixture
def release(tmp_path):
    """A clean checkout of the tag v1.2.3."""
    git(tmp_path, "init", "--quiet")
    for path in ("dags/a.py", "plugins/p/a.py", "glue_scripts/a.py", "sql/a.sql", "requirements.txt", "notes/a"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("1")
    (tmp_path / ".gitignore").write_text("*.log\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "a", "--no-gpg-sign")
    git(tmp_path, "tag", "v1.2.3")
    assert checkout_version(tmp_path) == "1.2.3"
    return tmp_path


@pytest.mark.parametrize(
    "path",
    ["dags/b.py", "plugins/q/new/b.py", "glue_scripts/b.py", "sql/load/b.sql", "dags/ignored.log", "sql/ä b.sql"],
)
def test_a_bundle_with_a_file_that_the_commit_does_not_have_is_not_a_release(release, path):
    (release / path).parent.mkdir(parents=True, exist_ok=True)
    (release / path).write_text("1")
    added = checkout_version(release)
    assert added.endswith(".dirty")
    assert RELEASE.fullmatch(added) is None
    (release / "dags" / "a.py").write_text("2")
    assert checkout_version(release) == added


@pytest.mark.parametrize("path", ["dags/__pycache__/a.pyc", "sql/.hidden/b.sql", "dags/a.py~", "notes/b", "b.py"])
def test_a_file_that_is_not_bundled_does_not_change_the_version(release, path):
    (release / path).parent.mkdir(parents=True, exist_ok=True)
    (release / path).write_text("1")
    assert checkout_version(release) == "1.2.3"


def test_a_machine_without_git_builds_a_bundle_of_unknown_version(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert checkout_version(tmp_path) == UNKNOWN
