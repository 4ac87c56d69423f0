"""The Data API's operations: parameters, results of statements, waiting writers, and restarts."""

from __future__ import annotations

import dataclasses
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from local_aws.protocol.errors import AwsError
from local_aws.protocol.signature import RequestContext
from local_aws.redshift.data_api import RedshiftDataApi
from tests.support.data_api import BUCKET, CONTEXT, ROLE, SECRET, TARGET, Client


def wait_for_status(client: Client, statement: str, status: str) -> None:
    deadline = time.monotonic() + 10
    while client.api.DescribeStatement(CONTEXT, {"Id": statement})["Status"] != status:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def held(client: Client, warehouse: Any, schema: str) -> Any:
    """A locked table. A statement on it runs until the lock is released."""
    client.ok(f"CREATE TABLE {schema}.t (x INT)", f"INSERT INTO {schema}.t VALUES (1)")
    with warehouse.connect("crypto") as connection:
        connection.execute(f"LOCK TABLE {schema}.t IN ACCESS EXCLUSIVE MODE".encode())
        yield schema, connection
        connection.rollback()


def test_the_client_of_these_tests_waits_until_a_statement_has_ended():
    """On a loaded machine, a statement can take longer than one DescribeStatement waits."""
    statuses = iter(["SUBMITTED", "STARTED", "FINISHED"])
    api = SimpleNamespace(DescribeStatement=lambda _context, _params: {"Status": next(statuses), "HasResultSet": False})
    assert Client(api).wait("st-1").status == "FINISHED"


