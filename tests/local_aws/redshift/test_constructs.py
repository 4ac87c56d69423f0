"""Constructs that Redshift documents: supported ones return the documented result, and the others are refused.

Each row names its page of https://docs.aws.amazon.com/redshift/latest/dg/.
"""

# ruff: noqa: E501 - the tables below hold one statement a line

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

import pytest

from tests.support.data_api import Client


@pytest.fixture(scope="module")
def winsales(client: Client) -> Iterator[None]:
    """The table of the documentation's window function examples, and tables of the TICKIT database."""
    client.ok(
        "CREATE SCHEMA w",
        "CREATE TABLE w.winsales (salesid INT, sellerid INT, buyerid VARCHAR(10), qty INT, qty_shipped INT, flag BOOLEAN)",
        """INSERT INTO w.winsales VALUES
            (30001, 3, 'b', 10, NULL, TRUE), (10001, 1, 'c', 10, 10, TRUE), (10005, 1, 'a', 30, NULL, FALSE),
            (40001, 4, 'a', 40, NULL, FALSE), (10006, 1, 'c', 10, NULL, TRUE), (20001, 2, 'b', 20, 20, TRUE),
            (40005, 4, 'a', 10, 10, TRUE), (20002, 2, 'c', 20, 20, NULL), (30003, 3, 'b', 15, NULL, NULL),
            (30004, 3, 'b', 20, NULL, NULL), (30007, 3, 'c', 30, NULL, NULL)""",
        "CREATE TABLE w.event (eventid INT, eventname VARCHAR(20), catid INT)",
        "CREATE TABLE w.category (catid INT, catname VARCHAR(20))",
        "CREATE TABLE w.listing (listid INT, eventid INT, numtickets INT)",
        "CREATE TABLE w.sales (salesid INT, listid INT, eventid INT, qtysold INT)",
        "INSERT INTO w.listing VALUES (1, 1, 4), (2, 1, 2)",
        "INSERT INTO w.sales VALUES (1, 1, 1, 4), (2, 2, 1, 1)",
        "CREATE VIEW w.sales_view AS SELECT salesid FROM w.sales",
    )
    yield
    client.ok("DROP SCHEMA w CASCADE")


