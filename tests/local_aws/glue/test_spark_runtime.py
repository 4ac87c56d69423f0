from __future__ import annotations

import os
import subprocess
import sys

import pytest

from local_aws.glue.spark_runtime import end_orphan


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_only_processes_of_the_run_count_as_its_orphans():
    stranger = _started_with({})
    orphan = _started_with({"LOCAL_AWS_JOB_RUN_ID": "jr_1"})
    try:
        assert not end_orphan(stranger.pid, "jr_1")
        assert not end_orphan(orphan.pid, "jr_2")
        assert stranger.poll() is None
        assert end_orphan(orphan.pid, "jr_1")
        assert orphan.wait(5) == -9
        assert not end_orphan(orphan.pid, "jr_1")
    finally:
        for process in (stranger, orphan):
            process.kill()
            process.communicate()


def _started_with(environment: dict[str, str]) -> subprocess.Popen[str]:
    """A process in its own group that has written a line, because Popen returns before /proc shows its environment."""
    process = subprocess.Popen(
        ["cat"],
        start_new_session=True,
        env={"PATH": os.defpath, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write("started\n")
    process.stdin.flush()
    assert process.stdout.readline() == "started\n"
    return process
