from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from local_aws.glue import spark_runtime
from local_aws.glue.spark_runtime import RunFiles, SparkProcess, SparkRuntime, SparkUnavailableError, end_orphan, java


def test_a_missing_java_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(SparkUnavailableError, match="which has no bin/java"):
        java()
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SparkUnavailableError, match="no java on the PATH"):
        java()


def test_the_java_of_the_set_up_goes_first(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "old"))
    for home in (tmp_path / "venv" / "java", tmp_path / "old"):
        (home / "bin").mkdir(parents=True)
        (home / "bin" / "java").touch()
    assert java() == tmp_path / "venv" / "java" / "bin" / "java"


def test_the_java_of_the_set_up_comes_before_java_home(monkeypatch, tmp_path):
    program = tmp_path / "java" / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.touch()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "other"))
    assert java() == program


def compiler(code):
    """Stands in for the Scala compiler: writes part of the jar, then ends with the code."""

    def run(command, **_):
        Path(command[command.index("-d") + 1]).write_bytes(b"jar")
        return subprocess.CompletedProcess(command, code, "", "type mismatch")

    return run


def test_a_jar_comes_into_the_cache_whole_or_not_at_all(monkeypatch, tmp_path):
    runtime = SparkRuntime(cache_dir=tmp_path / "cache")
    monkeypatch.setattr(spark_runtime.subprocess, "run", compiler(1))
    with pytest.raises(SparkUnavailableError, match="type mismatch"):
        runtime.file_system_jar()
    assert list(runtime.cache_dir.iterdir()) == []
    monkeypatch.setattr(spark_runtime.subprocess, "run", compiler(0))
    jar = runtime.file_system_jar()
    assert list(runtime.cache_dir.iterdir()) == [jar]
    assert jar.read_bytes() == b"jar"


@pytest.mark.parametrize(("program", "kept"), [("true", [b"classes"]), ("false", [])])
def test_only_a_run_that_ended_well_leaves_its_class_archive(tmp_path, program, kept):
    files = RunFiles("jr_1", tmp_path, tmp_path / "s.py", (), tmp_path / "out", tmp_path / "err")
    made, cache = tmp_path / "classes.jsa", tmp_path / "cache"
    made.write_bytes(b"classes")
    cache.mkdir()
    process = SparkProcess(subprocess.Popen([program], start_new_session=True), files, (made, cache / "classes-1.jsa"))
    assert process.wait(5)
    process.end()
    assert [path.read_bytes() for path in cache.iterdir()] == kept


def test_the_file_system_is_compiled_once(runtime, monkeypatch):
    jar = runtime.file_system_jar()
    made = jar.stat().st_mtime_ns
    monkeypatch.setattr(spark_runtime.subprocess, "run", None)
    assert runtime.file_system_jar() == jar
    assert jar.stat().st_mtime_ns == made


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_only_processes_of_the_run_are_taken_for_its_orphans():
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    orphan = subprocess.Popen(
        ["sleep", "60"], start_new_session=True, env={"LOCAL_AWS_JOB_RUN_ID": "jr_1", "PATH": "/bin"}
    )
    try:
        assert not end_orphan(stranger.pid, "jr_1")
        assert not end_orphan(orphan.pid, "jr_2")
        assert stranger.poll() is None
        assert end_orphan(orphan.pid, "jr_1")
        assert orphan.wait(5) == -9
        assert not end_orphan(orphan.pid, "jr_1")
    finally:
        stranger.kill()
        orphan.kill()
        stranger.wait()