ANSWERS = [
    # r_WF_MEDIAN, r_MEDIAN: the scale of the result is not documented, so the values are compared
    ("SELECT MEDIAN(qty) = 17.5, COUNT(*) FROM w.winsales WHERE sellerid = 3", [[True, 4]]),
    ("SELECT DISTINCT sellerid, MEDIAN(qty) OVER (PARTITION BY sellerid) = CASE sellerid WHEN 1 THEN 10 WHEN 2 THEN 20 WHEN 3 THEN 17.5 ELSE 25 END FROM w.winsales ORDER BY 1", [[1, True], [2, True], [3, True], [4, True]]),
    ("SELECT MEDIAN(qty::FLOAT8) FROM w.winsales WHERE sellerid = 3", [[17.5]]),
    # r_PERCENTILE_CONT, r_WF_PERCENTILE_CONT
    ("SELECT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY qty) = 20, PERCENTILE_CONT(0) WITHIN GROUP (ORDER BY qty DESC) = 40 FROM w.winsales", [[True, True]]),
    ("SELECT DISTINCT PERCENTILE_CONT(0.5) WITHIN GROUP (ORDER BY qty) OVER () = 20 FROM w.winsales", [[True]]),
    # r_WF_PERCENTILE_DISC
    ("SELECT DISTINCT sellerid, PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY qty) OVER (PARTITION BY sellerid) FROM w.winsales ORDER BY 1", [[1, 10], [2, 20], [3, 15], [4, 10]]),
    ("SELECT DISTINCT PERCENTILE_DISC(0.6) WITHIN GROUP (ORDER BY qty_shipped DESC) OVER (), PERCENTILE_DISC(0) WITHIN GROUP (ORDER BY buyerid) OVER () FROM w.winsales", [[10, "a"]]),
    # r_WF_RATIO_TO_REPORT
    ("SELECT salesid, RATIO_TO_REPORT(qty) OVER (PARTITION BY sellerid) FROM w.winsales WHERE sellerid = 4 ORDER BY salesid", [[40001, 0.8], [40005, 0.2]]),
    # r_WF_LAG, r_WF_LEAD
    ("SELECT salesid, LAG(qty_shipped) IGNORE NULLS OVER (ORDER BY salesid) FROM w.winsales ORDER BY salesid", [[10001, None], [10005, 10], [10006, 10], [20001, 10], [20002, 20], [30001, 20], [30003, 20], [30004, 20], [30007, 20], [40001, 20], [40005, 20]]),
    ("SELECT salesid, LAG(qty_shipped, 2) IGNORE NULLS OVER (ORDER BY salesid) FROM w.winsales WHERE salesid < 30002 ORDER BY salesid", [[10001, None], [10005, None], [10006, None], [20001, None], [20002, 10], [30001, 20]]),
    ("SELECT salesid, LEAD(qty_shipped, 1) IGNORE NULLS OVER (ORDER BY salesid) FROM w.winsales WHERE salesid < 30002 ORDER BY salesid", [[10001, 20], [10005, 20], [10006, 20], [20001, 20], [20002, None], [30001, None]]),
    ("SELECT salesid, LEAD(qty_shipped) RESPECT NULLS OVER (ORDER BY salesid) FROM w.winsales WHERE salesid < 20002 ORDER BY salesid", [[10001, None], [10005, None], [10006, 20], [20001, None]]),
    ("SELECT LAG(buyerid) IGNORE NULLS OVER (ORDER BY salesid) FROM w.winsales WHERE sellerid = 2 ORDER BY salesid", [[None], ["b"]]),
    # r_WF_first_value
    ("SELECT salesid, FIRST_VALUE(qty_shipped IGNORE NULLS) OVER (PARTITION BY sellerid ORDER BY salesid ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), LAST_VALUE(qty_shipped IGNORE NULLS) OVER (PARTITION BY sellerid ORDER BY salesid ROWS UNBOUNDED PRECEDING) FROM w.winsales WHERE sellerid IN (1, 4) ORDER BY salesid", [[10001, 10, 10], [10005, 10, 10], [10006, 10, 10], [40001, 10, None], [40005, 10, 10]]),
    # r_WF_NTH
    ("SELECT NTH_VALUE(qty_shipped, 2) IGNORE NULLS OVER (ORDER BY salesid ROWS UNBOUNDED PRECEDING), NTH_VALUE(qty_shipped, 4) IGNORE NULLS OVER (ORDER BY salesid ROWS UNBOUNDED PRECEDING) FROM w.winsales WHERE salesid < 30002 ORDER BY salesid", [[None, None], [None, None], [None, None], [20, None], [20, None], [20, None]]),
    # r_LISTAGG: NULL and empty strings are ignored, and numbers have the order of numbers
    ("SELECT LISTAGG(CASE salesid WHEN 10001 THEN '' WHEN 10005 THEN NULL ELSE buyerid END, ',') WITHIN GROUP (ORDER BY salesid) FROM w.winsales WHERE sellerid < 3", [["c,b,c"]]),
    ("SELECT LISTAGG(DISTINCT qty - 5, ',') WITHIN GROUP (ORDER BY qty) FROM w.winsales", [["5,10,15,25,35"]]),
    # r_WF_LISTAGG
    ("SELECT DISTINCT LISTAGG(sellerid) WITHIN GROUP (ORDER BY sellerid) OVER () FROM w.winsales", [["11122333344"]]),
    ("SELECT DISTINCT sellerid, LISTAGG(DISTINCT buyerid, ',') WITHIN GROUP (ORDER BY salesid DESC) OVER (PARTITION BY sellerid) FROM w.winsales ORDER BY 1", [[1, "c,a"], [2, "c,b"], [3, "c,b"], [4, "a"]]),
    ("SELECT LISTAGG(DISTINCT sellerid) OVER () FROM w.winsales WHERE salesid = 40001", [["4"]]),
    # r_Boolean_type
    ("SELECT flag = TRUE, CASE WHEN flag IS TRUE THEN 'yes' END FROM w.winsales WHERE flag IS TRUE AND sellerid = 2", [[True, "yes"]]),
    # r_compound_expressions, r_CONVERT_function
    ("SELECT @ (-qty), 2 * @ -5 FROM w.winsales WHERE salesid = 10001", [[10, 10]]),
    ("SELECT CONVERT(datetime, '2008-02-18 02:36:48')", [["2008-02-18 02:36:48"]]),
    # SYS_QUERY_HISTORY: the columns of its first example
    ("SELECT user_id, query_id, transaction_id, session_id, status, TRIM(database_name) AS database_name, start_time, end_time, result_cache_hit, elapsed_time, queue_time, execution_time, planning_time, TRIM(query_text) AS query_text, returned_rows, returned_bytes FROM sys_query_history WHERE query_id = -1", []),
    # r_UNION: the last query and queries in FROM may have a limit
    ("SELECT qty FROM w.winsales WHERE salesid = 40001 UNION SELECT * FROM (SELECT qty FROM w.winsales ORDER BY 1 LIMIT 1) x ORDER BY 1 DESC LIMIT 1", [[40]]),
    # r_DATEDIFF_function
    ("SELECT DATEDIFF(week, '2009-01-01', '2009-12-31')", [[52]]),
    # r_QUALIFY_clause
    ("SELECT * FROM w.listing QUALIFY ROW_NUMBER() OVER (PARTITION BY eventid ORDER BY listid DESC) = 1", [[2, 1, 2]]),
    ("SELECT l.*, ROW_NUMBER() OVER (PARTITION BY l.eventid ORDER BY l.listid) AS n, s.* FROM w.listing l JOIN w.sales s ON s.listid = l.listid QUALIFY n = 2", [[2, 1, 2, 2, 2, 2, 1, 1]]),
    ("SELECT * FROM (SELECT listid, numtickets FROM w.listing) x QUALIFY MAX(numtickets) OVER () = numtickets", [[1, 4]]),
    # r_SELECT_list, r_WHERE_clause: lateral aliases
    ("SELECT qty * 2 AS twice, twice + 1 AS more FROM w.winsales WHERE twice = 80", [[80, 81]]),
    # r_CURRENT_USER
    ("SELECT CURRENT_USER", [["admin"]]),
    # SPLIT_PART
    ("SELECT SPLIT_PART('a-b', '-', 2), SPLIT_PART('a-b', '-', 3)", [["b", ""]]),
    # r_Boolean_type: BOOLEAN has no conversion to text, other types do
    ("SELECT qty::VARCHAR(5), CAST(buyerid AS VARCHAR), '2024-01-01'::DATE::VARCHAR FROM w.winsales WHERE salesid = 10001", [["10", "c", "2024-01-01"]]),
    # comments behind the statement
    ("SELECT 1 -- done", [[1]]),
    ("SELECT 1; -- done", [[1]]),
    ("SELECT 1 /* done */ ; /* really */", [[1]]),
    # r_correlated_subqueries: these patterns are supported
    ("SELECT salesid FROM w.sales s WHERE qtysold = (SELECT MAX(numtickets) FROM w.listing l WHERE s.listid = l.listid)", [[1]]),
    ("SELECT listid FROM w.listing WHERE listid IN (SELECT MAX(salesid) FROM w.sales WHERE listing.numtickets > 0 GROUP BY listid) ORDER BY 1", [[1], [2]]),
    ("SELECT listid FROM w.listing WHERE listid IN (SELECT SUM(qtysold) AS numtickets FROM w.sales GROUP BY salesid ORDER BY numtickets)", [[1]]),
]  # fmt: skip


