"""Redshift statements on a real PostgreSQL: they return Redshift's result, and features Redshift lacks are refused."""

# ruff: noqa: E501 - the tables below hold one statement a line

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from local_aws.redshift.sql import SqlNotSupported, translate
from tests.support.data_api import Client


@pytest.fixture(scope="module")
def tables(client: Client) -> Iterator[None]:
    client.ok(
        "CREATE SCHEMA IF NOT EXISTS q",
        """CREATE TABLE q.prices (
               symbol VARCHAR(4) NOT NULL ENCODE zstd DISTKEY,
               at TIMESTAMP NOT NULL SORTKEY DEFAULT GETDATE(),
               price DECIMAL(38,18) ENCODE az64,
               trades BIGINT,
               note VARCHAR,
               whole DECIMAL,
               PRIMARY KEY (symbol, at))
           BACKUP NO DISTSTYLE KEY""",
        """INSERT INTO q.prices (symbol, at, price, trades, note) VALUES
               ('BTC', '2024-01-31 10:30:00', 1.5, 1, 'a;b:c'), ('BTC', '2024-02-29', 2.25, 2, NULL),
               ('ETH', '2024-02-29 23:59:59.5', 3, 4, 'it''s')""",
        "CREATE TABLE q.other (LIKE q.prices INCLUDING DEFAULTS)",
        "CREATE VIEW q.v AS SELECT symbol FROM q.prices",
        "CREATE TABLE q.numbered (id BIGINT IDENTITY(10, 5), name VARCHAR(10))",
    )
    yield
    client.ok("DROP SCHEMA q CASCADE")


