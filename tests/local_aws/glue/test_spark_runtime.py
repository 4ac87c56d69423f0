from __future__ import annotations

import subprocess
import sys

import pytest

from local_aws.glue.spark_runtime import end_orphan


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