@pytest.mark.usefixtures("winsales")
@pytest.mark.parametrize(("text", "expected"), ANSWERS, ids=[text[:70] for text, _ in ANSWERS])
def test_a_construct_returns_the_documented_result(client: Client, text: str, expected: list[list[object]]) -> None:
    assert client.rows(text) == expected


CORRELATED = "This type of correlated subquery pattern is not supported yet"
REFUSED = [
    # c_Window_functions
    ("SELECT SUM(qty) OVER (ORDER BY salesid RANGE UNBOUNDED PRECEDING) FROM w.winsales", "RANGE"),
    ("SELECT SUM(qty) OVER (ORDER BY salesid GROUPS 1 PRECEDING) FROM w.winsales", "GROUPS"),
    ("SELECT SUM(qty) OVER (ORDER BY salesid ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW) FROM w.winsales", "EXCLUDE"),
    # r_WF_LAG, r_WF_LEAD, r_WF_MEDIAN, r_WF_RATIO_TO_REPORT
    ("SELECT LAG(qty, 1, 0) OVER (ORDER BY salesid) FROM w.winsales", "NVL"),
    ("SELECT LEAD(qty, 1, 0) OVER (ORDER BY salesid) FROM w.winsales", "NVL"),
    ("SELECT LAG(qty) OVER (ORDER BY salesid ROWS UNBOUNDED PRECEDING) FROM w.winsales", "frame clause"),
    ("SELECT MEDIAN(qty) OVER (ORDER BY salesid) FROM w.winsales", "ORDER BY"),
    ("SELECT RATIO_TO_REPORT(qty) OVER (ORDER BY salesid) FROM w.winsales", "ORDER BY"),
    ("SELECT SUM(qty) IGNORE NULLS OVER () FROM w.winsales", "IGNORE NULLS"),
    ("SELECT MEDIAN(1)", "compute-node only"),
    ("SELECT PERCENTILE_CONT(0.6) WITHIN GROUP (ORDER BY salesid), MEDIAN(qty) FROM w.winsales", "within group ORDER BY clauses for aggregate functions must be the same"),
    ("SELECT PERCENTILE_CONT(1.5) WITHIN GROUP (ORDER BY salesid) FROM w.winsales", "between 0 and 1"),
    ("SELECT PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY qty) FROM w.winsales", "needs an OVER clause"),
    ("SELECT PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY qty) OVER (ROWS UNBOUNDED PRECEDING) FROM w.winsales", "frame clause"),
    # r_UNION
    ("SELECT qty FROM w.winsales INTERSECT ALL SELECT 10", "INTERSECT ALL"),
    ("SELECT qty FROM w.winsales EXCEPT ALL SELECT 10", "EXCEPT ALL"),
    ("SELECT qty FROM w.winsales MINUS ALL SELECT 10", "ALL"),
    ("(SELECT listid FROM w.listing LIMIT 10) INTERSECT SELECT listid FROM w.sales", "LIMIT may not be used within input to set operations."),
    ("SELECT listid FROM w.listing UNION ALL (SELECT listid FROM w.sales ORDER BY 1 OFFSET 1)", "LIMIT may not be used within input to set operations."),
    # r_LISTAGG, r_WF_LISTAGG
    ("SELECT LISTAGG(REPEAT(buyerid, 6000)) FROM w.winsales", "Result size exceeds LISTAGG limit"),
    ("SELECT LISTAGG('a')", "compute-node only"),
    ("SELECT LISTAGG(qty) OVER (ROWS UNBOUNDED PRECEDING) FROM w.winsales", "frame clause"),
    # r_Boolean_type
    ("SELECT flag IS TRUE AS x FROM w.winsales", "IS TRUE in the select list"),
    ("SELECT NOT (flag IS NOT FALSE) FROM w.winsales", "IS FALSE in the select list"),
    # r_INSERT_30
    ("INSERT INTO w.event (eventid) VALUES ((SELECT MAX(eventid) FROM w.event)), (1)", "takes no subqueries"),
    # r_CREATE_TABLE_NEW
    ("CREATE TABLE w.t (a INT DISTKEY, b INT DISTKEY)", "only one column"),
    ("CREATE TABLE w.t (a INT DISTKEY, b INT) DISTKEY (b)", "only one column"),
    ("CREATE TABLE w.t (a INT) DISTSTYLE EVEN DISTKEY (a)", "cannot be combined"),
    ("CREATE TABLE w.t (a INT) DISTSTYLE KEY", "needs a DISTKEY"),
    # r_CREATE_VIEW
    ("INSERT INTO w.sales_view VALUES (1)", "is a view"),
    ("UPDATE w.sales_view SET salesid = 1", "is a view"),
    ("DELETE FROM w.sales_view", "is a view"),
    # what AWS supports and the local Redshift does not
    ("INSERT INTO w.category VALUES (1, 'Pop ')", "not supported by the local Redshift"),
    ("SELECT APPROXIMATE COUNT(DISTINCT qty) FROM w.winsales", "not supported by the local Redshift"),
    ("SELECT APPROXIMATE PERCENTILE_DISC(0.5) WITHIN GROUP (ORDER BY qty) FROM w.winsales", "not supported by the local Redshift"),
    ("SELECT @ qty - 20 FROM w.winsales", "not supported by the local Redshift"),
    ("MERGE INTO w.sales USING w.listing ON sales.listid = listing.listid REMOVE DUPLICATES", "not supported by the local Redshift"),
    # c_unsupported-postgresql-features
    ("SELECT * FROM (VALUES (1), (2)) AS v (a)", "VALUES"),
    ("WITH v (a) AS (VALUES (1)) SELECT a FROM v", "VALUES"),
    # r_correlated_subqueries
    ("SELECT event.eventname FROM w.event WHERE NOT EXISTS (SELECT * FROM w.listing WHERE NOT EXISTS (SELECT * FROM w.sales WHERE event.eventid = sales.eventid))", CORRELATED),
    ("SELECT * FROM w.category LEFT JOIN w.event ON category.catid = event.catid AND eventid = (SELECT MAX(eventid) FROM w.sales WHERE sales.eventid = event.eventid)", CORRELATED),
    ("SELECT listid, qtysold FROM w.sales s WHERE qtysold NOT IN (SELECT SUM(numtickets) OVER () FROM w.listing l WHERE s.listid = l.listid)", CORRELATED),
    ("SELECT listing.listid, (SELECT COUNT(sales.listid) FROM w.sales WHERE sales.listid = listing.listid) AS list FROM w.listing GROUP BY list, listing.listid", CORRELATED),
    ("SELECT * FROM w.listing WHERE listid IN (SELECT SUM(qtysold) FROM w.sales WHERE listing.numtickets > 4 GROUP BY salesid)", CORRELATED),
    ("SELECT * FROM w.listing WHERE listid IN (SELECT SUM(qtysold) FROM w.sales WHERE numtickets > 4 GROUP BY salesid)", CORRELATED),
    # SPLIT_PART
    ("SELECT SPLIT_PART('a-b', '-', -1)", "field position must be greater than zero"),
    ("SELECT SPLIT_PART('a-b', '-', qty - 10) FROM w.winsales WHERE salesid = 10001", "field position must be greater than zero"),
    # r_MERGE
    ("MERGE INTO w.sales USING w.sales AS s ON sales.salesid = s.salesid WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (salesid) VALUES (s.salesid)", "same table"),
    ("MERGE INTO w.sales USING w.sales_view ON sales.salesid = sales_view.salesid WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (salesid) VALUES (sales_view.salesid)", "not a view"),
    # c_Supported_data_types
    ("SELECT flag::VARCHAR FROM w.winsales", "cannot cast type boolean to character varying"),
    ("SELECT (qty > 10)::VARCHAR(5) FROM w.winsales", "cannot cast type boolean to character varying"),
    # r_VACUUM_command, r_ANALYZE
    ("VACUUM w.winsales TO 101 PERCENT", "between 0 and 100"),
    ("VACUUM TO 50 PERCENT", "needs the name of a table"),
    ("VACUUM REINDEX", "needs the name of a table"),
    ("VACUUM RECLUSTER w.winsales TO 50 PERCENT", "not supported with TO"),
    ("VACUUM FULL BOOST", "needs the name of a table"),
    ("VACUUM REINDEX w.winsales BOOST", "not supported with BOOST"),
    ("VACUUM ANALYZE w.winsales x", "syntax error"),
    ("VACUUM w.missing", 'relation "w.missing" does not exist'),
    ("ANALYZE w.missing", 'relation "w.missing" does not exist'),
    ("ANALYZE w.winsales (missing)", 'column "missing" of relation "winsales" does not exist'),
    # the week of a Sunday, which no page documents
    ("SELECT DATEDIFF(week, '2024-01-06', '2024-01-07')", "Sunday or on Monday"),
]  # fmt: skip


