"""Airflow's GlueJobHook, with which GlueJobOperator waits and GlueJobSensor polls, on runs of the local Glue."""

import datetime as dt

import pytest

from local_aws.clients import local_client
from local_aws.front.call_log import CallLog
from local_aws.front.server import Front, HttpServer
from local_aws.glue.job_runs import GlueJobRuns
from local_aws.glue.run_history import JobRun, RunHistory
from local_aws.moto_backend.state import MotoState
from local_aws.protocol.service import WireService

ENDED = {"a": ("SUCCEEDED", None), "b": ("FAILED", "ValueError: 17 is not a price")}


@pytest.fixture
def glue(tmp_path):
    """A client of a Glue whose job has ended runs."""
    history, now = RunHistory(tmp_path / "glue" / "runs"), dt.datetime.now(dt.UTC)
    for name, (state, error) in ENDED.items():
        history.save(JobRun(f"jr_{name}", "job", state, {}, 10, {}, now, now, now, 1, error))

    def unused(*_given):
        raise AssertionError("no run starts")

    runs = GlueJobRuns(
        get_job=unused,
        get_security_configuration=unused,
        role_credentials=unused,
        endpoint_url=unused,
        state_dir=tmp_path,
    )
    moto, log = MotoState(tmp_path / "journal.sqlite"), CallLog(tmp_path / "calls.jsonl")
    server = HttpServer(Front(moto=moto, services={"glue": WireService("glue", runs)}, call_log=log), port=0)
    server.start()
    yield local_client("glue", server.endpoint)
    server.stop()
    runs.close()
    moto.close()
    log.close()


def test_the_operator_waits_and_the_sensor_polls(glue):
    pytest.importorskip("airflow.providers.amazon.aws.hooks.glue")
    from airflow.providers.amazon.aws.hooks.glue import GlueJobHook

    hook = GlueJobHook(job_name="job", aws_conn_id=None, region_name="us-east-1", job_poll_interval=0.1)
    hook.__dict__["conn"] = glue
    assert hook.get_job_state("job", "jr_a") == "SUCCEEDED"
    assert hook.job_completion("job", "jr_a") == {"JobRunState": "SUCCEEDED", "JobRunId": "jr_a"}
    with pytest.raises(Exception, match="FAILED"):
        hook.job_completion("job", "jr_b")


def test_a_run_has_no_predecessors(glue):
    """Predecessors are the runs of a conditional trigger: https://docs.aws.amazon.com/glue/latest/webapi/API_Predecessor.html."""
    assert glue.get_job_run(JobName="job", RunId="jr_a", PredecessorsIncluded=True)["JobRun"]["PredecessorRuns"] == []
