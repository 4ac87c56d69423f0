"""RunStatementsOperator runs real statements in the local warehouse, and ends them with its task."""

import asyncio
import time

import pytest
from airflow.providers.common.compat.sdk import AirflowException
from airflow.sdk.bases.operator import TriggerFailureReason
from airflow.sdk.exceptions import AirflowTaskTimeout, TaskDeferralError, TaskDeferralTimeout, TaskDeferred
from botocore.exceptions import ClientError, EndpointConnectionError
from crypto_prices.settings import load_settings

SLOW = "SELECT COUNT(*) FROM " + " CROSS JOIN ".join(f"information_schema.columns AS c{number}" for number in range(4))
"""A statement that runs for hours unless it is cancelled."""


@pytest.fixture
def make(make_task, warehouse):
    """Return a function that prepares the merge's operator with these statements, as each worker process does."""

    def prepare(*statements):
        settings = load_settings()
        return make_task(
            "merge_into_fact",
            sql=list(statements),
            workgroup_name=settings.redshift_workgroup,
            database=settings.redshift_database,
            secret_arn=settings.redshift_secret_arn,
        )

    return prepare


@pytest.fixture
def context(make_context):
    return make_context()


@pytest.fixture
def running(make, context, status):
    """Return the trigger of a task that is deferred while its batch runs."""
    with pytest.raises(TaskDeferred) as deferred:
        make("SELECT 1", SLOW).execute(context)
    assert deferred.value.method_name == "execute_complete"
    assert status(deferred.value.trigger.statement_id) in ("SUBMITTED", "PICKED", "STARTED")
    return deferred.value.trigger


@pytest.fixture
def status(aws):
    client = aws.client("redshift-data")

    def of(statement_id):
        return client.describe_statement(Id=statement_id)["Status"]

    return of


@pytest.fixture
def aborted(status):
    """Return a function that waits until a statement is cancelled."""

    def wait(statement_id):
        deadline = time.monotonic() + 20
        while (now := status(statement_id)) != "ABORTED":
            assert now in ("SUBMITTED", "PICKED", "STARTED")
            assert time.monotonic() < deadline, now
            time.sleep(0.05)

    return wait


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        (TriggerFailureReason.TRIGGER_TIMEOUT, TaskDeferralTimeout),
        (TriggerFailureReason.TRIGGER_FAILURE, TaskDeferralError),
    ],
)
def test_a_deferral_that_times_out_or_fails_ends_the_statements(make, context, running, aborted, reason, error):
    """Airflow resumes the task in a worker only to fail it (BaseOperator.resume_execution). It calls no on_kill."""
    with pytest.raises(error):
        make("SELECT 1").resume_execution("__fail__", {"error": reason}, context)
    aborted(running.statement_id)


def test_a_status_check_that_fails_in_the_trigger_ends_the_statements(make, context, running, aborted):
    event = {"status": "error", "statement_id": running.statement_id, "message": "could not connect"}
    with pytest.raises(AirflowException, match="could not connect"):
        make("SELECT 1").resume_execution("execute_complete", {"event": event}, context)
    aborted(running.statement_id)


def test_a_status_check_that_fails_in_the_worker_ends_the_statements(make, context, monkeypatch, aborted):
    task = make("SELECT 1", SLOW)
    throttled = ClientError({"Error": {"Code": "ThrottlingException"}}, "DescribeStatement")
    monkeypatch.setattr(task.hook, "check_query_is_finished", lambda _: (_ for _ in ()).throw(throttled))
    with pytest.raises(ClientError, match="ThrottlingException"):
        task.execute(context)
    aborted(task.statement_id)


def test_a_timeout_in_the_worker_that_submits_ends_the_statements(make, context, monkeypatch, aborted):
    task = make("SELECT 1", SLOW)
    monkeypatch.setattr(task.hook, "check_query_is_finished", lambda _: (_ for _ in ()).throw(AirflowTaskTimeout))
    with pytest.raises(AirflowTaskTimeout):
        task.execute(context)
    task.on_kill()  # called by Airflow (_run_execute_callable of the task runner)
    aborted(task.statement_id)


def test_a_timeout_in_the_worker_that_resumes_ends_the_statements(make, context, running, aborted, monkeypatch):
    task = make("SELECT 1")
    monkeypatch.setattr(task, "get_sql_results", lambda **_: (_ for _ in ()).throw(AirflowTaskTimeout))
    event = {"status": "success", "statement_id": running.statement_id}
    with pytest.raises(AirflowTaskTimeout):
        task.resume_execution("execute_complete", {"event": event}, context)
    task.on_kill()
    aborted(running.statement_id)


