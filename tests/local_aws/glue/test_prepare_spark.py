import shutil
import tempfile

import pytest

from local_aws.glue import prepare_spark
from local_aws.glue.spark_jvm import SparkJvms

pytestmark = pytest.mark.usefixtures("starts_spark")


def test_the_file_system_and_the_classes_exist_before_the_first_run(tmp_path, monkeypatch, capsys):
    """In a path with a letter that the locale C does not have."""
    monkeypatch.setenv("LC_ALL", "C")
    cache, temporary = tmp_path / "für", tmp_path / "für-später"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    assert prepare_spark.main(cache) == 0
    assert sorted(path.suffix for path in cache.iterdir()) == [".jar", ".jsa"]
    assert str(cache) in capsys.readouterr().out


def test_a_failed_run_is_reported(tmp_path, monkeypatch, capsys):
    shutil.copy(SparkJvms().file_system_jar(), tmp_path)  # compiled once per virtual environment
    monkeypatch.setattr(prepare_spark, "_SCRIPT", "raise RuntimeError('no Spark today')")
    assert prepare_spark.main(tmp_path) == 1
    assert "no Spark today" in capsys.readouterr().err
    assert [path.suffix for path in tmp_path.iterdir()] == [".jar"]