class TestStatements:
    def test_types_and_metadata(self, client: Client, schema: str) -> None:
        client.ok(
            f"CREATE TABLE {schema}.t (b BOOLEAN, i INT NOT NULL, n BIGINT, d DECIMAL(10,2), "
            "f DOUBLE PRECISION, v VARCHAR(5), c CHAR(3), a DATE, t TIMESTAMP, z TIMESTAMPTZ)",
            f"INSERT INTO {schema}.t VALUES (TRUE, 1, 2, 3.5, 4.5, 'v', 'c', '2024-01-02', "
            "'2024-01-02 03:04:05', '2024-01-02 03:04:05+01')",
        )
        outcome = client.run(f"SELECT * FROM {schema}.t")
        (record,) = client.api.GetStatementResult(CONTEXT, {"Id": outcome.id})["Records"]
        assert record == [
            {"booleanValue": True}, {"longValue": 1}, {"longValue": 2}, {"stringValue": "3.50"}, {"doubleValue": 4.5},
            {"stringValue": "v"}, {"stringValue": "c  "}, {"stringValue": "2024-01-02"},
            {"stringValue": "2024-01-02 03:04:05"}, {"stringValue": "2024-01-02 02:04:05+00"},
        ]  # fmt: skip
        assert [column["typeName"] for column in outcome.columns] == [
            "bool", "int4", "int8", "numeric", "float8", "varchar", "bpchar", "date", "timestamp", "timestamptz",
        ]  # fmt: skip
        decimal = outcome.columns[3]
        assert (decimal["precision"], decimal["scale"], decimal["tableName"], decimal["schemaName"]) == (
            10,
            2,
            "t",
            schema,
        )
        assert (outcome.columns[1]["nullable"], outcome.columns[2]["nullable"], outcome.columns[5]["precision"]) == (
            0,
            1,
            5,
        )
        described = outcome.described
        assert (described["ResultRows"], described["HasResultSet"], described["Status"]) == (1, True, "FINISHED")
        assert described["Duration"] > 0
        assert described["RedshiftPid"] > 0
        assert described["QueryString"] == f"SELECT * FROM {schema}.t"

    def test_a_long_result_has_pages(self, client: Client, schema: str) -> None:
        client.ok(f"CREATE TABLE {schema}.t (x INT)")
        client.ok(f"INSERT INTO {schema}.t VALUES " + ", ".join(f"({number})" for number in range(2500)))
        statement = client.run(f"SELECT x FROM {schema}.t ORDER BY x").id
        first = client.api.GetStatementResult(CONTEXT, {"Id": statement})
        assert (len(first["Records"]), first["TotalNumRows"]) == (1000, 2500)
        assert [row[0] for row in client.wait(statement).rows] == list(range(2500))
        with pytest.raises(AwsError, match="Invalid NextToken"):
            client.api.GetStatementResult(CONTEXT, {"Id": statement, "NextToken": "nonsense"})

    def test_rows_changed_and_no_result(self, client: Client, schema: str) -> None:
        client.ok(f"CREATE TABLE {schema}.t (x INT)")
        outcome = client.run(f"INSERT INTO {schema}.t VALUES (1), (2)")
        assert (outcome.described["ResultRows"], outcome.described["HasResultSet"]) == (2, False)
        with pytest.raises(AwsError) as caught:
            client.api.GetStatementResult(CONTEXT, {"Id": outcome.id})
        assert (caught.value.code, caught.value.members) == ("ResourceNotFoundException", {"ResourceId": outcome.id})

    def test_an_unknown_statement(self, client: Client) -> None:
        for operation in (client.api.DescribeStatement, client.api.GetStatementResult, client.api.CancelStatement):
            with pytest.raises(AwsError) as caught:
                operation(CONTEXT, {"Id": "00000000-0000-0000-0000-000000000000"})
            assert caught.value.code == "ResourceNotFoundException"

    def test_a_client_token_runs_a_statement_once(self, client: Client, schema: str) -> None:
        client.ok(f"CREATE TABLE {schema}.t (x INT)")
        text = f"INSERT INTO {schema}.t VALUES (1)"
        first = client.start(text, ClientToken=f"{schema}-token")
        assert client.start(text, ClientToken=f"{schema}-token") == first
        client.wait(first)
        assert client.start(text, ClientToken=f"{schema}-token") == first
        assert client.rows(f"SELECT COUNT(*) FROM {schema}.t") == [[1]]
        with pytest.raises(AwsError, match="ClientToken"):
            client.start("SELECT 1", ClientToken=f"{schema}-token")

    def test_list_statements(self, client: Client, schema: str) -> None:
        good = client.run("SELECT 1", StatementName=f"{schema}-a").id
        bad = client.batch("SELECT 1 / 0", StatementName=f"{schema}-b").id
        every = {"StatementName": schema, "Status": "ALL"}
        listed = client.api.ListStatements(CONTEXT, every)["Statements"]
        assert [(item["Id"], item["IsBatchStatement"]) for item in listed] == [(bad, True), (good, False)]
        page = client.api.ListStatements(CONTEXT, {**every, "MaxResults": 1})
        assert [item["Id"] for item in page["Statements"]] == [bad]
        rest = client.api.ListStatements(CONTEXT, {**every, "NextToken": page["NextToken"]})
        assert [item["Id"] for item in rest["Statements"]] == [good]
        finished = client.api.ListStatements(CONTEXT, {"StatementName": schema})["Statements"]
        assert [item["Id"] for item in finished] == [good]  # the documented default
        failed = client.api.ListStatements(CONTEXT, {"StatementName": schema, "Status": "FAILED"})["Statements"]
        assert [item["Id"] for item in failed] == [bad]

    def test_list_statements_takes_a_workgroups_name_or_arn(
        self, make_api: Callable[..., RedshiftDataApi], tmp_path: Path
    ) -> None:
        arns = {"crypto-prices": "arn:one", "arn:one": "arn:one"}
        api = make_api(tmp_path / "s.sqlite", workgroup_arn=arns.get)
        target = {"Database": "crypto", "WorkgroupName": "crypto-prices", "WaitTimeSeconds": 30}
        try:
            done = api.ExecuteStatement(CONTEXT, {"Sql": "SELECT 1", **target})["Id"]
            for workgroup, found in (("crypto-prices", [done]), ("arn:one", [done]), ("other", [])):
                listed = api.ListStatements(CONTEXT, {"WorkgroupName": workgroup})["Statements"]
                assert [item["Id"] for item in listed] == found
        finally:
            api.close()

    def test_list_statements_shows_the_statements_of_the_callers_role(
        self, make_api: Callable[..., RedshiftDataApi], tmp_path: Path
    ) -> None:
        api = make_api(tmp_path / "s.sqlite", userid_of=lambda context: context.access_key_id)
        mine, other, stranger = (dataclasses.replace(CONTEXT, access_key_id=k) for k in ("r1:a", "r1:b", "r2:a"))
        target = {"Database": "crypto", "WorkgroupName": "crypto-prices", "WaitTimeSeconds": 30}
        done = api.ExecuteStatement(mine, {"Sql": "SELECT 1", **target})["Id"]

        def listed(caller: RequestContext, **more: bool) -> list[str]:
            return [item["Id"] for item in api.ListStatements(caller, more)["Statements"]]

        try:
            assert listed(mine) == listed(other) == listed(mine, RoleLevel=False) == [done]
            assert listed(other, RoleLevel=False) == listed(stranger) == []
            assert (api.owner_of(done), api.owner_of("unknown")) == ("r1:a", None)
        finally:
            api.close()


