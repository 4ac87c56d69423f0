from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from crypto_prices.aws.redshift_data import RedshiftDataClient, RedshiftStatementError


class Redshift:
    """A Data API client whose statements have the given sequence of statuses."""

    def __init__(self, *statuses, error=None, pages=(), refuses_cancel=None):
        self.statuses, self.error, self.pages = list(statuses), error, pages
        self.refuses_cancel = refuses_cancel
        self.asked, self.cancelled = [], []

    def execute_statement(self, **arguments):
        self.asked.append(arguments)
        return {"Id": "s1"}

    batch_execute_statement = execute_statement

    def describe_statement(self, Id):
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        answer = {"Id": Id, "Status": status, "HasResultSet": bool(self.pages)}
        # Of the batch's two statements.
        answer |= {"SubStatements": [{"Id": f"{Id}:1"}, {"Id": f"{Id}:2"}]}
        return answer | ({"Error": self.error} if self.error else {})

    def cancel_statement(self, Id):
        if self.refuses_cancel:
            raise ClientError({"Error": {"Code": self.refuses_cancel, "Message": "no"}}, "CancelStatement")
        self.cancelled.append(Id)
        return {"Status": True}

    def get_paginator(self, name):
        assert name == "get_statement_result"
        return SimpleNamespace(paginate=lambda Id: self.pages if Id in ("s1", "s1:2") else ())


class Time:
    def __init__(self):
        self.now, self.slept = 0.0, []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    def clock(self):
        return self.now


def warehouse(redshift, time=None, **options):
    time = time or Time()
    target = {"workgroup": "crypto-prices", "database": "crypto", "secret_arn": "arn:secret"}
    return RedshiftDataClient(redshift, **target, sleep=time.sleep, clock=time.clock, **options)


TARGET = {"WorkgroupName": "crypto-prices", "Database": "crypto", "SecretArn": "arn:secret"}


def test_a_query_returns_the_rows_of_all_pages():
    columns = [{"name": "source"}, {"name": "rows_now"}, {"name": "loaded_at"}]
    pages = [
        {"ColumnMetadata": columns, "Records": [[{"stringValue": "a"}, {"longValue": 1}, {"isNull": True}]]},
        {"ColumnMetadata": columns, "Records": [[{"stringValue": "b"}, {"longValue": 2}, {"stringValue": "x"}]]},
    ]
    redshift = Redshift("STARTED", "FINISHED", pages=pages)
    assert warehouse(redshift).query("SELECT 1") == [
        {"source": "a", "rows_now": 1, "loaded_at": None},
        {"source": "b", "rows_now": 2, "loaded_at": "x"},
    ]
    assert redshift.asked == [TARGET | {"Sql": "SELECT 1"}]


def test_a_statement_that_is_not_a_query_has_no_rows():
    assert warehouse(Redshift("FINISHED")).query("CALL something()") == []


def test_a_batch_is_sent_as_one_list():
    redshift = Redshift("FINISHED")
    warehouse(redshift).execute_batch(["A", "B"])
    assert redshift.asked == [TARGET | {"Sqls": ["A", "B"]}]


def test_a_batch_can_return_the_rows_of_its_last_statement():
    pages = [{"ColumnMetadata": [{"name": "rows_now"}], "Records": [[{"longValue": 2}]]}]
    redshift = Redshift("FINISHED", pages=pages)
    assert warehouse(redshift).query_batch(["CREATE TEMP TABLE a (b INT)", "SELECT 2"]) == [{"rows_now": 2}]
    assert redshift.asked == [TARGET | {"Sqls": ["CREATE TEMP TABLE a (b INT)", "SELECT 2"]}]


@pytest.mark.parametrize("status", ["FAILED", "ABORTED"])
def test_a_failed_statement_raises_redshifts_reason(status):
    with pytest.raises(RedshiftStatementError, match=f"s1 {status.lower()}: relation does not exist") as raised:
        warehouse(Redshift(status, error="relation does not exist")).query("SELECT 1")
    assert (raised.value.statement_id, raised.value.reason) == ("s1", "relation does not exist")


def test_a_hanging_statement_is_cancelled_after_the_timeout():
    redshift, time = Redshift("STARTED"), Time()
    with pytest.raises(RedshiftStatementError, match="did not end within 30 s and was cancelled"):
        warehouse(redshift, time, timeout_seconds=30).query("SELECT 1")
    assert redshift.cancelled == ["s1"]
    assert 30 <= time.now < 33
    assert max(time.slept) <= 2


def test_killing_the_task_cancels_only_the_running_statement():
    redshift = Redshift("STARTED")
    one = warehouse(redshift)
    one.cancel()
    assert redshift.cancelled == []
    one._sleep = lambda seconds: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        one.query("SELECT 1")
    one.cancel()
    assert redshift.cancelled == ["s1"]


def test_a_failed_status_check_ends_the_statement():
    redshift = Redshift("STARTED")
    throttled = ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "DescribeStatement")
    redshift.describe_statement = lambda Id: (_ for _ in ()).throw(throttled)
    with pytest.raises(ClientError, match="slow down"):
        warehouse(redshift).query("SELECT 1")
    assert redshift.cancelled == ["s1"]


ENDED = "ValidationException"  # the error of CancelStatement for a statement that has ended


def test_a_statement_that_ends_just_before_it_is_cancelled_has_finished():
    redshift = Redshift("STARTED", "FINISHED", refuses_cancel=ENDED)
    warehouse(redshift, timeout_seconds=0).execute_batch(["A"])


def test_a_statement_that_fails_just_before_it_is_cancelled_gives_its_reason():
    redshift = Redshift("STARTED", "FAILED", refuses_cancel=ENDED, error="relation does not exist")
    with pytest.raises(RedshiftStatementError, match="s1 failed: relation does not exist"):
        warehouse(redshift, timeout_seconds=0).query("SELECT 1")


def test_killing_a_task_whose_statement_has_ended_is_not_an_error():
    redshift = Redshift("STARTED", refuses_cancel=ENDED)
    one = warehouse(redshift)
    one._running = "s1"
    assert one.cancel() is False


def test_any_other_error_of_a_cancel_is_raised():
    with pytest.raises(ClientError, match="AccessDeniedException"):
        warehouse(Redshift("STARTED", refuses_cancel="AccessDeniedException"), timeout_seconds=0).query("SELECT 1")
