import asyncio
import json
import math
import pprint
import textwrap
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.amazon.aws.hooks.glue import GlueJobHook
from airflow.providers.amazon.aws.hooks.redshift_data import RedshiftDataHook
from airflow.providers.amazon.aws.triggers.redshift_data import RedshiftDataTrigger
from airflow.providers.common.compat.sdk import AirflowException
from airflow.sdk.definitions.retry_policy import RetryAction
from crypto_prices.aws.redshift_data import RedshiftStatementError
from crypto_prices.curate.curate_prices import GlueRunError, StoppingGlueJobTrigger
from crypto_prices.fetch.errors import FatalSourceError, RetryableSourceError
from crypto_prices.publish.publish_partitions import LONGEST_CALL
from crypto_prices.reconcile.catalog_versions import CatalogDiffersError
from crypto_prices.task_retry_policy import LONGEST_PAUSE, TaskRetryPolicy, usual_pause
from crypto_prices_contract.error_codes import ERROR_CODES

from tests.support.tasks import TaskStateStore


def decide(error):
    return TaskRetryPolicy().evaluate(error, try_number=1, max_tries=3, context=None)


def busy(retry_after_seconds):
    return RetryableSourceError("busy", "wait", retry_after_seconds=retry_after_seconds)


def test_a_source_is_not_retried_before_the_requested_time():
    decision = decide(busy(600))
    assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, timedelta(seconds=601))
    assert decision.reason == "the source requests a wait of 600 s, the next try is in 0:10:01"


@pytest.mark.parametrize("seconds", [1801.0, 1e6, 1e300, math.inf])
def test_a_long_ban_does_not_delay_the_other_sources(seconds):
    """A Retry-After can have any number of digits."""
    decision = decide(busy(seconds))
    assert decision.action is RetryAction.FAIL
    assert f"longer than {LONGEST_PAUSE}" in decision.reason


def test_the_longest_pauses_end_before_the_runs_timeout():
    dag = DagBag(dag_folder=Path(__file__).parents[3] / "dags" / "crypto_prices_daily.py").dags["crypto_prices_daily"]
    assert (1 + dag.get_task("fetch_prices").retries) * LONGEST_PAUSE < dag.dagrun_timeout
    assert decide(busy(1800)).action is RetryAction.RETRY


@pytest.mark.parametrize("seconds", [None, 0, 29])
def test_a_short_wait_uses_the_tasks_own_pauses(seconds):
    assert decide(busy(seconds)).action is RetryAction.DEFAULT


def test_reconcile_waits_until_another_run_has_repaired_the_catalog():
    dag = DagBag(dag_folder=Path(__file__).parents[3] / "dags" / "crypto_prices_daily.py").dags["crypto_prices_daily"]
    decision = decide(CatalogDiffersError("older"))
    assert decision.action is RetryAction.RETRY
    assert dag.get_task("reconcile").retries * decision.retry_delay > LONGEST_CALL


MARKS = ["", "'", '"', "\\", "\n", "\t", "\r\n", "„", "«", "「", "“", "é", "\u2028", "\x85", "\x1b", "\U000e0001"]
"""Characters before a code: quotation marks of several languages, and others that programs print escaped."""

BEFORE_A_CODE = [
    "",
    "ERROR: ",
    "Query #3 failed with ERROR: ",
    "ERROR: \n  -----------------------------------------------\n  error:  ",
    "RefusedSourcesError: ",
    "Error Category: UNCLASSIFIED_ERROR; Failed Line Number: 24; RefusedSourcesError: ",
    'Traceback (most recent call last):\n  File "a.py", line 1\ncrypto_prices_etl.errors.RefusedSourcesError: ',
    "Error:\n\t",
    "Error:\r\n",
]


def messages(code):
    """Yield the messages that begin with a code, as Redshift and Glue return them."""
    words = ' batch it\'s "b" would delete 100 % \\\\ é\nof the candles ' + "and more " * 20
    for before in BEFORE_A_CODE:
        for mark in MARKS:
            yield before + mark + code + mark + words


def shapes(message):
    """Yield a message in the forms in which programs print it."""
    description = {"Id": "7", "Status": "FAILED", "Error": message, "SubStatements": [{"Error": message}]}
    for width in (20, 40, 80, 120):
        yield pprint.pformat(description, width=width)
    yield message
    yield repr(message)
    yield ascii(message)
    yield repr(repr(message))
    yield repr(ascii(message))
    yield json.dumps(description)
    yield json.dumps(json.dumps(description))
    yield textwrap.fill(message, 30)
    yield f"Error:\n\t{message}\n"


