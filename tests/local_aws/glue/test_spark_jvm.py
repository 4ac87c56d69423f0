"""JVMs: how they start, what remains of them, and the isolation of runs that share one."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from local_aws.glue import spark_jvm
from local_aws.glue.installed_spark import SparkUnavailableError, inherited_environment, java
from local_aws.glue.spark_jvm import SparkJvm, SparkJvms
from local_aws.glue.spark_runtime import RunFiles


def test_a_missing_java_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(SparkUnavailableError, match="which has no bin/java"):
        java()
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SparkUnavailableError, match="Java 17"):
        java()


def test_the_java_of_setup_takes_precedence_over_java_home(monkeypatch, tmp_path):
    program = tmp_path / "java" / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "other"))
    assert java() == program


def with_input(*program):
    return subprocess.Popen(program, stdin=subprocess.PIPE, start_new_session=True)


@pytest.mark.parametrize(("program", "kept"), [(("cat",), [b"classes"]), (("sh", "-c", "cat; exit 1"), [])])
def test_only_a_jvm_that_succeeded_leaves_its_class_archive(tmp_path, program, kept):
    folder, cache = tmp_path / "jvm", tmp_path / "cache"
    folder.mkdir()
    cache.mkdir()
    (folder / "classes.jsa").write_bytes(b"classes")
    jvm = SparkJvm(with_input(*program), folder, (folder / "classes.jsa", cache / "classes-1.jsa"))
    jvm.end_and_archive()
    assert [path.read_bytes() for path in cache.iterdir()] == kept
    assert not folder.exists()


@pytest.fixture
def idle(tmp_path):
    """Replaces JVMs with processes that end when their input is closed."""
    made = []

    def make():
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(SparkJvm(with_input("cat"), folder))
        return made[-1]

    yield make
    for jvm in made:
        jvm.end()


def test_jvms_are_kept_for_later_runs(tmp_path, idle, monkeypatch):
    jvms = SparkJvms(cache_dir=tmp_path)
    monkeypatch.setattr(jvms, "_start", idle)
    two = {jvms.take(), jvms.take()}
    assert len(two) == 2
    for jvm in two:
        jvms.give_back(jvm)
    again = [jvms.take(), jvms.take()]
    assert set(again) == two
    assert jvms.take() not in two
    jvms.give_back(again[0])
    jvms.close()
    assert [jvm.exit_code for jvm in again] == [-9, None]


def test_a_jvm_that_cannot_start_leaves_no_folder(tmp_path, monkeypatch):
    jvms = SparkJvms(cache_dir=tmp_path / "cache", work_dir=tmp_path / "jvms")
    monkeypatch.setattr(jvms, "_class_path", list)
    monkeypatch.setattr(spark_jvm, "java", lambda: tmp_path / "no java")
    with pytest.raises(OSError, match="no java"):
        jvms.take()
    assert list((tmp_path / "jvms").iterdir()) == []


def test_a_jvm_ends_after_its_idle_time(tmp_path, idle, monkeypatch):
    jvms = SparkJvms(cache_dir=tmp_path, idle_seconds=0.2)
    monkeypatch.setattr(jvms, "_start", idle)
    used, lonely = jvms.take(), jvms.take()
    jvms.give_back(used)
    jvms.give_back(lonely)
    assert jvms.take() is lonely  # the last one that was given back, so the others may end
    deadline = time.monotonic() + 10
    while used.exit_code is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert lonely.exit_code is None


def test_a_jvm_that_has_ended_or_served_its_runs_is_not_reused(tmp_path, idle, monkeypatch):
    jvms = SparkJvms(cache_dir=tmp_path)
    monkeypatch.setattr(jvms, "_start", idle)
    first = jvms.take()
    jvms.give_back(first)
    first._process.kill()
    first._process.wait()
    second = jvms.take()
    assert second is not first
    second.runs = spark_jvm._RUNS_EACH - 1
    jvms.give_back(second)
    assert second.exit_code == -9


FIRST = """
import sys
import time
from pyspark.sql import SparkSession
spark = SparkSession.builder.config("spark.sql.x", "1").getOrCreate()
spark.sql("CREATE TEMPORARY VIEW seen AS SELECT 1 AS a")
spark.sparkContext._jvm.java.lang.System.setProperty("spark.y", "1")
spark.sparkContext._jvm.java.lang.System.err.println("from the JVM")
print(spark.conf.get("spark.own"), spark.sparkContext._jsc.hadoopConfiguration().get("fs.s3a.access.key"))
"""
SECOND = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print(spark.conf.get("spark.own", None), spark.conf.get("spark.sql.x", None), spark.conf.get("spark.y", None),
      spark.catalog.tableExists("seen"),
      spark.sparkContext._jsc.hadoopConfiguration().get("fs.s3a.access.key"))
"""


def test_a_run_does_not_see_the_previous_run_of_its_jvm(runtime, tmp_path):
    def run(name, text, settings, key):
        folder = tmp_path / name
        folder.mkdir()
        script = folder / "script.py"
        script.write_text(text, encoding="utf-8")
        files = RunFiles("jr_1", folder, script, [], folder / "output", folder / "errors")
        aws = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": key}
        process = runtime.start(files, arguments=[], spark_settings=settings, environment=aws)
        served_by = process._jvm
        ended = process.wait(120)
        process.end()
        assert ended
        assert process.error() is None, files.output.read_text()
        return served_by, files.output.read_text().splitlines()[-1], files.errors.read_text()

    jvm, told, errors = run("first", FIRST, {"spark.own": "first"}, "A")
    assert told == "first A"
    assert "from the JVM" in errors
    while jvm.archives_classes:  # the first JVM of a virtual environment serves only one run
        jvm, told, errors = run("archived", FIRST, {"spark.own": "first"}, "A")
    again, told, errors = run("second", SECOND, {}, "B")
    assert again is jvm
    assert told == "None None None False B"
    assert "from the JVM" not in errors


def test_a_run_has_a_locale_with_every_letter_and_no_java_options(monkeypatch):
    """In the locale C, a JVM cannot open a file whose path has a non-ASCII letter."""
    for name, value in (("LC_ALL", "C"), ("LANG", "C"), ("JAVA_TOOL_OPTIONS", "-Dx=1"), ("AWS_PROFILE", "nobody")):
        monkeypatch.setenv(name, value)
    inherited = inherited_environment()
    assert inherited["LC_ALL"].endswith(".UTF-8")
    assert {"LANG", "JAVA_TOOL_OPTIONS", "AWS_PROFILE"} & set(inherited) == set()
