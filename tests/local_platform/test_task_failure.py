from crypto_prices.aws.redshift_data import RedshiftStatementError

from local_platform.task_failure import log_of_task, reason, tail

LOG = """\
2026-11-23T09:00:00Z [info     ] [DAG TEST] starting task_id=resolve_window map_index=-1 [dag]
2026-11-23T09:00:00Z [info     ] first
2026-11-23T09:00:01Z [info     ] [DAG TEST] starting task_id=fetch_prices map_index=0 [dag]
2026-11-23T09:00:01Z [error    ] Task failed with exception
Traceback (most recent call last):
  File "binance.py", line 1, in fetch
crypto_prices.fetch.errors.FatalSourceError: Invalid symbol. (GET https://x)

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
airflow.sdk.exceptions.AirflowFailException: binance: BTCXXX: Invalid symbol. (GET https://x). Correct the settings
2026-11-23T09:00:02Z [info     ] [DAG TEST] starting task_id=fetch_prices map_index=1 [dag]
2026-11-23T09:00:02Z [info     ] second
"""


def test_the_log_of_one_task_is_extracted():
    assert "first" in log_of_task(LOG, "resolve_window", -1)
    assert "Traceback" not in log_of_task(LOG, "resolve_window", -1)
    assert log_of_task(LOG, "fetch_prices", 1).endswith("second\n")
    assert log_of_task(LOG, "merge_into_fact", -1) == ""


def test_lines_after_the_end_of_the_task_are_left_out():
    ended = LOG + "2026 [info] [DAG TEST] end task task_id=fetch_prices map_index=1\n2026 [warning] No tasks to run\n"
    assert log_of_task(ended, "fetch_prices", 1).endswith("second\n")


def test_only_the_last_try_is_extracted():
    assert log_of_task(LOG + LOG.replace("first", "again"), "resolve_window", -1).count("again") == 1
    assert "first" not in log_of_task(LOG + LOG.replace("first", "again"), "resolve_window", -1)


def test_the_reason_is_the_last_exceptions_message():
    task_log = log_of_task(LOG, "fetch_prices", 0)
    assert reason(task_log) == "binance: BTCXXX: Invalid symbol. (GET https://x). Correct the settings"
    assert "no exception" in reason("all quiet")


def test_the_tail_is_the_last_lines():
    assert tail("\n".join(map(str, range(100))), lines=2) == "98\n99"


def test_redshifts_error_is_the_reason_of_a_failed_statement():
    error = 'Query #3 failed with ERROR: CP-06 batch b would add 24 candles (last 2023-12-18): it\'s "it".'
    failure = RedshiftStatementError("7", "FAILED", error)
    kind = f"{type(failure).__module__}.{type(failure).__name__}"
    assert reason(f"Traceback (most recent call last):\n{kind}: {failure}\n") == f"Redshift statement 7 failed: {error}"