def test_the_next_try_ends_the_statements_of_a_worker_that_was_killed(make, context, running, status, aborted):
    with pytest.raises(TaskDeferred) as deferred:
        make(SLOW).execute(context)
    aborted(running.statement_id)
    assert status(deferred.value.trigger.statement_id) in ("SUBMITTED", "PICKED", "STARTED")
    with pytest.raises(TaskDeferralTimeout):
        make(SLOW).resume_execution("__fail__", {"error": TriggerFailureReason.TRIGGER_TIMEOUT}, context)
    aborted(deferred.value.trigger.statement_id)


def test_a_user_who_ends_the_deferred_task_ends_the_statements(running, aborted):
    asyncio.run(running.on_kill())
    aborted(running.statement_id)


def test_the_statements_end_although_airflow_interrupts_the_trigger_again(running, aborted, interrupted_on_kill):
    interrupted_on_kill(running)
    aborted(running.statement_id)


def test_a_cancellation_that_fails_does_not_hide_why_the_task_failed(make, context, running, task_log, monkeypatch):
    task = make("SELECT 1")
    gone = EndpointConnectionError(endpoint_url="https://redshift-data")
    monkeypatch.setattr(task.hook.conn, "cancel_statement", lambda **_: (_ for _ in ()).throw(gone))
    with pytest.raises(TaskDeferralTimeout):
        task.resume_execution("__fail__", {"error": TriggerFailureReason.TRIGGER_TIMEOUT}, context)
    assert f"Could not cancel statement {running.statement_id}. The next try cancels it" in task_log.text
    asyncio.run(running.on_kill())


def test_nothing_is_submitted_until_the_earlier_statements_are_cancelled(
    make, context, running, status, aborted, monkeypatch
):
    task = make("SELECT 1")
    gone = EndpointConnectionError(endpoint_url="https://redshift-data")
    monkeypatch.setattr(task.hook.conn, "cancel_statement", lambda **_: (_ for _ in ()).throw(gone))
    monkeypatch.setattr(task.hook.conn, "batch_execute_statement", lambda **_: pytest.fail("submitted"))
    with pytest.raises(AirflowException, match=f"{running.statement_id} of an earlier try could not be cancelled"):
        task.execute(context)
    assert status(running.statement_id) in ("SUBMITTED", "PICKED", "STARTED")
    with pytest.raises(TaskDeferred) as deferred:
        make(SLOW).execute(context)
    aborted(running.statement_id)
    asyncio.run(deferred.value.trigger.on_kill())


def test_statements_that_could_not_be_cancelled_before_the_deferral_are_cancelled_by_the_next_try(
    make, context, aborted, monkeypatch
):
    task = make("SELECT 1", SLOW)
    throttled = ClientError({"Error": {"Code": "ThrottlingException"}}, "DescribeStatement")
    monkeypatch.setattr(task.hook, "check_query_is_finished", lambda _: (_ for _ in ()).throw(throttled))
    monkeypatch.setattr(task.hook.conn, "cancel_statement", lambda **_: (_ for _ in ()).throw(throttled))
    with pytest.raises(ClientError, match="ThrottlingException"):
        task.execute(context)
    with pytest.raises(TaskDeferred) as deferred:
        make(SLOW).execute(context)
    aborted(task.statement_id)
    asyncio.run(deferred.value.trigger.on_kill())


def finish(task, context, status):
    """Run a task to its end, and return the ids of its statements."""
    try:
        return task.execute(context)
    except TaskDeferred as deferred:
        statement_id = deferred.trigger.statement_id
    deadline = time.monotonic() + 20
    while status(statement_id) != "FINISHED":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    event = {"status": "success", "statement_id": statement_id}
    return task.resume_execution("execute_complete", {"event": event}, context)


def test_a_cleared_task_runs_its_statements_again(make, context, status, task_log):
    first = finish(make("SELECT 1", "SELECT 2"), context, status)
    again = finish(make("SELECT 1", "SELECT 2"), context, status)
    assert len(first) == len(again) == 2
    assert not set(first) & set(again)
    assert "ancelled statement" not in task_log.text


def test_it_always_defers_and_is_always_cancelled(make):
    task = type(make("SELECT 1"))(task_id="t", sql="SELECT 1", deferrable=False, cancel_on_kill=False)
    assert (task.deferrable, task.cancel_on_kill) == (True, True)