class TestParameters:
    def run(self, client: Client, text: str, **values: str) -> list[list[Any]]:
        return client.rows(text, Parameters=[{"name": name, "value": value} for name, value in values.items()])

    def test_values_are_bound_not_interpolated(self, client: Client) -> None:
        evil = "x'; DROP TABLE q; -- :b"
        assert self.run(client, "SELECT :a::VARCHAR(99), 'it'':a', :b::INT + 1 -- :c", a=evil, b="41") == [
            [evil, "it':a", 42]
        ]

    def test_a_name_may_be_used_twice_and_in_a_batch(self, client: Client, schema: str) -> None:
        client.ok(f"CREATE TABLE {schema}.t (x INT, y VARCHAR(9))")
        outcome = client.batch(
            f"INSERT INTO {schema}.t VALUES (:x, :y)",
            f"UPDATE {schema}.t SET x = :x + 1 WHERE y = :y AND x = :x",
            Parameters=[{"name": "x", "value": "7"}, {"name": "y", "value": "a%s$1"}],
        )
        assert outcome.error is None
        assert client.rows(f"SELECT x, y FROM {schema}.t") == [[8, "a%s$1"]]

    @pytest.mark.parametrize(
        ("text", "parameters", "reason"),
        [
            ("SELECT 1", [("a", "1")], "unused"),
            ("SELECT ':a' -- :a", [("a", "1")], "unused"),
            ("SELECT :a, :b", [("a", "1")], "Missing"),
            ("SELECT :a", [("a", "")], "empty"),
            ("SELECT :a", [("a", "1"), ("A", "2")], "different names"),
        ],
    )
    def test_wrong_parameters_are_refused(
        self, client: Client, text: str, parameters: list[tuple[str, str]], reason: str
    ) -> None:
        with pytest.raises(AwsError, match=reason) as caught:
            client.start(text, Parameters=[{"name": name, "value": value} for name, value in parameters])
        assert caught.value.code == "ValidationException"

    def test_a_parameter_without_any_values_fails(self, client: Client) -> None:
        assert client.run("SELECT :a").status == "FAILED"

    def test_a_name_in_a_from_clause_is_not_a_parameter(self, client: Client) -> None:
        outcome = client.run("SELECT * FROM :t", Parameters=[{"name": "t", "value": "x"}])
        assert outcome.status == "FAILED"


