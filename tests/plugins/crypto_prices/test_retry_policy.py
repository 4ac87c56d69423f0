import math
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.common.compat.sdk import AirflowException
from airflow.sdk.definitions.retry_policy import RetryAction
from crypto_prices.fetch.errors import FatalSourceError, RetryableSourceError
from crypto_prices.retry_policy import LONGEST_PAUSE, StepRetryPolicy


def decide(error):
    return StepRetryPolicy().evaluate(error, try_number=1, max_tries=3, context=None)


def busy(retry_after_seconds):
    return RetryableSourceError("busy", "wait", retry_after_seconds=retry_after_seconds)


def test_a_source_is_not_asked_again_before_it_said():
    decision = decide(busy(600))
    assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, timedelta(seconds=601))
    assert decision.reason == "the source asks to wait 600 s, the next try is in 0:10:01"


@pytest.mark.parametrize("seconds", [1801.0, 1e6, 1e300, math.inf])
def test_a_ban_that_lasts_does_not_keep_the_other_sources_waiting(seconds):
    """A Retry-After can be any number of digits."""
    decision = decide(busy(seconds))
    assert decision.action is RetryAction.FAIL
    assert f"longer than {LONGEST_PAUSE}: the other sources are not kept waiting" in decision.reason


def test_the_longest_pause_of_every_try_ends_before_the_run_does():
    dag = DagBag(dag_folder=Path(__file__).parents[3] / "dags" / "crypto_prices_daily.py").dags["crypto_prices_daily"]
    assert (1 + dag.get_task("fetch_prices").retries) * LONGEST_PAUSE < dag.dagrun_timeout
    assert decide(busy(1800)).action is RetryAction.RETRY


@pytest.mark.parametrize("seconds", [None, 0, 29])
def test_a_short_wait_is_left_to_the_tasks_own_pauses(seconds):
    assert decide(busy(seconds)).action is RetryAction.DEFAULT


def test_what_would_be_rejected_again_is_not_repeated():
    event = {"status": "error", "message": "AWS Glue job failed: RejectedShareError: 3 of 24 records were rejected"}
    decision = decide(AirflowException(f"Error in glue job: {event}"))
    assert decision.action is RetryAction.FAIL
    assert "the same raw records" in decision.reason


def test_what_the_warehouse_refuses_is_not_repeated():
    said = "ERROR: staging table crypto.stg_1 holds 23 rows, the curation report says 24: refusing to load it"
    decision = decide(AirflowException(f"Statement 1 failed: {said}"))
    assert decision.action is RetryAction.FAIL
    assert "the same load" in decision.reason


@pytest.mark.parametrize("error", [AirflowException("Error in glue job"), FatalSourceError("no", "stop"), OSError()])
def test_everything_else_follows_the_tasks_own_retries(error):
    assert decide(error).action is RetryAction.DEFAULT


def test_it_goes_through_the_serialised_dag():
    assert isinstance(StepRetryPolicy.deserialize(StepRetryPolicy().serialize()), StepRetryPolicy)
