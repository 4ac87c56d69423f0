import shutil

import pytest

from local_aws.glue import prepare_spark
from local_aws.glue.spark_jvm import SparkJvms

pytestmark = pytest.mark.usefixtures("starts_spark")


def test_the_file_system_and_the_classes_exist_before_the_first_run(tmp_path, capsys):
    assert prepare_spark.main(tmp_path) == 0
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".jar", ".jsa"]
    assert str(tmp_path) in capsys.readouterr().out


def test_a_failed_run_is_reported(tmp_path, monkeypatch, capsys):
    shutil.copy(SparkJvms().file_system_jar(), tmp_path)  # compiled once per virtual environment
    monkeypatch.setattr(prepare_spark, "_SCRIPT", "raise RuntimeError('no Spark today')")
    assert prepare_spark.main(tmp_path) == 1
    assert "no Spark today" in capsys.readouterr().err
    assert [path.suffix for path in tmp_path.iterdir()] == [".jar"]
