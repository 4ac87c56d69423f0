from local_platform import task_failure
from local_platform.airflow_services.task_log import log_text


def test_lines_have_time_level_event_and_extra_fields():
    message = {
        "timestamp": "2024-01-02T03:04:05.678901Z",
        "level": "info",
        "event": "Processed",
        "rows": 192,
        "logger": "task",
        "task_id": "copy_to_staging",
        "ti_id": "01a2",
    }
    assert log_text([message, "as it is"]) == "2024-01-02T03:04:05 INFO Processed rows=192\nas it is"


def test_the_raised_exception_comes_last_and_is_the_reason():
    details = [
        {"exc_type": "AirflowException", "exc_value": "no market X", "frames": []},
        {"exc_type": "KeyError", "exc_value": "'X'", "frames": [{"filename": "a.py", "lineno": 3, "name": "find"}]},
    ]
    text = log_text([{"event": "Task failed with exception", "level": "error", "error_detail": details}])
    assert text.splitlines() == [
        "ERROR Task failed with exception",
        '  File "a.py", line 3, in find',
        "KeyError: 'X'",
        "AirflowException: no market X",
    ]
    assert task_failure.reason(text) == "no market X"