class TestBatches:
    def test_it_is_one_transaction(self, client: Client, schema: str) -> None:
        client.ok(f"CREATE TABLE {schema}.t (x INT)")
        outcome = client.batch(
            f"INSERT INTO {schema}.t VALUES (1)",
            f"SELECT COUNT(*) FROM {schema}.t",
            "SELECT 1 / 0",
            f"DROP TABLE {schema}.t",
        )
        assert outcome.status == "FAILED"
        assert outcome.error == "Query #3 failed with ERROR: division by zero"
        statements = outcome.described["SubStatements"]
        assert [sub["Id"] for sub in statements] == [f"{outcome.id}:{number}" for number in (1, 2, 3, 4)]
        assert [sub["Status"] for sub in statements] == ["FINISHED", "FINISHED", "FAILED", "ABORTED"]
        assert statements[2]["Error"] == "ERROR: division by zero"
        assert client.rows(f"SELECT COUNT(*) FROM {schema}.t") == [[0]]

    def test_each_statement_has_its_result(self, client: Client) -> None:
        outcome = client.batch("SELECT 1 AS a", "SELECT 2 AS b")
        assert (outcome.described["HasResultSet"], outcome.described["ExecutionMode"]) == (True, "TRANSACTION")
        assert client.wait(f"{outcome.id}:2").rows == [[2]]
        with pytest.raises(AwsError):
            client.api.GetStatementResult(CONTEXT, {"Id": outcome.id})

    @pytest.mark.parametrize("text", ["VACUUM {0}.t", "ANALYZE {0}.t",
                                      "REFRESH MATERIALIZED VIEW {0}.m",
                                      "ALTER TABLE {0}.t ALTER COLUMN v TYPE VARCHAR(9)"])  # fmt: skip
    def test_statements_that_must_run_alone_are_refused_in_a_batch(
        self, client: Client, schema: str, text: str
    ) -> None:
        client.ok(f"CREATE TABLE {schema}.t (v VARCHAR(3))", f"CREATE MATERIALIZED VIEW {schema}.m AS SELECT 1 AS v")
        client.ok(text.format(schema))
        error = client.batch("SELECT 1", text.format(schema)).error
        assert "cannot run inside a transaction block" in (error or "")


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"WorkgroupName": "nowhere"}, "endpoint doesn't exist"),
            ({"WorkgroupName": "slow"}, "not available"),
            ({"WorkgroupName": None}, "WorkgroupName is required"),
            ({"SecretArn": SECRET + "x"}, "can't find the specified secret"),
            ({"ClusterIdentifier": "c"}, "serverless"),
            ({"DbUser": "me"}, "DbUser"),
            ({"Database": None}, "Database"),
            ({"WithEvent": True}, "WithEvent"),
            ({"SessionKeepAliveSeconds": 60}, "sessions"),
            ({"SessionId": "x"}, "sessions"),
            ({"ResultFormat": "CSV"}, "CSV"),
            ({"Sql": "SELECT 1; SELECT 2"}, "Multiple"),
            ({"Sql": "SELECT '" + "x" * 99_992 + "'"}, "larger than 100kB"),
        ],
    )
    def test_unsupported_requests_are_refused(self, client: Client, changes: dict[str, Any], reason: str) -> None:
        params = {**TARGET, "Sql": "SELECT 1", **changes}
        with pytest.raises(AwsError, match=reason) as caught:
            client.api.ExecuteStatement(CONTEXT, {name: value for name, value in params.items() if value is not None})
        assert caught.value.code == "ValidationException"

    def test_auto_commit_batches(self, client: Client) -> None:
        with pytest.raises(AwsError, match="AUTO_COMMIT"):
            client.start_batch("SELECT 1", ExecutionMode="AUTO_COMMIT")

    def test_a_database_that_does_not_exist(self, client: Client) -> None:
        assert client.run("SELECT 1", Database="nope").error == 'FATAL: database "nope" does not exist'
        assert client.run("SELECT 1", Database="postgres").error == 'FATAL: database "postgres" does not exist'

    def test_a_wrong_password(self, make_api: Callable[..., RedshiftDataApi], tmp_path: Path) -> None:
        api = make_api(tmp_path / "s.sqlite", credentials_valid=lambda _workgroup, _user, password: password == "other")
        assert Client(api).run("SELECT 1").error == 'FATAL: password authentication failed for user "admin"'
        api.close()

    def test_a_secret_without_a_password(self, make_api: Callable[..., RedshiftDataApi], tmp_path: Path) -> None:
        api = make_api(tmp_path / "s.sqlite", secret_lookup=lambda _context, _arn: '{"username": "admin"}')
        with pytest.raises(AwsError, match="username and password"):
            Client(api).start("SELECT 1")
        api.close()