@pytest.mark.usefixtures("winsales")
@pytest.mark.parametrize(("text", "reason"), REFUSED, ids=[text[:70] for text, _ in REFUSED])
def test_a_construct_that_redshift_lacks_is_refused(client: Client, text: str, reason: str) -> None:
    outcome = client.run(text)
    assert outcome.status == "FAILED"
    assert reason in (outcome.error or "")


LEAKS = ["postgres", "sqlglot", "redshift.", "expr", "Line 1", "Col:", "anyelement", "varchar_", "domain", "numeric_"]
MISTAKES = [
    "SELECT FROM WHERE",
    "SELECT 1 +",
    "SELECT 'open",
    "SELECT (1",
    "SELEC 1",
    "SELECT LEN(1, 2) FROM w.winsales",
    "SELECT SPLIT_PART(flag, '-', 1) FROM w.winsales",
    "SELECT DATEDIFF(day, qty, qty) FROM w.winsales",
    "SELECT MEDIAN(flag) FROM w.winsales",
    "SELECT buyerid + flag FROM w.winsales",
    "SELECT qty = flag FROM w.winsales",
    "INSERT INTO w.event VALUES ('x', 'y', 'z')",
    "SELECT CASE WHEN TRUE THEN buyerid ELSE flag END FROM w.winsales",
    "SELECT buyerid FROM w.winsales UNION SELECT flag FROM w.winsales",
    "CREATE TABLE w.event (a INT)",
    "SELECT a FROM w.winsales, LATERAL (SELECT 1) x",
]