ANSWERS = [
    ("SELECT 1", [[1]]),
    ("SELECT SYMBOL FROM Q.Prices ORDER BY AT LIMIT 1", [["BTC"]]),
    ('SELECT "SYMBOL" AS "Big" FROM q.prices ORDER BY at LIMIT 1', [["BTC"]]),
    ("SELECT price FROM q.prices ORDER BY at LIMIT 1", [["1.500000000000000000"]]),
    ("SELECT at FROM q.prices ORDER BY at DESC LIMIT 1", [["2024-02-29 23:59:59.5"]]),
    ("SELECT TOP 1 trades FROM q.prices ORDER BY trades DESC", [[4]]),
    ("SELECT 'a;b' -- c; d\n", [["a;b"]]),
    ("SELECT 'ON CONFLICT RETURNING ENCODE lzo DISTKEY :x SORTKEY(a)'", [["ON CONFLICT RETURNING ENCODE lzo DISTKEY :x SORTKEY(a)"]]),
    (r"SELECT 'it\'s'", [["it's"]]),
    ("SELECT '02/01/03'::DATE, '12/18/2023'::DATE", [["2003-02-01", "2023-12-18"]]),
    ("SELECT 7 / 2, 5 % 2, 2 ^ 3, -1", [[3, 1, 8.0, -1]]),
    ("SELECT CAST(1.5 AS DECIMAL), CAST('12' AS INT), 2::BIGINT, 'x'::VARCHAR(10)", [["2", 12, 2, "x"]]),
    ("SELECT CAST('éé' AS VARCHAR(3)), 'abcdef'::CHAR(2)", [["é", "ab"]]),
    ("SELECT TRUE, 1 = 2, NOT TRUE", [[True, False, False]]),
    ("SELECT NULL::INT", [[None]]),
    ("WITH x AS (SELECT 1 a UNION ALL SELECT 2) SELECT SUM(a) FROM x", [[3]]),
    ("SELECT COUNT(*), COUNT(DISTINCT symbol) FROM q.prices", [[3, 2]]),
    ("SELECT symbol, ROW_NUMBER() OVER (PARTITION BY symbol ORDER BY at DESC) rn FROM q.prices QUALIFY rn = 1 ORDER BY symbol", [["BTC", 1], ["ETH", 1]]),
    ("SELECT trades FROM q.prices QUALIFY ROW_NUMBER() OVER (PARTITION BY symbol ORDER BY at DESC) = 1 ORDER BY trades DESC LIMIT 1", [[4]]),
    ("SELECT s.t FROM (SELECT trades t FROM q.prices p QUALIFY RANK() OVER (ORDER BY p.trades) = 1) s", [[1]]),
    ("SELECT SUM(trades) OVER (ORDER BY at ROWS UNBOUNDED PRECEDING) FROM q.prices ORDER BY at", [[1], [3], [7]]),
    ("SELECT LAG(trades) OVER (ORDER BY at) FROM q.prices ORDER BY at", [[None], [1], [2]]),
    ("SELECT LISTAGG(symbol, ',') WITHIN GROUP (ORDER BY at DESC) FROM q.prices", [["ETH,BTC,BTC"]]),
    ("SELECT LISTAGG(DISTINCT symbol, '|') WITHIN GROUP (ORDER BY symbol) FROM q.prices", [["BTC|ETH"]]),
    ("SELECT DATEDIFF(day, '2024-01-31 23:59:59', '2024-02-01'), DATEDIFF('month', at, '2024-03-01') FROM q.prices WHERE trades = 1", [[1, 2]]),
    ("SELECT DATEDIFF(hour, '2024-01-01 00:59:59', '2024-01-01 01:00:00'), DATEDIFF(year, '2023-12-31', '2024-01-01')", [[1, 1]]),
    ("SELECT DATEADD(month, 1, '2024-01-31'), DATEADD(hour, -3, at) FROM q.prices WHERE trades = 1", [["2024-02-29 00:00:00", "2024-01-31 07:30:00"]]),
    ("SELECT DATE_TRUNC('month', at), DATE_TRUNC('day', at::DATE), TRUNC(at) FROM q.prices WHERE trades = 2", [["2024-02-01 00:00:00", "2024-02-29 00:00:00", "2024-02-29"]]),
    ("SELECT ADD_MONTHS('2024-02-29', 1), LAST_DAY('2024-02-01')", [["2024-03-31 00:00:00", "2024-02-29"]]),
    ("SELECT CONVERT_TIMEZONE('UTC', 'America/New_York', '2024-07-01 12:00:00')", [["2024-07-01 08:00:00"]]),
    ("SELECT TO_CHAR(at, 'YYYY-MM-DD HH24'), DATE_PART(hour, at), EXTRACT(month FROM at) FROM q.prices WHERE trades = 1", [["2024-01-31 10", 10.0, 1.0]]),
    ("SELECT GETDATE() <= DATEADD(second, 1, SYSDATE), DATE_PART(millisecond, GETDATE())::INT % 1000", [[True, 0]]),
    ("SELECT NVL(note, 'none'), NVL2(note, 1, 0), ISNULL(note, '-'), COALESCE(note, 'x') FROM q.prices WHERE trades = 2", [["none", 0, "-", "x"]]),
    ("SELECT DECODE(note, NULL, 'nothing', 'a;b:c', 'found', 'other') FROM q.prices ORDER BY at", [["found"], ["nothing"], ["other"]]),
    ("SELECT MD5('a'), SHA2('a', 256), STRTOL('ff', 16), STRTOL('-101', 2)", [["0cc175b9c0f1b6a831c399e269772661", "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb", 255, -5]]),
    ("SELECT COUNT(*), SUM(STRTOL(LEFT(MD5(symbol || '|' || trades), 8), 16)) FROM q.prices WHERE trades = 1", [[1, int(hashlib.md5(b"BTC|1").hexdigest()[:8], 16)]]),
    ("SELECT LEN('é'), OCTET_LENGTH('é'), CHARINDEX('b', 'abc'), CONCAT('a', NULL), SPLIT_PART('a-b', '-', 2)", [[1, 2, 2, None, "b"]]),
    ("SELECT REGEXP_REPLACE('aXbX', 'X', '-'), TRIM(BOTH 'x' FROM 'xax'), SUBSTRING('abc', 2, 1), POSITION('c' IN 'abc')", [["a-b-", "a", "b", 3]]),
    ("SELECT AVG(trades), AVG(price) FROM q.prices", [[2, "2.250000000000000000"]]),
    ("SELECT json_extract_path_text('{\"a\":{\"b\":\"c\"}}', 'a', 'b')", [["c"]]),
    ("SELECT symbol FROM q.prices WHERE note LIKE '%;%' OR note ILIKE 'IT%' ORDER BY 1", [["BTC"], ["ETH"]]),
    ("SELECT symbol FROM q.prices MINUS SELECT 'BTC'", [["ETH"]]),
    ("SELECT p.symbol FROM q.prices p JOIN q.v USING (symbol) WHERE EXISTS (SELECT 1 FROM q.other o WHERE o.symbol = p.symbol)", []),
    ("SELECT table_name FROM svv_tables WHERE table_schema = 'q' AND table_type = 'VIEW'", [["v"]]),
    ("SELECT column_name FROM information_schema.columns WHERE table_schema = 'q' AND table_name = 'v'", [["symbol"]]),
    ("SELECT DATEADD(year, 1, '2016-02-29'), DATEADD(day, 1, at::DATE) FROM q.prices WHERE trades = 1", [["2017-03-01 00:00:00", "2024-02-01 00:00:00"]]),
    ("SELECT DATEADD(hour, 12, time '13:24:55'), DATEDIFF(hour, time '20:00:00', time '15:24:45')", [["01:24:55", -5]]),
    ("SELECT EXTRACT(ms FROM timestamp '2009-09-09 12:08:43.101'), EXTRACT(decade FROM timestamp '1999-02-16 20:38:40')", [[101, 200]]),
    ("SELECT MONTHS_BETWEEN('2014-09-30', '2014-08-31'), NEXT_DAY('2014-08-26', 'Tuesday'), TO_DATE('20010631', 'YYYYMMDD')", [[1.0, "2014-09-02", "2001-07-01"]]),
    ("SELECT REGEXP_SUBSTR('a cat, a dog', 'a (d..)', 1, 1, 'e'), REGEXP_REPLACE('the fox', 'FOX', 'dog', 1, 'i'), CRC32('Amazon Redshift')", [["dog", "the dog", "f2726906"]]),
    ("SELECT SUBSTRING(at, 6, 2), STRPOS(price, '.'), SPLIT_PART(at, '-', 1) FROM q.prices WHERE trades = 1", [["01", 2, "2024"]]),
    ("SELECT JSON_ARRAY_LENGTH('[1', true), JSON_EXTRACT_ARRAY_ELEMENT_TEXT('[1,2]', 1), SHA2('a', 100)", [[None, "2", ""]]),
    ("SELECT symbol, GROUPING(symbol), BIT_OR(trades) FROM q.prices GROUP BY ROLLUP (symbol) ORDER BY 2, 1", [["BTC", 0, 3], ["ETH", 0, 4], [None, 1, 7]]),
    ("SELECT pg_last_copy_count()", [[0]]),
    ("SELECT CURRENT_DATE = TRUNC(GETDATE())", [[True]]),
]  # fmt: skip


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(("text", "expected"), ANSWERS, ids=[text[:60] for text, _ in ANSWERS])
def test_a_query_returns_redshifts_result(client: Client, text: str, expected: list[list[object]]) -> None:
    assert client.rows(text) == expected