class TestCancel:
    def test_a_running_statement_is_aborted_and_rolled_back(self, client: Client, held: Any) -> None:
        schema, connection = held
        statement = client.start(f"INSERT INTO {schema}.t VALUES (2)")
        wait_for_status(client, statement, "STARTED")
        assert client.api.CancelStatement(CONTEXT, {"Id": statement}) == {"Status": True}
        assert client.wait(statement).status == "ABORTED"  # while the table is still locked
        connection.rollback()
        assert client.rows(f"SELECT COUNT(*) FROM {schema}.t") == [[1]]
        with pytest.raises(AwsError, match="already in ABORTED state"):
            client.api.CancelStatement(CONTEXT, {"Id": statement})

    def test_a_batch(self, client: Client, held: Any) -> None:
        schema, connection = held
        statement = client.start_batch("SELECT 1", f"DELETE FROM {schema}.t", "SELECT 2")
        wait_for_status(client, f"{statement}:2", "STARTED")
        with pytest.raises(AwsError, match="whole batch"):
            client.api.CancelStatement(CONTEXT, {"Id": f"{statement}:2"})
        client.api.CancelStatement(CONTEXT, {"Id": statement})
        outcome = client.wait(statement)
        connection.rollback()
        assert outcome.status == "ABORTED"
        assert [sub["Status"] for sub in outcome.described["SubStatements"]] == ["FINISHED", "ABORTED", "ABORTED"]

    def test_waiting_statements_are_listed_and_can_be_cancelled(self, client: Client, held: Any) -> None:
        schema, connection = held
        statements = [client.start(f"SELECT * FROM {schema}.t") for _ in range(10)]
        wait_for_status(client, statements[0], "STARTED")
        assert client.api.DescribeStatement(CONTEXT, {"Id": statements[-1]})["Status"] == "SUBMITTED"
        client.api.CancelStatement(CONTEXT, {"Id": statements[-1]})
        connection.rollback()
        assert client.wait(statements[-1]).status == "ABORTED"
        assert [client.wait(statement).status for statement in statements[:-1]] == ["FINISHED"] * 9


class TestLongestExecution:
    """The workgroup's max_query_execution_time."""

    @pytest.fixture
    def hasty(self, make_api: Callable[..., RedshiftDataApi], tmp_path: Path) -> Iterator[Client]:
        api = make_api(tmp_path / "s.sqlite", longest_execution=lambda _workgroup: 1.0)
        yield Client(api)
        api.close()

    def test_a_statement_is_aborted_and_rolled_back(self, client: Client, hasty: Client, held: Any) -> None:
        schema, connection = held
        outcome = hasty.batch(f"CREATE TABLE {schema}.made (n INT)", f"INSERT INTO {schema}.t VALUES (2)", "SELECT 1")
        connection.rollback()
        assert outcome.status == "FAILED"
        assert re.fullmatch(
            r"Query #2 failed with ERROR: Query \(\d+\) cancelled by WLM abort action of Query Monitoring Rule"
            r' "max_query_execution_time"\.',
            outcome.error or "",
        )
        assert [sub["Status"] for sub in outcome.described["SubStatements"]] == ["FINISHED", "FAILED", "ABORTED"]
        assert client.rows(f"SELECT COUNT(*) FROM {schema}.t") == [[1]]
        assert "does not exist" in (client.run(f"SELECT * FROM {schema}.made").error or "")
        assert hasty.rows("SELECT 1") == [[1]]

    def test_copy_is_aborted_too(self, hasty: Client, held: Any) -> None:
        schema, connection = held
        source = f"s3://{BUCKET}/nothing-yet"
        outcome = hasty.run(f"COPY {schema}.t FROM '{source}' IAM_ROLE '{ROLE}' FORMAT AS PARQUET")
        connection.rollback()
        assert "Query Monitoring Rule" in (outcome.error or "")