@pytest.mark.usefixtures("winsales")
@pytest.mark.parametrize("text", MISTAKES)
def test_a_refusal_uses_redshifts_words(client: Client, text: str) -> None:
    error = client.run(text).error
    assert error is not None
    assert error.startswith("ERROR: ")
    assert [word for word in LEAKS if word.lower() in error.lower().replace("local redshift.", "")] == [], error


def test_an_identity_column_can_start_at_zero(client: Client, schema: str) -> None:
    client.ok(
        f"CREATE TABLE {schema}.a (i BIGINT IDENTITY(0, 1), v INT)", f"INSERT INTO {schema}.a (v) VALUES (7), (8)"
    )
    assert client.rows(f"SELECT i FROM {schema}.a ORDER BY v") == [[0], [1]]


def test_identity_columns_need_no_seed(client: Client, schema: str) -> None:
    """r_CREATE_TABLE_examples."""
    client.ok(
        f"CREATE TABLE {schema}.a (i BIGINT IDENTITY NOT NULL, d BIGINT GENERATED BY DEFAULT AS IDENTITY NOT NULL, v INT)",
        f"INSERT INTO {schema}.a (v) VALUES (1)",
        f"INSERT INTO {schema}.a (d, v) VALUES (7, 2)",
    )
    assert client.rows(f"SELECT i, d FROM {schema}.a ORDER BY v") == [[1, 1], [2, 7]]
    assert "identity" in (client.run(f"INSERT INTO {schema}.a (i, v) VALUES (3, 3)").error or "")