@pytest.mark.parametrize("code", ERROR_CODES)
def test_an_error_with_a_code_is_not_retried_in_any_format(code):
    for message in messages(code):
        for shape in shapes(message):
            for error in (RedshiftStatementError("7", "FAILED", shape), GlueRunError("jr_1", shape)):
                decision = decide(error)
                assert decision.action is RetryAction.FAIL, shape
                assert decision.reason.startswith(code)


class Redshift:
    """The Data API, with one batch that has ended. As in AWS, the description has the texts of the statements."""

    def __init__(self, error, status="FAILED"):
        failed = {"Id": "7:3", "Status": status, "QueryString": "INSERT INTO t VALUES ('CP-07 again')", "Error": error}
        self.description = {
            "Id": "7",
            "Status": status,
            "Error": f"Query #3 failed with {error}",
            "CreatedAt": datetime(2024, 1, 1, tzinfo=UTC),
            "SubStatements": [failed],
            "ResponseMetadata": {"HTTPStatusCode": 200},
        }

    def batch_execute_statement(self, **_arguments):
        return {"Id": "7"}

    def describe_statement(self, Id):
        assert Id == "7"
        return self.description


class Asynchronous:
    """A client with coroutines in place of some methods of a synchronous client."""

    def __init__(self, client, *methods):
        self._client, self._methods = client, methods

    def __getattr__(self, name):
        found = getattr(self._client, name)
        if name not in self._methods:
            return found

        async def call(**arguments):
            return found(**arguments)

        return call


def asynchronous(client, *methods):
    """Return a replacement of ``get_async_conn``."""

    @asynccontextmanager
    async def connected():
        yield Asynchronous(client, *methods)

    async def connection(_hook):
        return connected()

    return connection


def ended(trigger):
    """Run a trigger until its event, as the triggerer does, and return the event as the worker gets it."""

    async def first():
        return await anext(trigger.run())

    return json.loads(json.dumps(asyncio.run(first()).payload))


CONTEXT = {
    "run_id": "CP-07 again",
    "dag_run": SimpleNamespace(run_id="CP-07 again", note="cleared after CP-11"),
    "task_state_store": TaskStateStore(),
}
"""The context of a run whose user has named error codes in its id and its note."""


def failures_of_statements(task, monkeypatch, redshift):
    """Yield the exceptions of a task whose statements have failed before and after it was deferred."""
    monkeypatch.setattr(RedshiftDataHook, "conn", redshift)
    monkeypatch.setattr(RedshiftDataHook, "get_async_conn", asynchronous(redshift, "describe_statement"))
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever the provider raises
        task.execute(CONTEXT)
    yield raised.value
    event = ended(RedshiftDataTrigger(statement_id="7", task_id=task.task_id, poll_interval=1))
    with pytest.raises(Exception) as raised:  # noqa: PT011
        task.execute_complete(CONTEXT, event)
    yield raised.value


@pytest.mark.parametrize("code", [code for code in ERROR_CODES if code < "CP-11"])
def test_a_failed_statement_with_a_code_is_not_retried(make_task, monkeypatch, code):
    task = make_task("merge_into_fact")
    for message in messages(code):
        for error in failures_of_statements(task, monkeypatch, Redshift(message)):
            assert decide(error).action is RetryAction.FAIL, error
            assert decide(error).reason.startswith(code)
            assert message in str(error)


@pytest.mark.parametrize("status", ["FAILED", "ABORTED"])
def test_a_code_in_a_runs_id_or_note_does_not_prevent_a_retry(make_task, monkeypatch, status):
    redshift = Redshift("ERROR: 1023 Serializable isolation violation", status)
    for error in failures_of_statements(make_task("merge_into_fact"), monkeypatch, redshift):
        assert decide(error).action is RetryAction.DEFAULT, error
        assert "1023" in str(error)


def test_a_lost_connection_of_the_trigger_is_retried_whatever_the_run_is_named(make_task, monkeypatch):
    monkeypatch.setattr(RedshiftDataHook, "conn", Redshift(None, status="STARTED"))
    event = {"status": "error", "statement_id": "7", "message": "connection reset"}
    with pytest.raises(AirflowException, match=r"statement 7 failed while it was started: connection reset") as raised:
        make_task("merge_into_fact").execute_complete(CONTEXT, event)
    assert decide(raised.value).action is RetryAction.DEFAULT


