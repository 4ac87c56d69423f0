import hashlib
import subprocess

import pytest

from local_aws.glue import s3a_jars as fetching
from local_aws.glue.installed_spark import SparkUnavailableError
from local_aws.glue.s3a_jars import FOLDER_VARIABLE, s3a_jars

JARS = {"b-1.jar": b"b", "a-2.jar": b"a"}


@pytest.fixture
def listed(monkeypatch):
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    monkeypatch.setattr(
        fetching,
        "_checksums",
        lambda: {name: hashlib.sha256(JARS[name]).hexdigest() for name in sorted(JARS)},
    )


@pytest.fixture
def ivy(monkeypatch, listed):
    """Replaces Ivy by a program that writes these files and returns this exit code."""

    def answers(files, code=0, errors=""):
        def run(command, **_):
            folder = fetching.Path(command[-1]).parent
            for name, content in files.items():
                (folder / name).write_bytes(content)
            return subprocess.CompletedProcess(command, code, "", errors)

        monkeypatch.setattr(fetching.subprocess, "run", run)

    return answers


def test_the_jars_are_fetched_once(ivy, tmp_path):
    ivy(JARS)
    jars = s3a_jars(tmp_path / "cache")
    assert {jar.name: jar.read_bytes() for jar in jars} == JARS
    assert [jar.name for jar in jars] == ["a-2.jar", "b-1.jar"]
    ivy({}, code=1)
    assert s3a_jars(tmp_path / "cache") == jars


@pytest.mark.parametrize(
    ("files", "code", "message"),
    [
        ({}, 1, f"set {FOLDER_VARIABLE} to a folder with the 2 jars"),
        ({"a-2.jar": b"a"}, 0, "has no b-1.jar"),
        (JARS | {"a-2.jar": b"changed"}, 0, "a-2.jar is not the file whose checksum"),
    ],
    ids=["unreachable", "incomplete", "changed"],
)
def test_what_cannot_be_fetched_is_refused_in_one_sentence_and_not_kept(ivy, tmp_path, files, code, message):
    ivy(files, code, "java.net.UnknownHostException")
    with pytest.raises(SparkUnavailableError, match=message) as raised:
        s3a_jars(tmp_path)
    assert len(str(raised.value).splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_jars_replaces_the_connection(ivy, tmp_path, monkeypatch):
    ivy({}, code=1)
    for name, content in JARS.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert [jar.parent for jar in s3a_jars(tmp_path / "cache")] == [tmp_path, tmp_path]
    (tmp_path / "a-2.jar").unlink()
    with pytest.raises(SparkUnavailableError, match=r"has no a-2\.jar"):
        s3a_jars(tmp_path / "cache")