class TestTruncateInABatch:
    def test_it_commits_what_came_before(self, client: Client, schema: str) -> None:
        client.ok(
            f"CREATE TABLE {schema}.a (x INT)", f"CREATE TABLE {schema}.b (x INT)", f"INSERT INTO {schema}.b VALUES (1)"
        )
        outcome = client.batch(
            f"INSERT INTO {schema}.a VALUES (1)",
            f"TRUNCATE {schema}.b",
            f"INSERT INTO {schema}.b VALUES (2)",
            "SELECT 1 / 0",
        )
        assert outcome.status == "FAILED"
        assert client.rows(f"SELECT COUNT(*) FROM {schema}.a") == [[1]]  # committed by TRUNCATE
        assert client.rows(f"SELECT COUNT(*) FROM {schema}.b") == [[0]]  # the last INSERT was rolled back


class TestProcedures:
    @pytest.fixture
    def employee(self, client: Client, schema: str) -> str:
        """The tables and the procedure of stored-procedure-trapping-errors."""
        client.ok(
            f"CREATE TABLE {schema}.employee (firstname VARCHAR, lastname VARCHAR)",
            f"INSERT INTO {schema}.employee VALUES ('Tomas', 'Smith')",
            f"CREATE TABLE {schema}.employee_error_log (message VARCHAR)",
            f"""CREATE PROCEDURE {schema}.update_employee_sp() AS $$
                BEGIN
                    UPDATE {schema}.employee SET firstname = 'Adam' WHERE lastname = 'Smith';
                    EXECUTE 'select invalid';
                EXCEPTION WHEN OTHERS THEN
                    RAISE INFO 'An exception occurred.';
                    INSERT INTO {schema}.employee_error_log VALUES ('Error message: ' || SQLERRM);
                END; $$ LANGUAGE plpgsql""",
        )
        return schema

    def test_a_handled_error_is_thrown_again_and_the_handler_is_committed(self, client: Client, employee: str) -> None:
        assert client.run(f"CALL {employee}.update_employee_sp()").error == 'ERROR: column "invalid" does not exist'
        assert client.rows(f"SELECT firstname FROM {employee}.employee") == [["Tomas"]]
        assert client.rows(f"SELECT message FROM {employee}.employee_error_log") == [
            ['Error message: column "invalid" does not exist']
        ]

    def test_in_a_batch_it_fails_and_nothing_is_committed(self, client: Client, employee: str) -> None:
        outcome = client.batch(
            f"INSERT INTO {employee}.employee VALUES ('Edie', 'Robertson')", f"CALL {employee}.update_employee_sp()"
        )
        assert outcome.status == "FAILED"
        assert client.rows(f"SELECT COUNT(*) FROM {employee}.employee_error_log") == [[0]]
        assert client.rows(f"SELECT COUNT(*) FROM {employee}.employee") == [[1]]

    def test_a_procedure_that_calls_one_with_a_handler_fails(self, client: Client, employee: str) -> None:
        client.ok(
            f"CREATE PROCEDURE {employee}.outer_sp() AS $$ BEGIN CALL {employee}.update_employee_sp(); END; $$ LANGUAGE plpgsql"
        )
        assert "another procedure" in (client.run(f"CALL {employee}.outer_sp()").error or "")

    def test_other_conditions_than_others_are_refused(self, client: Client, schema: str) -> None:
        outcome = client.run(
            f"CREATE PROCEDURE {schema}.p() AS $$ BEGIN NULL; EXCEPTION WHEN division_by_zero THEN NULL; END; $$ LANGUAGE plpgsql"
        )
        assert "OTHERS" in (outcome.error or "")

    def test_inout_parameters_are_a_result(self, client: Client, schema: str) -> None:
        """r_CALL_procedure, stored-procedure-create."""
        client.ok(
            f"""CREATE PROCEDURE {schema}.test_sp2(f1 IN INT, f2 INOUT VARCHAR(256), out_var OUT VARCHAR(256)) AS $$
                BEGIN
                    f2 := f2 || '+concatenated';
                    out_var := 'out ' || f1;
                END; $$ LANGUAGE plpgsql"""
        )
        outcome = client.run(f"CALL {schema}.test_sp2(2, '2019')")
        assert [column["name"] for column in outcome.columns] == ["f2", "out_var"]
        assert outcome.rows == [["2019+concatenated", "out 2"]]

    def test_a_cursor_of_a_procedure_is_read_in_the_same_transaction(self, client: Client, schema: str) -> None:
        """stored-procedure-result-set."""
        client.ok(
            f"CREATE TABLE {schema}.fact_tbl (id INT)",
            f"INSERT INTO {schema}.fact_tbl VALUES (1), (2)",
            f"""CREATE PROCEDURE {schema}.get_result_set(param IN INTEGER, rs_out INOUT REFCURSOR) AS $$
                BEGIN OPEN rs_out FOR SELECT id FROM {schema}.fact_tbl WHERE id >= param; END; $$ LANGUAGE plpgsql""",
        )
        outcome = client.batch(f"CALL {schema}.get_result_set(2, 'mycursor')", "FETCH ALL FROM mycursor")
        assert outcome.status == "FINISHED", outcome.error
        assert client.wait(f"{outcome.id}:2").rows == [[2]]

    def test_current_user_is_the_caller(self, client: Client, schema: str) -> None:
        client.ok(
            f"CREATE PROCEDURE {schema}.me(name INOUT VARCHAR(20)) AS $$ BEGIN SELECT INTO name CURRENT_USER; END; $$ LANGUAGE plpgsql"
        )
        assert client.rows(f"CALL {schema}.me('')") == [["admin"]]