@pytest.mark.parametrize("code", [code for code in ERROR_CODES if code >= "CP-11"])
def test_a_failed_glue_run_with_a_code_is_not_retried(make_task, monkeypatch, code):
    task = make_task("curate_prices")
    glue = boto3.client("glue", region_name="us-east-1")
    monkeypatch.setattr(GlueJobHook, "get_async_conn", asynchronous(glue, "get_job_run"))
    trigger = StoppingGlueJobTrigger(job_name="j", run_id="jr_1", waiter_delay=1, waiter_max_attempts=1)
    for message in messages(code):
        run = {"Id": "jr_1", "JobRunState": "FAILED", "ErrorMessage": message}
        glue.get_job_run = lambda run=run, **_arguments: {"JobRun": run}
        with pytest.raises(Exception) as raised:  # noqa: PT011
            task.execute_complete(CONTEXT, ended(trigger))
        assert decide(raised.value).action is RetryAction.FAIL, raised.value
        assert decide(raised.value).reason.startswith(code)
        assert message in str(raised.value)


@pytest.mark.parametrize(
    "error",
    [
        RetryableSourceError("HTTP 503: maintenance CP-07", "wait"),
        AirflowException("crypto_prices_window failed with failed states ['failed'] for run_ids ['CP-07 again__1']"),
    ],
)
def test_a_code_in_an_exchanges_response_or_a_runs_id_does_not_prevent_a_retry(error):
    assert decide(error).action is RetryAction.DEFAULT


@pytest.mark.parametrize("text", ["CP-99 no such code", "XCP-01", "CP-012", "CP 01", "job-CP-01"])
def test_a_text_that_only_resembles_a_code_is_retried(text):
    assert decide(GlueRunError("jr_1", text)).action is RetryAction.DEFAULT


@pytest.mark.parametrize("error", [AirflowException("Error in glue job"), FatalSourceError("no", "stop"), OSError()])
def test_other_errors_follow_the_tasks_own_retries(error):
    assert decide(error).action is RetryAction.DEFAULT


def test_it_survives_dag_serialization():
    assert isinstance(TaskRetryPolicy.deserialize(TaskRetryPolicy().serialize()), TaskRetryPolicy)


def retried(error, try_number=1, max_tries=3, **task):
    settings = {"retry_delay": timedelta(seconds=30), "retry_exponential_backoff": True, "max_retry_delay": None} | task
    instance = SimpleNamespace(task=SimpleNamespace(**settings), run_id="r", task_id="t", map_index=-1)
    return TaskRetryPolicy().evaluate(error, try_number, max_tries, {"ti": instance})


def test_every_retry_has_a_reason_with_the_cause_and_the_pause():
    """Airflow logs the reason as soon as the task has failed, and stores it with the task instance."""
    decision = retried(RetryableSourceError("HTTP 503: maintenance\nsecond line", "wait"), try_number=2)
    assert decision.action is RetryAction.RETRY
    assert timedelta(seconds=60) <= decision.retry_delay < timedelta(seconds=120)
    assert decision.reason == (f"try 2 of 4 failed (HTTP 503: maintenance), the next try is in {decision.retry_delay}")
    assert "OSError" in retried(OSError()).reason
    assert len(retried(OSError("x" * 1000)).reason) < 500  # Airflow cuts it there
    assert "next try is in 0:01:00" in retried(CatalogDiffersError("older")).reason


def test_the_last_try_is_not_followed_by_a_pause():
    decision = retried(OSError("no"), try_number=4, max_tries=3)
    assert (decision.action, decision.reason) == (RetryAction.DEFAULT, None)


@pytest.mark.parametrize("try_number", [1, 2, 3, 5, 100_000])
def test_the_usual_pause_follows_the_tasks_settings(try_number):
    def pause(seed="a", **task):
        return retried_task(try_number, seed, **task)

    shortest = timedelta(seconds=min(30 * 2 ** min(try_number - 1, 20), 86400))
    assert shortest <= pause() <= min(2 * shortest, timedelta(days=1))
    assert pause() == pause()
    assert pause(max_retry_delay=timedelta(seconds=40)) <= timedelta(seconds=40)
    assert pause(retry_exponential_backoff=0.0) == timedelta(seconds=30)
    assert len({pause(str(seed)) for seed in range(50)}) > 1 or shortest == timedelta(days=1)


def retried_task(try_number, seed, **task):
    settings = {"retry_delay": timedelta(seconds=30), "retry_exponential_backoff": True, "max_retry_delay": None} | task
    return usual_pause(SimpleNamespace(**settings), try_number, seed=seed)


def test_the_usual_pause_is_within_airflows_own_limits():
    """TaskInstance.next_retry_datetime has the same limits, if the policy decides nothing."""
    dag = DagBag(dag_folder=Path(__file__).parents[3] / "dags" / "crypto_prices_daily.py").dags["crypto_prices_daily"]
    for task in dag.tasks:
        assert usual_pause(task, 9, seed="a") <= task.max_retry_delay
        assert usual_pause(task, 1, seed="a") >= task.retry_delay
