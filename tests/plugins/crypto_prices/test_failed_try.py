"""The last lines of a failed task's log."""

import logging
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException
from crypto_prices import failed_try
from crypto_prices.aws.redshift_data import RedshiftStatementError
from crypto_prices.curate.curate_prices import GlueRunError
from crypto_prices.failed_try import log_failure, log_retry, what_is_wrong, what_to_do, where
from crypto_prices.fetch.errors import FatalSourceError, RetryableSourceError
from crypto_prices.reconcile.require_sources import SourcesMissingError
from crypto_prices.settings import DEFAULT_RUNBOOK_URL, SettingsError
from crypto_prices_contract.error_codes import ERROR_CODES

from tests.support.markdown import REPOSITORY, Document
from tests.support.settings_document import GOOD

WITHDRAWN = RedshiftStatementError("7", "FAILED", "ERROR: \n ---\n error: CP-07 the batch would delete 5 candles\n ---")
BASE = "https://git.example.com/data/blob/main/docs/how-to/troubleshoot.md"


@pytest.fixture(scope="module")
def dags():
    return DagBag(dag_folder=Path(__file__).parents[3] / "dags").dags


def context_of(error, *, task_id="merge_into_fact", map_index=-1, params=None, logical_date=None, **instance):
    ti = SimpleNamespace(
        **{"dag_id": "crypto_prices_daily", "task_id": task_id, "run_id": "scheduled__2024-01-05", "try_number": 4}
        | {"map_index": map_index, "max_tries": 3}
        | instance
    )
    return {
        "ti": ti,
        "exception": error,
        "params": {"day": None} if params is None else params,
        "dag_run": SimpleNamespace(logical_date=logical_date),
    }


@pytest.fixture
def lines(caplog, use_settings):
    """Return a function that calls a callback and returns the lines of the log."""
    use_settings(GOOD | {"runbook_url": BASE})
    caplog.set_level(logging.INFO, failed_try.__name__)

    def call(callback, context):
        caplog.clear()
        callback(context)
        return [record.getMessage() for record in caplog.records]

    return call


def test_the_log_ends_with_what_where_and_what_to_do_outside_the_collapsed_group(lines):
    found = lines(log_failure, context_of(WITHDRAWN, logical_date=datetime(2024, 1, 5, tzinfo=UTC)))
    assert found == [
        "::endgroup::",
        "What: CP-07 The load would delete candles. Redshift statement 7 failed: ERROR: --- error: CP-07 the batch "
        "would delete 5 candles ---",
        "Where: task merge_into_fact of crypto_prices_daily, day 2024-01-05, run scheduled__2024-01-05, try 4",
        "What to do: check with the exchange, then clear the whole run, or use force if the deletion is correct. See "
        "https://git.example.com/data/blob/main/docs/reference/error-codes.md#cp-07",
    ]


def test_nothing_is_logged_between_the_lines(lines, monkeypatch):
    """Reading a secret makes botocore log where it found its credentials."""

    def read(_ti):
        logging.getLogger(failed_try.__name__).info("Found credentials")
        raise SettingsError("missing")

    monkeypatch.setattr(failed_try, "settings_of_try", read)
    found = lines(log_failure, context_of(AirflowException("no")))
    assert [line.partition(" ")[0] for line in found] == ["Found", "::endgroup::", "What:", "Where:", "What"]


