import json
import math
import pprint
import textwrap
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.common.compat.sdk import AirflowException
from airflow.sdk.definitions.retry_policy import RetryAction
from crypto_prices.fetch.errors import FatalSourceError, RetryableSourceError
from crypto_prices.publish.publish_partitions import LONGEST_CALL
from crypto_prices.reconcile.catalog_versions import CatalogDiffersError
from crypto_prices.task_retry_policy import LONGEST_PAUSE, TaskRetryPolicy
from crypto_prices_contract.error_codes import ERROR_CODES


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


def shapes(message):
    """Yield a message of Glue or Redshift in the forms that the provider, Airflow and users get."""
    description = {"Id": "7", "Status": "FAILED", "Error": message, "SubStatements": [{"Error": message}]}
    for width in (20, 40, 80, 120):
        yield pprint.pformat(description, width=width)
    yield message
    yield repr(message)
    yield json.dumps(description)
    yield f"Statement 7 failed: {message}"
    yield f"Error in glue job: { ({'status': 'error', 'message': f'AWS Glue job failed: {message}'}) }"
    yield textwrap.fill(message, 30)
    yield f"Error:\n\t{message}\n"


@pytest.mark.parametrize("quote", ["", "'", '"', 'it\'s "so"', "100 %", "a\nline", "\\\\", "é"])
@pytest.mark.parametrize("code", ERROR_CODES)
def test_an_error_with_a_code_is_not_retried_in_any_format(code, quote):
    for before in ("", "ERROR: ", "Traceback:\n", "Error:\n\t", "Query #3 failed with ERROR: ", "RejectedError: "):
        for shape in shapes(f"{before}{code} batch b {quote} would delete 3 candles " + "and more " * 20):
            decision = decide(AirflowException(shape))
            assert decision.action is RetryAction.FAIL, shape
            assert decision.reason.startswith(code)


@pytest.mark.parametrize("text", ["CP-99 no such code", "XCP-01", "CP-012", "CP 01", "job-CP-01"])
def test_a_text_that_only_resembles_a_code_is_retried(text):
    assert decide(AirflowException(text)).action is RetryAction.DEFAULT


@pytest.mark.parametrize("error", [AirflowException("Error in glue job"), FatalSourceError("no", "stop"), OSError()])
def test_other_errors_follow_the_tasks_own_retries(error):
    assert decide(error).action is RetryAction.DEFAULT


def test_it_survives_dag_serialization():
    assert isinstance(TaskRetryPolicy.deserialize(TaskRetryPolicy().serialize()), TaskRetryPolicy)