REFUSED = [
    ("INSERT INTO q.other (symbol) VALUES ('a') ON CONFLICT DO NOTHING", "ON CONFLICT"),
    ("INSERT INTO q.other (symbol) VALUES ('a') RETURNING symbol", "RETURNING"),
    ("CREATE INDEX i ON q.prices (symbol)", "index"),
    ("SELECT DISTINCT ON (symbol) symbol FROM q.prices", "DISTINCT ON"),
    ("SELECT 1 FROM q.prices, LATERAL (SELECT 1) x", "LATERAL"),
    ("SELECT ARRAY[1]", "array"),
    ("SELECT '{}'::jsonb", "jsonb"),
    ("CREATE TABLE q.x (id SERIAL)", "serial"),
    ("CREATE TABLE q.x (a INT[])", "not supported"),
    ("SELECT * FROM generate_series(1, 3)", "GENERATE_SERIES"),
    ("SELECT generate_series(1, 3)", "generate_series"),
    ("SELECT pg_sleep(1)", "pg_sleep"),
    ("SELECT now()", "now()"),
    ("SELECT string_agg(symbol, ',') FROM q.prices", "string_agg"),
    ("SELECT FNV_HASH('a')", "fnv_hash"),
    ("SELECT TO_DATE('20010631', 'YYYYMMDD', TRUE)", "out of range"),
    ("SELECT DATEDIFF(day, time '20:00:00', time '21:00:00')", "no date part"),
    ("SELECT REGEXP_COUNT('a', 'a', 1, 'x')", "letters c, i, e and p"),
    ("SELECT * FROM stl_load_errors", "STL_"),
    ("SELECT * FROM pg_stat_activity", "pg_stat_activity"),
    ("SELECT * FROM redshift.table_writes", "does not exist"),
    ("SELECT open FROM q.prices", "reserved word"),
    ("CREATE TABLE q.x (tag INT)", "reserved word"),
    ("SELECT SUM(trades) OVER (ORDER BY at) FROM q.prices", "frame clause"),
    ("SELECT COUNT(*) FILTER (WHERE TRUE) FROM q.prices", "FILTER"),
    ("SELECT symbol INTO q.x FROM q.prices", "into"),
    ("SELECT 1 FROM q.prices FOR UPDATE", "not supported"),
    ("SELECT E'a\\n'", "E'"),
    ("SELECT * FROM other_db.q.prices", "cross-database"),
    ("CREATE TABLE q.x (a DECIMAL(39,0))", "DECIMAL"),
    ("CREATE TABLE q.x (a VARCHAR(65536))", "65535"),
    ("CREATE OR REPLACE TABLE q.x (a INT)", "CREATE OR REPLACE TABLE"),
    ("CREATE VIEW IF NOT EXISTS q.x AS SELECT 1 a", "IF NOT EXISTS"),
    ("CREATE VIEW q.x AS SELECT symbol FROM prices WITH NO SCHEMA BINDING", "qualified"),
    ("CREATE FUNCTION q.f(int) RETURNS int AS $$ SELECT 1 $$ LANGUAGE sql", "function"),
    ("ALTER TABLE q.other APPEND FROM q.prices", "ALTER"),
    ("ALTER TABLE q.other ADD COLUMN IF NOT EXISTS x INT", "IF NOT EXISTS"),
    ("ALTER TABLE q.other ALTER COLUMN trades TYPE VARCHAR(3), ADD COLUMN x INT", "ALTER"),
    ("MERGE INTO q.other o USING q.prices ON o.symbol = prices.symbol WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (1)", "alias"),
    ("MERGE INTO q.other USING q.prices ON other.symbol = prices.symbol WHEN MATCHED THEN DELETE", "both|needs|WHEN"),
    ("MERGE INTO q.other USING q.prices ON other.trades > prices.trades WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (symbol) VALUES ('a')", "equalities"),
    ("MERGE INTO q.other USING q.prices ON other.symbol = prices.symbol WHEN MATCHED AND prices.trades > 1 THEN DELETE WHEN NOT MATCHED THEN INSERT (symbol) VALUES ('a')", "condition"),
    ("MERGE INTO q.other USING (SELECT 1 a) s ON other.trades = s.a WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (trades) VALUES (s.a)", "subquery"),
    ("MERGE INTO q.other USING q.prices ON other.symbol = prices.symbol REMOVE DUPLICATES", "REMOVE DUPLICATES"),
    ("BEGIN", "transaction"),
    ("COMMIT", "transaction"),
    ("UNLOAD ('SELECT 1') TO 's3://b/x' IAM_ROLE 'x'", "UNLOAD"),
    ("SET search_path TO q", "SET"),
    ("EXPLAIN SELECT 1", "EXPLAIN"),
    ("CREATE PROCEDURE q.p() AS $$ BEGIN PERFORM pg_sleep(1); END; $$ LANGUAGE plpgsql", "pg_sleep"),
    ("CREATE PROCEDURE q.p() AS $$ BEGIN INSERT INTO q.other (symbol) VALUES ('a') ON CONFLICT DO NOTHING; END; $$ LANGUAGE plpgsql", "ON CONFLICT"),
    ("GRANT SELECT ON q.prices TO ROLE nobody_of_that_name", "does not exist"),
    ("GRANT EXECUTE ON PROCEDURE q.p() TO PUBLIC", "PROCEDURE"),
    ("DO $$ BEGIN NULL; END $$", "DO"),
    ("SELECT 1 WHERE", "syntax error|Required"),
    ("SELEC 1", "not supported|syntax"),
    ("DELETE FROM svv_tables", "permission denied"),
]  # fmt: skip


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(("text", "reason"), REFUSED, ids=[text[:60] for text, _ in REFUSED])
def test_features_that_redshift_lacks_are_refused(client: Client, text: str, reason: str) -> None:
    outcome = client.run(text)
    assert outcome.status == "FAILED"
    assert any(part in (outcome.error or "") for part in reason.split("|")), outcome.error


