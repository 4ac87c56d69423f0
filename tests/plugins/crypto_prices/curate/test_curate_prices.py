"""CuratePricesOperator starts and stops real runs of a Glue job in the local AWS."""

import asyncio
import json
import pydoc

import pytest
from airflow.sdk.exceptions import TaskDeferred
from crypto_prices.curate.curate_prices import CuratePricesOperator, StoppingGlueJobTrigger
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
    unfinished = [run["Id"] for run in client.get_job_runs(JobName=JOB)["JobRuns"] if run["JobRunState"] == "RUNNING"]
    if unfinished:
        client.batch_stop_job_run(JobName=JOB, JobRunIds=unfinished)
    client.delete_job(JobName=JOB)


def state(glue, run_id):
    return glue.get_job_run(JobName=JOB, RunId=run_id)["JobRun"]["JobRunState"]


@pytest.fixture
def started(glue, make_task, make_context):
    """The deferred task, after it started its run, with the trigger that waits for the run."""
    both = batch(fetched(), fetched("coinbase"))
    context = make_context(plan_load=both.as_xcom())
    task = make_task("curate_prices", context)
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context)
    return task, deferred.value


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