class TestQueryHistory:
    def test_statements_are_in_it_with_their_outcome(self, client: Client, schema: str) -> None:
        client.ok(f"CREATE TABLE {schema}.a (x INT)", f"INSERT INTO {schema}.a VALUES (1), (2)")
        client.run(f"SELECT x FROM {schema}.a -- seen")
        client.run(f"SELECT missing FROM {schema}.a")
        rows = client.rows(
            "SELECT query_type, status, returned_rows, TRIM(error_message), elapsed_time > 0, username, database_name"
            f" FROM sys_query_history WHERE query_text LIKE '%{schema}.a%' ORDER BY query_id"
        )
        assert rows == [
            ["DDL", "success", 0, None, True, "admin", "crypto"],
            ["INSERT", "success", 0, None, True, "admin", "crypto"],
            ["SELECT", "success", 2, None, True, "admin", "crypto"],
            ["SELECT", "failed", 0, 'ERROR: column "missing" does not exist', True, "admin", "crypto"],
        ]


class TestSortKeys:
    """A sort key acts as zone maps: a bounded scan reads few pages. Nothing of that is visible to users."""

    @pytest.fixture
    def sorted_table(self, client: Client, schema: str) -> str:
        client.ok(
            f"CREATE TABLE {schema}.digits (d INT)",
            f"INSERT INTO {schema}.digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)",
            f"""CREATE TABLE {schema}.numbers COMPOUND SORTKEY (n) AS
                SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d AS n, REPEAT('x', 40) AS filler
                FROM {schema}.digits a, {schema}.digits b, {schema}.digits c, {schema}.digits e, {schema}.digits f
                ORDER BY MD5(a.d || '-' || b.d || '-' || c.d || '-' || e.d || '-' || f.d)""",
        )
        return f"{schema}.numbers"

    def blocks(self, warehouse: object, query: str) -> int:
        with warehouse.connect("crypto") as connection:  # type: ignore[attr-defined]
            (plan,) = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}".encode()).fetchone()[0]
        return int(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])

    def test_a_bounded_scan_is_cheap(self, warehouse, sorted_table: str) -> None:
        bounded = self.blocks(warehouse, f"SELECT count(*) FROM {sorted_table} WHERE n BETWEEN 500 AND 600")
        unbounded = self.blocks(warehouse, f"SELECT count(*) FROM {sorted_table} WHERE length(filler) = 7")
        assert bounded * 5 < unbounded

    def test_appended_rows_are_found_cheaply(self, client: Client, warehouse, sorted_table: str) -> None:
        client.ok(f"INSERT INTO {sorted_table} SELECT n + 100000, filler FROM {sorted_table} ORDER BY n")
        appended = f"SELECT count(*) FROM {sorted_table} WHERE n BETWEEN 150000 AND 150009"
        assert client.rows(appended) == [[10]]
        assert self.blocks(warehouse, appended) * 5 < self.blocks(
            warehouse, f"SELECT count(filler) FROM {sorted_table}"
        )

    def test_vacuum_sorts_the_rows(self, client: Client, warehouse, sorted_table: str) -> None:
        client.ok(f"INSERT INTO {sorted_table} SELECT n + 100000, filler FROM {sorted_table} ORDER BY MD5(n::VARCHAR)")
        appended = f"SELECT count(*) FROM {sorted_table} WHERE n BETWEEN 150000 AND 150009"
        unsorted = self.blocks(warehouse, appended)
        client.ok(f"VACUUM FULL {sorted_table}")
        assert client.rows(appended) == [[10]]
        assert self.blocks(warehouse, appended) * 5 < unsorted

    def test_a_table_that_exists_keeps_its_sort_key(self, client: Client, warehouse, schema: str) -> None:
        """CREATE TABLE IF NOT EXISTS changes nothing in a table that exists, and waits for no one who writes it."""
        client.ok(f"CREATE TABLE {schema}.a (x INT)")
        again = f"CREATE TABLE IF NOT EXISTS {schema}.a (x INT, y INT) SORTKEY (y)"
        with warehouse.connect("crypto") as writer:
            writer.execute(f"INSERT INTO {schema}.a VALUES (1)".encode())
            client.ok(again)
        with warehouse.connect("crypto") as connection:
            found = connection.execute(
                f"SELECT count(*) FROM pg_indexes WHERE schemaname = '{schema}'".encode()
            ).fetchone()
        assert found == (0,)

    def test_a_sort_key_may_be_long(self, client: Client, schema: str) -> None:
        """Redshift's VARCHAR has up to 65,535 bytes: r_Character_types."""
        client.ok(
            f"CREATE TABLE {schema}.a (note VARCHAR(65535) SORTKEY)",
            f"CREATE TABLE {schema}.b (x INT, a VARCHAR(1500), b VARCHAR(1500)) SORTKEY (x, a, b)",
        )
        digests = b"".join(hashlib.sha512(str(number).encode()).digest() for number in range(400))
        text = base64.b64encode(digests).decode()  # PostgreSQL cannot compress it into the row of an index
        client.ok(
            f"INSERT INTO {schema}.a VALUES ('{text[:30000]}')",
            f"INSERT INTO {schema}.b VALUES (1, '{text[:1400]}', '{text[1400:2800]}')",
            f"VACUUM {schema}.a",
            f"VACUUM {schema}.b",
        )
        assert client.rows(f"SELECT LEN(note) FROM {schema}.a") == [[30000]]