def test_a_statement_longer_than_100_kb_is_refused() -> None:
    longest = "x" * (100_000 - len("SELECT ''"))
    assert translate(f"SELECT '{longest[:1]}'")
    with pytest.raises(SqlNotSupported, match="100 kB"):
        translate(f"SELECT '{longest}x'")


class TestTables:
    def test_like_copies_types_and_not_null(self, client: Client, schema: str) -> None:
        client.ok(f"CREATE TABLE {schema}.a (s VARCHAR(3) NOT NULL)", f"CREATE TABLE {schema}.b (LIKE {schema}.a)")
        assert client.run(f"INSERT INTO {schema}.b VALUES ('äö')").error == (
            "ERROR: value too long for type character varying(3)"
        )
        assert (
            client.run(f"INSERT INTO {schema}.b VALUES (NULL)").error
            == "ERROR: Cannot insert a NULL value into column s"
        )
        client.ok(f"INSERT INTO {schema}.b VALUES ('ä1')")

    def test_a_primary_key_is_not_enforced_but_its_columns_are_not_null(self, client: Client, schema: str) -> None:
        client.ok(
            f"CREATE TABLE {schema}.a (x INT PRIMARY KEY, y INT UNIQUE)",
            f"INSERT INTO {schema}.a VALUES (1, 1), (1, 1)",
        )
        assert "column x" in (client.run(f"INSERT INTO {schema}.a VALUES (NULL, 1)").error or "")

    def test_default_types(self, client: Client, schema: str) -> None:
        client.ok(f"CREATE TABLE {schema}.a (d DECIMAL, v VARCHAR, c CHAR)")
        columns = client.run(f"SELECT * FROM {schema}.a").columns
        assert [(c["typeName"], c["precision"], c["scale"]) for c in columns] == [("numeric", 18, 0), ("varchar", 256, 0), ("bpchar", 1, 0)]  # fmt: skip

    def test_identity(self, client: Client, schema: str) -> None:
        client.ok(
            f"CREATE TABLE {schema}.a (i BIGINT IDENTITY(10, 5), v INT)", f"INSERT INTO {schema}.a (v) VALUES (1), (2)"
        )
        assert client.rows(f"SELECT i FROM {schema}.a ORDER BY i") == [[10], [15]]
        assert (
            client.run(f"INSERT INTO {schema}.a (i, v) VALUES (1, 1)").error
            == "ERROR: cannot set an identity column to a value"
        )

    def test_alter(self, client: Client, schema: str) -> None:
        client.ok(
            f"CREATE TABLE {schema}.a (x INT)",
            f"ALTER TABLE {schema}.a ADD COLUMN y VARCHAR(2) NOT NULL DEFAULT 'z'",
            f"ALTER TABLE {schema}.a RENAME COLUMN x TO w",
            f"ALTER TABLE {schema}.a ALTER COLUMN y TYPE VARCHAR(4)",
            f"INSERT INTO {schema}.a VALUES (1, 'four')",
            f"ALTER TABLE {schema}.a DROP COLUMN w",
            f"ALTER TABLE {schema}.a RENAME TO b",
        )
        assert client.rows(f"SELECT * FROM {schema}.b") == [["four"]]

    def test_create_as_and_truncate(self, client: Client, schema: str) -> None:
        client.ok(f"CREATE TABLE {schema}.a DISTSTYLE EVEN SORTKEY (x) AS SELECT 1 AS x", f"TRUNCATE {schema}.a", f"VACUUM {schema}.a", f"ANALYZE {schema}.a")  # fmt: skip
        assert client.rows(f"SELECT COUNT(*) FROM {schema}.a") == [[0]]

    def test_materialized_view(self, client: Client, schema: str) -> None:
        client.ok(
            f"CREATE TABLE {schema}.a (x INT)",
            f"CREATE MATERIALIZED VIEW {schema}.m BACKUP NO DISTSTYLE ALL SORTKEY (n) AUTO REFRESH NO AS SELECT SUM(x) AS n FROM {schema}.a",
            f"INSERT INTO {schema}.a VALUES (3)",
        )  # fmt: skip
        assert client.rows(f"SELECT n FROM {schema}.m") == [[None]]
        client.ok(f"REFRESH MATERIALIZED VIEW {schema}.m")
        assert client.rows(f"SELECT n FROM {schema}.m") == [[3]]

    def test_roles_and_grants_are_real(self, client: Client, schema: str, warehouse) -> None:
        client.ok(
            f"CREATE ROLE {schema}_reader",
            f"CREATE TABLE {schema}.a (x INT)",
            f"GRANT SELECT ON {schema}.a TO ROLE {schema}_reader",
        )
        query = f"SELECT has_table_privilege('{schema}_reader', '{schema}.a', 'SELECT')".encode()
        with warehouse.connect("crypto") as connection:
            assert connection.execute(query).fetchone() == (True,)
        client.ok(f"REVOKE ALL ON {schema}.a FROM ROLE {schema}_reader")
        with warehouse.connect("crypto") as connection:
            assert connection.execute(query).fetchone() == (False,)
        client.ok(f"DROP ROLE {schema}_reader")


