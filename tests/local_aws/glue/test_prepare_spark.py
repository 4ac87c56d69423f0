import tempfile

import pytest

from local_aws.glue import prepare_spark
from local_aws.glue.installed_spark import DEFAULT_CACHE_DIR
from local_aws.glue.s3a_jars import FOLDER_VARIABLE, s3a_jars

pytestmark = pytest.mark.usefixtures("starts_spark")


@pytest.fixture
def given_jars(monkeypatch):
    """The jars of this virtual environment, so that a new cache does not fetch them."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(s3a_jars(DEFAULT_CACHE_DIR)[0].parent))


def test_the_jars_and_the_classes_exist_before_the_first_run(given_jars, tmp_path, monkeypatch, capsys):
    """In a path with a letter that the locale C does not have."""
    monkeypatch.setenv("LC_ALL", "C")
    cache, temporary = tmp_path / "für", tmp_path / "für-später"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    assert prepare_spark.main(cache) == 0
    assert len(list(cache.glob("classes-*.jsa"))) == 1
    assert str(cache) in capsys.readouterr().out


def test_a_failed_run_is_reported(given_jars, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(prepare_spark, "_SCRIPT", "raise RuntimeError('no Spark today')")
    assert prepare_spark.main(tmp_path) == 1
    assert "no Spark today" in capsys.readouterr().err
    assert list(tmp_path.glob("*.jsa")) == []


def test_missing_jars_are_reported_in_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert prepare_spark.main(tmp_path) == 1
    (sentence,) = capsys.readouterr().err.splitlines()
    assert sentence.startswith(f"{tmp_path} has no ")
