from __future__ import annotations

import subprocess
import sys

import pytest

from local_aws.glue import spark_runtime
from local_aws.glue.spark_runtime import SparkUnavailableError, end_orphan, java


def test_a_missing_java_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(SparkUnavailableError, match="which has no bin/java"):
        java()
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SparkUnavailableError, match="no java on the PATH"):
        java()


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
