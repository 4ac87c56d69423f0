"""CuratePricesOperator starts and stops real runs of a Glue job in the local AWS."""

import asyncio
import json
import logging
import pydoc
import time

import pytest
from airflow.providers.amazon.aws.hooks.glue import GlueJobHook
from airflow.providers.common.compat.sdk import AirflowException
from airflow.sdk.bases.operator import TriggerFailureReason
from airflow.sdk.exceptions import AirflowTaskTimeout, TaskDeferralError, TaskDeferralTimeout, TaskDeferred
from botocore.exceptions import ClientError, EndpointConnectionError
from crypto_prices.curate.curate_prices import CuratePricesOperator, GlueRunError, StoppingGlueJobTrigger
from crypto_prices.load_window import GLUE_POLL_SECONDS

from tests.support.tasks import batch, fetched

JOB = "operators-test-sleeps"


@pytest.fixture
def glue(aws):
    """A Glue job that runs for minutes unless it is stopped."""
    client, names = aws.client("glue"), aws.names
    aws.client("s3").put_object(Bucket=names["bucket"], Key="glue/sleeps.py", Body=b"import time; time.sleep(300)")
    client.create_job(
        Name=JOB,
        Role=names["glue_role_arn"],
        Command={"Name": "glueetl", "ScriptLocation": f"s3://{names['bucket']}/glue/sleeps.py", "PythonVersion": "3"},
        GlueVersion="6.0",
        WorkerType="G.1X",
        NumberOfWorkers=2,
        ExecutionProperty={"MaxConcurrentRuns": 3},
    )
    aws.change(glue_job_name=JOB)
    yield client
    unfinished = [run for run in run_ids(client) if state(client, run) in ("STARTING", "RUNNING")]
    if unfinished:
        client.batch_stop_job_run(JobName=JOB, JobRunIds=unfinished)
    while any(state(client, run) == "STOPPING" for run in run_ids(client)):
        time.sleep(0.1)  # these runs count as concurrent runs of the next test's job
    client.delete_job(JobName=JOB)


def run_ids(glue):
    return {run["Id"] for run in glue.get_job_runs(JobName=JOB)["JobRuns"]}


def state(glue, run_id):
    return glue.get_job_run(JobName=JOB, RunId=run_id)["JobRun"]["JobRunState"]


@pytest.fixture
def context(make_context):
    return make_context(plan_load=batch(fetched(), fetched("coinbase")).as_xcom())


@pytest.fixture
def make(glue, make_task, context):
    """Return a function that prepares the operator, as each worker process does."""
    return lambda: make_task("curate_prices", context)


@pytest.fixture
def started(make, context):
    """The deferred task, after it started its run, with the trigger that waits for the run."""
    task = make()
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context)
    return task, deferred.value


def failing(error):
    def call(*_args, **_members):
        raise error

    return call


def test_it_starts_its_batchs_run_and_waits_without_a_worker(glue, started):
    _, deferred = started
    trigger = deferred.trigger
    assert type(trigger) is StoppingGlueJobTrigger
    assert deferred.method_name == "execute_complete"
    assert (trigger.job_name, trigger.waiter_delay, trigger.attempts) == (
        JOB,
        GLUE_POLL_SECONDS,
        3600 / GLUE_POLL_SECONDS,
    )
    run = glue.get_job_run(JobName=JOB, RunId=trigger.run_id)["JobRun"]
    both = batch(fetched(), fetched("coinbase"))
    assert run["Timeout"] == 55
    assert run["Arguments"] == {
        "--raw_manifests": "s3://lake/raw/binance/manifest.json,s3://lake/raw/coinbase/manifest.json",
        "--window_start": "2023-12-18",
        "--window_end": "2023-12-20",
        "--batch_id": both.attempt_id(1),
        "--catalog_database": "crypto",
        "--catalog_table": "crypto_prices",
        "--lake_bucket": "crypto-prices-lake",
        "--max_rejected_share": "0.01",
        "--row_rules": "default",
        "--accepted_sources": "none",
    }

    # The triggerer calls this when a user clears or fails the deferred task.
    assert state(glue, trigger.run_id) in ("STARTING", "RUNNING")
    asyncio.run(trigger.on_kill())
    assert state(glue, trigger.run_id) in ("STOPPING", "STOPPED")
    # Stopping a run that has already ended is not an error.
    asyncio.run(trigger.on_kill())