class TestQualifyWithAnOrder:
    """r_QUALIFY_clause. ORDER BY follows QUALIFY and sees the query's tables, not only its result columns."""

    @pytest.fixture
    def prices(self, client: Client, schema: str) -> str:
        client.ok(
            f"CREATE TABLE {schema}.p (id INT, price INT)",
            f"INSERT INTO {schema}.p VALUES (1, 10), (2, 30), (3, 20)",
            f"CREATE TABLE {schema}.u (id INT, of INT)",
            f"INSERT INTO {schema}.u VALUES (7, 3), (8, 1), (9, 2)",
        )
        return schema

    @pytest.mark.parametrize(
        ("text", "rows"),
        [
            ("SELECT id, -price AS price FROM {q}.p QUALIFY {all} ORDER BY p.price LIMIT 1", [[1, -10]]),
            ("SELECT id, -price AS price FROM {q}.p QUALIFY {all} ORDER BY price LIMIT 1", [[2, -30]]),
            ("SELECT id FROM {q}.p QUALIFY {all} ORDER BY price * -1, id", [[2], [3], [1]]),
            ("SELECT id, price FROM {q}.p QUALIFY {all} ORDER BY 2 DESC", [[2, 30], [3, 20], [1, 10]]),
            (
                "SELECT p.id, u.id AS other FROM {q}.p JOIN {q}.u ON u.of = p.id QUALIFY {all} ORDER BY u.id",
                [[3, 7], [1, 8], [2, 9]],
            ),
            ("SELECT *, -id AS n FROM {q}.p QUALIFY {all} ORDER BY p.price DESC", [[2, 30, -2], [3, 20, -3], [1, 10, -1]]),
            (
                "SELECT id % 2 AS odd, SUM(price) AS s FROM {q}.p GROUP BY odd QUALIFY {all} ORDER BY MIN(price)",
                [[1, 30], [0, 30]],
            ),
        ],
    )  # fmt: skip
    def test_the_rows_have_its_order(self, client: Client, prices: str, text: str, rows: list[list[int]]) -> None:
        assert client.rows(text.format(q=prices, all="ROW_NUMBER() OVER (ORDER BY 1) > 0")) == rows