class TestIsolation:
    """Two concurrent batches. The first waits halfway for a row that the test has locked."""

    @pytest.fixture
    def fact(self, client: Client, schema: str) -> str:
        client.ok(
            f"CREATE TABLE {schema}.fact (k INT, v INT)",
            f"CREATE TABLE {schema}.stg (k INT, v INT)",
            f"INSERT INTO {schema}.stg VALUES (1, 1)",
            f"CREATE TABLE {schema}.gate (x INT)",
            f"INSERT INTO {schema}.gate VALUES (1)",
        )
        return schema

    def race(self, client: Client, warehouse: Any, schema: str, first: str, second: str) -> tuple[Any, Any]:
        with warehouse.connect("crypto") as gate:
            gate.execute(f"LOCK TABLE {schema}.gate IN ACCESS EXCLUSIVE MODE".encode())
            one = client.start_batch(first, f"SELECT * FROM {schema}.gate")
            wait_for_status(client, f"{one}:2", "STARTED")
            two = client.start(second)
            wait_for_status(client, two, "STARTED")
            time.sleep(0.1)  # until it has its snapshot and waits for the table
            gate.rollback()
        return client.wait(one), client.wait(two)

    def merge(self, schema: str) -> str:
        return (
            f"MERGE INTO {schema}.fact USING {schema}.stg ON fact.k = stg.k WHEN MATCHED THEN UPDATE SET v = stg.v "
            "WHEN NOT MATCHED THEN INSERT (k, v) VALUES (stg.k, stg.v)"
        )

    def test_the_second_merge_of_the_same_new_key_is_aborted(self, client: Client, warehouse: Any, fact: str) -> None:
        one, two = self.race(client, warehouse, fact, self.merge(fact), self.merge(fact))
        assert (one.status, two.status) == ("FINISHED", "FAILED")
        assert two.error == "ERROR: 1023 DETAIL: Serializable isolation violation on table - fact"
        assert client.rows(f"SELECT k, v FROM {fact}.fact") == [[1, 1]]

    def test_an_update_after_a_concurrent_insert_is_aborted(self, client: Client, warehouse: Any, fact: str) -> None:
        one, two = self.race(
            client, warehouse, fact, f"INSERT INTO {fact}.fact VALUES (5, 5)", f"UPDATE {fact}.fact SET v = 0"
        )
        assert (one.status, two.status) == ("FINISHED", "FAILED")
        assert "1023" in (two.error or "")

    def test_a_batch_sees_one_snapshot(self, client: Client, warehouse: Any, fact: str) -> None:
        count = f"SELECT COUNT(*) FROM {fact}.fact"
        with warehouse.connect("crypto") as gate:
            gate.execute(f"LOCK TABLE {fact}.gate IN ACCESS EXCLUSIVE MODE".encode())
            one = client.start_batch(count, f"SELECT * FROM {fact}.gate", count)
            wait_for_status(client, f"{one}:2", "STARTED")
            client.ok(f"INSERT INTO {fact}.fact VALUES (5, 5)")
            gate.rollback()
        client.wait(one)
        assert (client.wait(f"{one}:1").rows, client.wait(f"{one}:3").rows) == ([[0]], [[0]])

    def test_concurrent_inserts_wait_and_succeed(self, client: Client, warehouse: Any, fact: str) -> None:
        insert = f"INSERT INTO {fact}.fact VALUES (5, 5)"
        one, two = self.race(client, warehouse, fact, insert, insert)
        assert (one.status, two.status) == ("FINISHED", "FINISHED")
        assert client.rows(f"SELECT COUNT(*) FROM {fact}.fact") == [[2]]

    def test_a_batch_that_begins_with_lock_waits_and_sees_the_first_commit(
        self, client: Client, warehouse: Any, fact: str
    ) -> None:
        lock, merge = f"LOCK {fact}.turn", self.merge(fact)
        client.ok(f"CREATE TABLE {fact}.turn (x INT)")
        with warehouse.connect("crypto") as gate:
            gate.execute(f"LOCK TABLE {fact}.gate IN ACCESS EXCLUSIVE MODE".encode())
            one = client.start_batch(lock, merge, f"SELECT * FROM {fact}.gate")
            wait_for_status(client, f"{one}:3", "STARTED")
            two = client.start_batch(lock, merge, f"SELECT COUNT(*) FROM {fact}.fact")
            wait_for_status(client, f"{two}:1", "STARTED")
            time.sleep(0.1)  # until it waits for the lock
            gate.rollback()
        assert (client.wait(one).status, client.wait(two).status) == ("FINISHED", "FINISHED")
        assert client.wait(f"{two}:3").rows == [[1]]

    def test_a_writer_after_a_rollback_succeeds(self, client: Client, warehouse: Any, fact: str) -> None:
        with warehouse.connect("crypto") as gate:
            gate.execute(f"LOCK TABLE {fact}.gate IN ACCESS EXCLUSIVE MODE".encode())
            one = client.start_batch(self.merge(fact), f"SELECT 1 / x / 0 FROM {fact}.gate")
            wait_for_status(client, f"{one}:2", "STARTED")
            two = client.start(self.merge(fact))
            wait_for_status(client, two, "STARTED")
            gate.rollback()
        assert (client.wait(one).status, client.wait(two).status) == ("FAILED", "FINISHED")