def test_its_run_stops_although_airflow_interrupts_the_trigger_again(glue, started, interrupted_on_kill):
    _, deferred = started
    interrupted_on_kill(deferred.trigger)
    assert state(glue, deferred.trigger.run_id) in ("STOPPING", "STOPPED")


def test_a_stop_that_fails_is_logged_although_airflow_interrupts_the_trigger(
    started, interrupted_on_kill, caplog, monkeypatch
):
    _, deferred = started
    denied = ClientError({"Error": {"Code": "AccessDeniedException"}}, "BatchStopJobRun")
    monkeypatch.setattr(GlueJobHook, "get_async_conn", failing(denied))
    # Airflow's logger bypasses the standard library.
    monkeypatch.setattr(StoppingGlueJobTrigger, "log", logging.getLogger("test_trigger"))
    interrupted_on_kill(deferred.trigger)
    assert f"Could not stop Glue run {deferred.trigger.run_id}" in caplog.text


def test_killing_a_task_in_a_worker_stops_its_run_too(glue, started):
    task, deferred = started
    task.on_kill()
    assert state(glue, deferred.trigger.run_id) in ("STOPPING", "STOPPED")


def test_a_later_try_starts_its_own_run(glue, started, make_task, make_context):
    """Newer providers are durable by default: a retry would continue to wait for the run of the earlier try."""
    _, deferred = started
    both = batch(fetched(), fetched("coinbase"))
    context = make_context(plan_load=both.as_xcom())
    context["ti"].try_number = 2
    with pytest.raises(TaskDeferred) as again:
        make_task("curate_prices", context).execute(context)
    assert state(glue, deferred.trigger.run_id) in ("STARTING", "RUNNING")
    assert again.value.trigger.run_id != deferred.trigger.run_id
    run = glue.get_job_run(JobName=JOB, RunId=again.value.trigger.run_id)["JobRun"]
    assert run["Arguments"]["--batch_id"] == both.attempt_id(2)


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        (TriggerFailureReason.TRIGGER_TIMEOUT, TaskDeferralTimeout),
        (TriggerFailureReason.TRIGGER_FAILURE, TaskDeferralError),
    ],
)
def test_a_deferral_that_times_out_or_fails_stops_the_run(glue, make, context, started, reason, error):
    _, deferred = started
    with pytest.raises(error):
        make().resume_execution("__fail__", {"error": reason}, context)
    assert state(glue, deferred.trigger.run_id) in ("STOPPING", "STOPPED")


def wait_failed(run_id):
    message = "AWS Glue job failed.: An error occurred (AccessDeniedException)"
    return {"event": {"status": "error", "run_id": run_id, "message": message}}


def test_a_wait_that_fails_stops_the_run(glue, make, context, started):
    """The retry starts its own run, which must not have another one beside it."""
    _, deferred = started
    run_id = deferred.trigger.run_id
    with pytest.raises(GlueRunError, match="AccessDeniedException"):
        make().resume_execution("execute_complete", wait_failed(run_id), context)
    assert state(glue, run_id) in ("STOPPING", "STOPPED")


def test_a_run_that_has_failed_is_not_stopped(glue, make, context, started, task_log):
    _, deferred = started
    run_id = deferred.trigger.run_id
    glue.batch_stop_job_run(JobName=JOB, JobRunIds=[run_id])
    with pytest.raises(GlueRunError):
        make().resume_execution("execute_complete", wait_failed(run_id), context)
    assert "Stopping Glue run" not in task_log.text
    assert "may still run" not in task_log.text
    assert context["task_state_store"] == {}