class TestWrites:
    @pytest.fixture
    def fact(self, client: Client, schema: str) -> str:
        client.ok(
            f"CREATE TABLE {schema}.fact (k VARCHAR(8) NOT NULL, v INT)",
            f"CREATE TABLE {schema}.stg (LIKE {schema}.fact)",
            f"INSERT INTO {schema}.fact VALUES ('a', 1), ('gone', 1)",
            f"INSERT INTO {schema}.stg VALUES ('a', 2), ('b', 3)",
        )
        return schema

    def merge(self, schema: str) -> str:
        return (
            f"MERGE INTO {schema}.fact USING {schema}.stg AS staged ON fact.k = staged.k "
            "WHEN MATCHED THEN UPDATE SET v = staged.v WHEN NOT MATCHED THEN INSERT (k, v) VALUES (staged.k, staged.v)"
        )

    def test_a_staged_load(self, client: Client, fact: str) -> None:
        outcome = client.batch(
            f"DELETE FROM {fact}.fact WHERE v >= 0 AND NOT EXISTS "
            f"(SELECT 1 FROM {fact}.stg AS staged WHERE staged.k = {fact}.fact.k)",
            self.merge(fact),
        )
        assert outcome.status == "FINISHED", outcome.error
        assert [sub["ResultRows"] for sub in outcome.described["SubStatements"]] == [1, 2]
        assert client.rows(f"SELECT k, v FROM {fact}.fact ORDER BY k") == [["a", 2], ["b", 3]]

    def test_merge_with_duplicates_in_the_source_fails(self, client: Client, fact: str) -> None:
        client.ok(f"INSERT INTO {fact}.stg VALUES ('a', 9)")
        assert client.run(self.merge(fact)).error == "ERROR: Found multiple matches to update the same tuple."

    def test_merge_insert_without_columns(self, client: Client, fact: str) -> None:
        client.ok(
            f"MERGE INTO {fact}.fact USING {fact}.stg ON {fact}.fact.k = stg.k "
            "WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (stg.k, stg.v)"
        )
        assert client.rows(f"SELECT k, v FROM {fact}.fact ORDER BY k") == [["b", 3], ["gone", 1]]

    def test_update_from_and_delete_using(self, client: Client, fact: str) -> None:
        client.ok(
            f"UPDATE {fact}.fact SET v = s.v FROM {fact}.stg s WHERE s.k = fact.k",
            f"DELETE FROM {fact}.fact USING {fact}.stg AS s WHERE fact.k = s.k AND s.v = 3",
            f"UPDATE {fact}.fact SET v = (SELECT COUNT(*) FROM {fact}.stg) WHERE k = 'gone'",
        )
        assert client.rows(f"SELECT k, v FROM {fact}.fact ORDER BY k") == [["a", 2], ["gone", 2]]

    def test_procedures(self, client: Client, fact: str) -> None:
        client.ok(
            f"""CREATE OR REPLACE PROCEDURE {fact}.check_staging(staging IN VARCHAR(128), expected BIGINT) AS $$
            DECLARE found BIGINT;
            BEGIN
                EXECUTE 'SELECT COUNT(*) FROM {fact}.' || quote_ident(staging) INTO found;
                IF found <> expected THEN
                    RAISE EXCEPTION '% holds % rows, expected %', staging, found, expected;
                END IF;
            END; $$ LANGUAGE plpgsql"""
        )
        client.ok(f"CALL {fact}.check_staging('stg', 2)")
        assert client.run(f"CALL {fact}.check_staging('stg', 480)").error == "ERROR: stg holds 2 rows, expected 480"
        client.ok(f"DROP PROCEDURE {fact}.check_staging(VARCHAR, BIGINT)")

    def test_a_procedure_adds_to_times(self, client: Client, fact: str) -> None:
        create = """CREATE OR REPLACE PROCEDURE {fact}.later(amount IN INTEGER, moment IN TIMESTAMP) AS $$
            DECLARE found VARCHAR(32);
            BEGIN found := CAST(DATEADD({part}, amount, moment) AS VARCHAR(32)); RAISE EXCEPTION '%', found; END;
            $$ LANGUAGE plpgsql"""
        for part, found in (("SECOND", "2024-01-31 10:00:01"), ("mons", "2024-02-29 10:00:00")):
            client.ok(create.format(fact=fact, part=part))
            assert client.run(f"CALL {fact}.later(1, '2024-01-31 10:00')").error == f"ERROR: {found}"
        assert "date part" in (client.run(create.format(fact=fact, part="fortnight")).error or "")

    @pytest.mark.parametrize("value", ["found + 1", "SUBSTRING(text, 2)", "UPPER(text)", "text || 'x'", "1"])
    def test_a_raise_takes_no_expressions(self, client: Client, fact: str, value: str) -> None:
        create = """CREATE OR REPLACE PROCEDURE {fact}.tell(found IN BIGINT, text IN VARCHAR(9)) AS $$
            BEGIN RAISE EXCEPTION 'found % and %', {values}; END; $$ LANGUAGE plpgsql"""
        assert client.run(create.format(fact=fact, values=f"found, {value}")).error is not None
        client.ok(create.format(fact=fact, values="found, text"))


ERRORS = [
    ("SELECT * FROM q.missing", 'ERROR: relation "q.missing" does not exist'),
    ("SELECT missing FROM q.prices", 'ERROR: column "missing" does not exist'),
    ("SELECT 1 / 0", "ERROR: division by zero"),
    ("SELECT CAST('12x' AS INT)", "ERROR: Invalid digit, Value 'x', Pos 2, Type: Integer"),
    ("SELECT CAST('a' AS DECIMAL(5,2))", "ERROR: Invalid digit, Value 'a', Pos 0, Type: Decimal"),
    ("SELECT CAST(1000 AS DECIMAL(3,1))", "ERROR: Numeric data overflow (result precision)"),
    ("INSERT INTO q.other (symbol) VALUES ('too long')", "ERROR: value too long for type character varying(4)"),
    ("SELECT STRTOL('zz', 16)", "ERROR: The input 'zz' is not valid to be converted to base 16"),
]


@pytest.mark.usefixtures("tables")
@pytest.mark.parametrize(("text", "expected"), ERRORS, ids=[text for text, _ in ERRORS])
def test_errors_have_redshifts_wording(client: Client, text: str, expected: str) -> None:
    assert client.run(text).error == expected