def test_without_settings_the_link_is_the_path_in_the_repository(caplog, monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_CRYPTO_PRICES_SETTINGS", "{}")
    log_failure(context_of(AirflowException("no"), task_id="resolve_window"))
    assert caplog.records[-1].getMessage() == (
        "What to do: find the message in docs/how-to/troubleshoot.md#resolve_window"
    )


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (AirflowFailException("the window has not ended"), "the window has not ended"),
        (AirflowFailException("one\n\ttwo"), "one two"),
        (RetryableSourceError("busy", "Wait", "https://x/y"), "busy (GET https://x/y). Wait"),
        (KeyError("gone"), "KeyError: 'gone'"),
        (TimeoutError(), "TimeoutError"),
        ("the process was killed", "the process was killed"),
        (None, "the task ended without an error message"),
        (SourcesMissingError("binance: CP-11 24 of 24. The other sources are loaded", "CP-11"),
         f"CP-11 {ERROR_CODES['CP-11']} binance: CP-11 24 of 24. The other sources are loaded"),
        (AirflowException("x" * 2000 + " s3://quarantine"), "x" * 2000 + " s3://quarantine"),
        (AirflowException("x" * 9000), "x" * 3000 + "…"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(error, what):
    assert what_is_wrong(error) == what


@pytest.mark.parametrize(
    ("context", "place"),
    [
        ({"params": {"start": "2024-01-01", "end": "2024-02-01"}}, "days [2024-01-01, 2024-02-01), "),
        ({"params": {"start": None, "end": None, "days": 35}}, ""),
        ({"params": {"day": "2024-01-07"}, "logical_date": datetime(2024, 1, 5, tzinfo=UTC)}, "day 2024-01-07, "),
        ({"params": {"day": None}}, ""),
    ],
)
def test_the_place_has_the_days_of_the_run(context, place):
    assert where(context_of(None, **context)) == (
        f"task merge_into_fact of crypto_prices_daily, {place}run scheduled__2024-01-05, try 4"
    )


def test_the_place_of_a_mapped_task_has_its_index():
    assert where(context_of(None, task_id="fetch_prices", map_index=2)).startswith("task fetch_prices [2] of ")


def refused(cause):
    try:
        raise AirflowFailException(str(cause)) from cause
    except AirflowFailException as error:
        return error


def test_the_remedy_is_the_advice_of_the_source_even_if_the_task_raises_another_error():
    error = refused(FatalSourceError("symbol X does not exist", "Correct symbols in the settings."))
    expected = "Correct symbols in the settings. See docs/how-to/troubleshoot.md#fetch_prices"
    assert what_to_do(error, "fetch_prices", DEFAULT_RUNBOOK_URL) == expected


@pytest.mark.parametrize("code", ERROR_CODES)
def test_the_link_of_each_code_leads_to_its_section(code):
    for error in (GlueRunError("jr_1", f"RefusedSourcesError: {code} x"), SourcesMissingError("x", code)):
        page, anchor = what_to_do(error, "curate_prices", DEFAULT_RUNBOOK_URL).split(" See ")[1].split("#")
        assert anchor in Document(REPOSITORY / page).anchors


def test_the_runbook_has_a_section_for_each_task(dags):
    tasks = {task_id for dag in dags.values() for task_id in dag.task_ids}
    assert tasks
    assert tasks - Document(REPOSITORY / DEFAULT_RUNBOOK_URL).anchors == set()


def test_each_task_logs_its_failures_and_retries(dags):
    for dag in dags.values():
        for task in dag.tasks:
            given = task.partial_kwargs if task.is_mapped else vars(task)
            callbacks = [given[kind] for kind in ("on_failure_callback", "on_retry_callback")]
            assert [list(each) if isinstance(each, tuple | list) else [each] for each in callbacks] == [
                [log_failure],
                [log_retry],
            ], task.task_id


def test_a_retry_logs_its_reason_and_pause_outside_the_collapsed_group(lines, dags):
    task = dags["crypto_prices_daily"].get_task("merge_into_fact")
    found = lines(log_retry, context_of(AirflowException("1023 isolation"), try_number=1, task=task))
    assert found[0] == "::endgroup::"
    assert found[1].startswith("Waiting for another try: try 1 of 4 failed (1023 isolation), the next try is in 0:")
    assert len(found) == 2


def test_the_pause_is_the_one_that_the_retry_policy_chose(lines, dags):
    error = RetryableSourceError("busy", "wait", retry_after_seconds=600)
    (_, line) = lines(log_retry, context_of(error, try_number=1))
    assert line.endswith("the source requests a wait of 600 s, the next try is in 0:10:01")


def test_a_killed_worker_has_no_reason_of_its_own(lines):
    assert lines(log_retry, context_of("killed")) == []