def test_a_run_that_succeeded_is_returned_and_forgotten(make, context, started, task_log):
    _, deferred = started
    event = {"event": {"status": "success", "run_id": deferred.trigger.run_id}}
    assert make().resume_execution("execute_complete", event, context) == deferred.trigger.run_id
    assert context["task_state_store"] == {}
    assert "Stopping Glue run" not in task_log.text


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://glue"),
        ClientError({"Error": {"Code": "ThrottlingException"}}, "BatchStopJobRun"),
    ],
)
def test_no_run_is_started_until_the_earlier_one_is_stopped(glue, make, context, started, monkeypatch, error):
    _, deferred = started
    run_id, runs = deferred.trigger.run_id, run_ids(glue)
    first, second = make(), make()
    for task in (first, second):
        monkeypatch.setattr(task.hook.conn, "batch_stop_job_run", failing(error))
    with pytest.raises(GlueRunError, match="AccessDeniedException"):
        first.resume_execution("execute_complete", wait_failed(run_id), context)
    with pytest.raises(AirflowException, match=f"{run_id} of an earlier try could not be stopped"):
        second.execute(context)
    assert state(glue, run_id) in ("STARTING", "RUNNING")
    assert run_ids(glue) == runs
    with pytest.raises(TaskDeferred) as again:
        make().execute(context)
    assert state(glue, run_id) in ("STOPPING", "STOPPED")
    assert state(glue, again.value.trigger.run_id) in ("STARTING", "RUNNING")


def test_a_stop_that_glue_refuses_is_not_taken_for_an_end(glue, make, context, started, monkeypatch):
    _, deferred = started
    run_id = deferred.trigger.run_id
    task = make()
    error = {"JobRunId": run_id, "ErrorDetail": {"ErrorCode": "OperationTimeoutException"}}
    refused = {"SuccessfulSubmissions": [], "Errors": [error]}
    monkeypatch.setattr(task.hook.conn, "batch_stop_job_run", lambda **_: refused)
    with pytest.raises(AirflowException, match=run_id):
        task.execute(context)
    assert state(glue, run_id) in ("STARTING", "RUNNING")


def test_the_next_try_stops_the_run_of_a_worker_that_was_killed(glue, make, context, started):
    _, deferred = started
    with pytest.raises(TaskDeferred) as again:
        make().execute(context)
    assert state(glue, deferred.trigger.run_id) in ("STOPPING", "STOPPED")
    assert state(glue, again.value.trigger.run_id) in ("STARTING", "RUNNING")


def test_a_task_that_fails_after_it_started_its_run_stops_it(glue, make, context, monkeypatch):
    monkeypatch.setattr(type(context["ti"]), "xcom_push", lambda *_, **__: (_ for _ in ()).throw(ConnectionError))
    runs = run_ids(glue)
    with pytest.raises(ConnectionError):
        make().execute(context)
    (started,) = run_ids(glue) - runs
    assert state(glue, started) in ("STOPPING", "STOPPED")


def test_a_timeout_in_the_worker_that_resumes_stops_the_run(glue, make, context, started, monkeypatch):
    _, deferred = started
    task = make()
    monkeypatch.setattr(task, "execute_complete", failing(AirflowTaskTimeout()))
    with pytest.raises(AirflowTaskTimeout):
        task.resume_execution("execute_complete", {}, context)
    task.on_kill()  # called by Airflow (_run_execute_callable of the task runner)
    assert state(glue, deferred.trigger.run_id) in ("STOPPING", "STOPPED")


def test_the_trigger_survives_serialization():
    trigger = StoppingGlueJobTrigger(
        job_name="j", run_id="jr_1", verbose=True, waiter_delay=3, waiter_max_attempts=1200,
        aws_conn_id="other", region_name="eu-west-1", verify=False, botocore_config={"read_timeout": 9},
    )  # fmt: skip
    path, arguments = trigger.serialize()
    rebuilt = pydoc.locate(path)(**json.loads(json.dumps(arguments)))
    assert type(rebuilt) is StoppingGlueJobTrigger
    assert rebuilt.serialize() == (path, arguments)


def test_it_always_defers_and_always_stops_its_run():
    task = CuratePricesOperator(task_id="t", job_name="j", deferrable=False, stop_job_run_on_kill=False)
    assert (task.deferrable, task.stop_job_run_on_kill) == (True, True)