class TestRestart:
    def test_results_and_history_survive(self, make_api: Callable[..., RedshiftDataApi], tmp_path: Path) -> None:
        api = make_api(tmp_path / "s.sqlite")
        statement = Client(api).run("SELECT 'kept'").id
        api.close()
        api = make_api(tmp_path / "s.sqlite")
        assert Client(api).wait(statement).rows == [["kept"]]
        assert [item["Id"] for item in api.ListStatements(CONTEXT, {})["Statements"]] == [statement]
        api.close()

    def test_statements_are_deleted_after_24_hours(
        self, make_api: Callable[..., RedshiftDataApi], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        api = make_api(tmp_path / "s.sqlite")
        statement = Client(api).run("SELECT 1").id
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 24 * 3600 + 1)
        with pytest.raises(AwsError, match="does not exist"):
            api.DescribeStatement(CONTEXT, {"Id": statement})
        api.close()

    def test_after_a_kill_only_committed_statements_have_finished(
        self, make_api: Callable[..., RedshiftDataApi], client: Client, warehouse: Any, tmp_path: Path, schema: str
    ) -> None:
        client.ok(f"CREATE TABLE {schema}.t (x INT)")
        api = make_api(tmp_path / "s.sqlite")
        other = Client(api)
        committed = other.batch(f"INSERT INTO {schema}.t VALUES (1)", "SELECT 1").id
        lost = other.batch("SELECT 1", "SELECT 1 / 0").id
        # The state of the store after a kill between the commit and its record.
        for statement in (committed, lost):
            record = api._store.get(statement)
            assert record is not None
            record.status, record.error = "STARTED", None
            api._store.save(record)
        api.close()
        api = make_api(tmp_path / "s.sqlite")
        other = Client(api)
        assert other.wait(committed).status == "FINISHED"
        outcome = other.wait(lost)
        assert outcome.status == "FAILED"
        assert "local AWS was stopped" in (outcome.error or "")
        api.close()

    def test_closing_aborts_running_statements(
        self, make_api: Callable[..., RedshiftDataApi], held: Any, tmp_path: Path
    ) -> None:
        schema, _connection = held
        api = make_api(tmp_path / "s.sqlite")
        statement = Client(api).start(f"INSERT INTO {schema}.t VALUES (9)")
        wait_for_status(Client(api), statement, "STARTED")
        closing = threading.Thread(target=api.close)
        closing.start()
        closing.join(10)
        assert not closing.is_alive()
        api = make_api(tmp_path / "s.sqlite")
        assert api.DescribeStatement(CONTEXT, {"Id": statement})["Status"] == "ABORTED"
        api.close()


class TestCatalog:
    def test_lists(self, client: Client, schema: str) -> None:
        client.ok(
            f"CREATE TABLE {schema}.t (x INT NOT NULL, v VARCHAR(7))",
            f"CREATE VIEW {schema}.v AS SELECT x FROM {schema}.t",
        )
        api = client.api
        assert api.ListDatabases(CONTEXT, TARGET) == {"Databases": ["crypto"]}
        schemas = api.ListSchemas(CONTEXT, {**TARGET, "SchemaPattern": "test%"})["Schemas"]
        assert schema in schemas
        assert "redshift" not in api.ListSchemas(CONTEXT, TARGET)["Schemas"]
        tables = api.ListTables(CONTEXT, {**TARGET, "SchemaPattern": schema})["Tables"]
        assert tables == [
            {"name": "t", "type": "TABLE", "schema": schema},
            {"name": "v", "type": "VIEW", "schema": schema},
        ]
        page = api.ListTables(CONTEXT, {**TARGET, "SchemaPattern": schema, "MaxResults": 1})
        assert [table["name"] for table in page["Tables"]] == ["t"]
        columns = api.DescribeTable(CONTEXT, {**TARGET, "Schema": schema, "Table": "t"})["ColumnList"]
        assert [(c["name"], c["typeName"], c["nullable"], c["precision"]) for c in columns] == [
            ("x", "int4", 0, 10), ("v", "varchar", 1, 7)
        ]  # fmt: skip
        assert api.DescribeTable(CONTEXT, {**TARGET, "Schema": schema, "Table": "nope"})["ColumnList"] == []


class TestOverTheWire:
    """Through botocore's shapes: the wire format, boto3, and the Amazon provider's hook."""

    @pytest.fixture
    def endpoint(self, api: RedshiftDataApi) -> Any:
        from wsgiref.simple_server import WSGIRequestHandler, make_server

        from local_aws.protocol.service import WireService

        class Quiet(WSGIRequestHandler):
            def log_message(self, *_arguments: Any) -> None:
                pass

        server = make_server("127.0.0.1", 0, WireService("redshift-data", api), handler_class=Quiet)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
        server.server_close()

    @pytest.fixture
    def boto(self, endpoint: str, s3: Any) -> Any:
        return boto3.client("redshift-data", region_name="us-east-1", endpoint_url=endpoint)

    def test_boto3(self, boto: Any) -> None:
        started = boto.execute_statement(
            Sql="SELECT :a::INT AS a, NULL AS b", Parameters=[{"name": "a", "value": "5"}], WaitTimeSeconds=10, **TARGET
        )
        assert (started["Status"], started["HasResultSet"], started["DbUser"]) == ("FINISHED", True, "admin")
        assert boto.get_statement_result(Id=started["Id"])["Records"] == [[{"longValue": 5}, {"isNull": True}]]
        with pytest.raises(boto.exceptions.ResourceNotFoundException) as caught:
            boto.describe_statement(Id="00000000-0000-0000-0000-000000000000")
        assert caught.value.response["ResourceId"] == "00000000-0000-0000-0000-000000000000"
        with pytest.raises(boto.exceptions.ValidationException):
            boto.execute_statement(Sql="SELECT 1", **{**TARGET, "WorkgroupName": "nowhere"})

    def test_the_providers_hook(self, boto: Any) -> None:
        pytest.importorskip("airflow.providers.amazon.aws.hooks.redshift_data")
        from airflow.providers.amazon.aws.hooks.redshift_data import RedshiftDataHook, RedshiftDataQueryFailedError

        hook = RedshiftDataHook(aws_conn_id=None, region_name="us-east-1")
        hook.__dict__["conn"] = boto
        target = {"database": "crypto", "workgroup_name": "crypto-prices", "secret_arn": SECRET, "poll_interval": 1}
        output = hook.execute_query(sql=["SELECT 1 AS a", "SELECT 2 AS b"], **target)
        assert hook.check_query_is_finished(output.statement_id) is True
        with pytest.raises(RedshiftDataQueryFailedError, match="division by zero"):
            hook.execute_query(sql="SELECT 1 / 0", **target)
