"""Statements on the warehouse's port: psycopg, psql and the messages of redshift_connector."""

# ruff: noqa: DTZ001, E501, PT012 - Redshift's timestamps have no time zone

from __future__ import annotations

import contextlib
import datetime as dt
import os
import resource
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]
import pytest

from local_aws.ports import free_port
from local_aws.redshift.copy_runner import CopyRunner
from local_aws.redshift.warehouse import Warehouse, postgres_program
from local_aws.redshift.warehouse_port import WarehousePort
from tests.support.data_api import BUCKET, ROLE, Client

pytestmark = pytest.mark.usefixtures("starts_warehouse")

PASSWORD = "Secret12"


@pytest.fixture(scope="module")
def port(warehouse: Warehouse, s3: Any) -> Iterator[int]:
    warehouse.ensure_login("analyst", PASSWORD, "crypto")
    number = free_port()
    copies = CopyRunner(
        warehouse, lambda _user, _role: s3, lambda _user, arn: None if arn == ROLE else "not authorized"
    )
    with WarehousePort(warehouse, port=number, copies=copies):
        yield number


@pytest.fixture
def connection(port: int) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(
        host="127.0.0.1", port=port, user="analyst", password=PASSWORD, dbname="crypto", autocommit=True
    ) as opened:
        yield opened


@pytest.fixture
def prices(connection: psycopg.Connection[Any]) -> str:
    """A table of this user."""
    connection.execute("DROP TABLE IF EXISTS port_prices")
    connection.execute(
        "CREATE TABLE port_prices (symbol VARCHAR(4) ENCODE zstd, trades INT, price DECIMAL(8,2)) SORTKEY (trades)"
    )
    connection.execute("INSERT INTO port_prices VALUES ('BTC', 1, 1.5), ('ETH', 4, 2)")
    return "port_prices"


def test_statements_are_translated(connection: psycopg.Connection[Any], prices: str) -> None:
    assert connection.execute(
        f"SELECT TOP 1 NVL(symbol, 'x'), LEN(symbol) FROM {prices} ORDER BY trades"
    ).fetchall() == [("BTC", 3)]
    assert (
        str(connection.execute("SELECT DATEADD(month, 1, '2024-01-31')").fetchone())
        == "(datetime.datetime(2024, 2, 29, 0, 0),)"
    )


def test_features_that_redshift_lacks_are_refused(connection: psycopg.Connection[Any], prices: str) -> None:
    for text in (f"INSERT INTO {prices} VALUES ('a', 1, 1) ON CONFLICT DO NOTHING", "SELECT now()", "SELECT ARRAY[1]"):
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            connection.execute(text)


def test_errors_have_redshifts_wording(connection: psycopg.Connection[Any], prices: str) -> None:
    with pytest.raises(psycopg.Error, match=r"^value too long for type character varying\(4\)$"):
        connection.execute(f"INSERT INTO {prices} VALUES ('too long', 1, 1)")


@pytest.mark.parametrize("binary", [False, True])
def test_parameters_and_types(connection: psycopg.Connection[Any], prices: str, binary: bool) -> None:
    query = (
        f"SELECT symbol, trades, price, trades > 1 FROM {prices} WHERE symbol = %s AND trades >= %s AND '$1' <> '%%'"
    )
    assert connection.execute(query, ["ETH", 2], binary=binary).fetchall() == [("ETH", 4, Decimal("2.00"), True)]
    for _ in range(7):  # psycopg prepares the statement after a few executions
        assert connection.execute(f"SELECT COUNT(*) FROM {prices} WHERE trades > %s", [0]).fetchone() == (2,)


def test_a_transaction_is_rolled_back_or_committed(connection: psycopg.Connection[Any], prices: str) -> None:
    with pytest.raises(psycopg.errors.FeatureNotSupported), connection.transaction():
        connection.execute(f"DELETE FROM {prices}")
        connection.execute("SELECT now()")
    assert connection.execute(f"SELECT COUNT(*) FROM {prices}").fetchone() == (2,)
    connection.execute("BEGIN")
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        connection.execute("SELECT now()")
    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        connection.execute("SELECT 1")
    connection.execute("ROLLBACK")
    connection.execute("BEGIN")
    connection.execute(f"DELETE FROM {prices} WHERE trades = 1")
    connection.execute("COMMIT")
    assert connection.execute(f"SELECT trades FROM {prices}").fetchall() == [(4,)]


def test_several_statements_in_one_message_are_one_transaction(
    connection: psycopg.Connection[Any], prices: str
) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        connection.execute(f"DELETE FROM {prices}; SELECT 1 / 0")
    assert connection.execute(f"SELECT COUNT(*) FROM {prices}").fetchone() == (2,)


def test_an_empty_statement_changes_nothing(connection: psycopg.Connection[Any], prices: str) -> None:
    connection.execute("BEGIN")
    connection.execute(f"INSERT INTO {prices} VALUES ('SOL', 9, 1)")
    for empty in (b"", b"  -- nothing", b";"):
        result = connection.pgconn.exec_params(empty, [])
        assert result.status == psycopg.pq.ExecStatus.EMPTY_QUERY
    connection.execute("COMMIT")
    assert connection.execute(f"SELECT COUNT(*) FROM {prices}").fetchone() == (3,)


# https://docs.aws.amazon.com/redshift/latest/dg/r_BEGIN.html, r_COMMIT.html, r_END.html, r_ROLLBACK.html, r_ABORT.html
@pytest.mark.parametrize(
    ("begin", "end", "rows"),
    [
        ("BEGIN;", "COMMIT; -- done", 3),
        ("begin work", "commit /* x */ work", 3),
        ("BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE", "END TRANSACTION", 3),
        ("START TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE", "/* x */ END", 3),
        ("BEGIN ISOLATION LEVEL READ UNCOMMITTED", "ROLLBACK; -- undone", 2),
        ("-- first\nBEGIN READ WRITE", "ABORT WORK", 2),
    ],
)
def test_each_documented_form_begins_or_ends_a_transaction(
    connection: psycopg.Connection[Any], prices: str, begin: str, end: str, rows: int
) -> None:
    assert connection.execute(begin).statusmessage == "BEGIN"
    connection.execute(f"INSERT INTO {prices} VALUES ('SOL', 9, 1)")
    assert connection.execute(end).statusmessage == ("COMMIT" if rows == 3 else "ROLLBACK")
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert connection.execute(f"SELECT COUNT(*) FROM {prices}").fetchone() == (rows,)


def test_a_read_only_transaction_reads_only(connection: psycopg.Connection[Any], prices: str) -> None:
    connection.execute("BEGIN READ ONLY")
    assert connection.execute(f"SELECT COUNT(*) FROM {prices}").fetchone() == (2,)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction, match=r"^transaction is read-only$"):
        connection.execute(f"DELETE FROM {prices}")
    connection.execute("ROLLBACK")


@pytest.mark.parametrize("text", ["BEGIN ISOLATION LEVEL CHAOS", "COMMIT PREPARED 'x'", "ROLLBACK TO SAVEPOINT x"])
def test_other_forms_of_transaction_statements_are_refused(connection: psycopg.Connection[Any], text: str) -> None:
    with pytest.raises(psycopg.errors.SyntaxError):
        connection.execute(text)


def test_a_statement_sees_the_tables_of_the_statements_before_it(connection: psycopg.Connection[Any]) -> None:
    connection.execute("DROP TABLE IF EXISTS port_new")
    done = connection.execute(
        "CREATE TABLE port_new (p DECIMAL(8,2)); INSERT INTO port_new VALUES (1.5); SELECT p * p FROM port_new"
    )
    while done.nextset():
        pass
    assert done.fetchone() == (Decimal("2.2500"),)
    square = b"SELECT p * p FROM port_new"
    connection.pgconn.prepare(b"square", square)
    for kind, expected in (("DECIMAL(8,2)", b"2.2500"), ("DECIMAL(8,3)", b"2.250000"), ("INT", b"4")):
        connection.execute(f"DROP TABLE port_new; CREATE TABLE port_new (p {kind}); INSERT INTO port_new VALUES (1.5)")
        assert connection.pgconn.exec_prepared(b"square", []).get_value(0, 0) == expected


def test_a_parameter_is_not_found_in_a_tagged_dollar_quote(connection: psycopg.Connection[Any], prices: str) -> None:
    connection.execute(
        "CREATE OR REPLACE PROCEDURE port_add(amount INT) AS $body$ BEGIN "
        f"INSERT INTO {prices} VALUES ('SOL', $1, 1); END $body$ LANGUAGE plpgsql"
    )
    connection.execute("CALL port_add(9)")
    assert connection.execute(f"SELECT trades FROM {prices} WHERE symbol = 'SOL'").fetchone() == (9,)


def test_a_named_parameter_is_refused_and_the_session_continues(
    connection: psycopg.Connection[Any], prices: str
) -> None:
    for text in ("SELECT :x", f"SELECT price FROM {prices} WHERE trades = :p1"):
        with pytest.raises(psycopg.errors.SyntaxError, match=r"are written \$1"):
            connection.execute(text)
    with pytest.raises(psycopg.errors.SyntaxError):
        connection.execute("SELECT trades FROM port_prices WHERE trades = :p1 AND price > %s", [0])
    assert connection.execute("SELECT '1'::int, ':x'").fetchone() == (1, ":x")


def test_only_plain_queries_of_the_catalog_run_untranslated(connection: psycopg.Connection[Any], prices: str) -> None:
    for text in (
        "SELECT 1 AS a INTO public.hack FROM pg_catalog.pg_namespace",
        "SELECT ' FROM pg_catalog.x', now()",
        f"SELECT now() FROM pg_catalog.pg_class, {prices}",
        f"SELECT redshift.sort_rows('{prices}') FROM pg_catalog.pg_class",
        f"SELECT sort_rows('{prices}') FROM pg_catalog.pg_class",
        "SELECT pg_catalog.set_config('redshift.user', 'x', false) FROM pg_catalog.pg_class",
        "SELECT query_to_xml('SELECT 1', true, true, '') FROM pg_catalog.pg_class",
        "SELECT relname FROM pg_catalog.pg_class FOR SHARE",
    ):
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            connection.execute(text)
    assert connection.execute("SELECT ' from pg_catalog.x', NVL(NULL, 2)").fetchone() == (" from pg_catalog.x", 2)
    assert connection.execute(f"SELECT relkind FROM pg_class WHERE relname = '{prices}'").fetchone() == ("r",)
    assert connection.execute("SELECT COUNT(*) FROM svv_tables WHERE table_name = 'hack'").fetchone() == (0,)


# https://docs.aws.amazon.com/redshift/latest/dg/r_SET.html, r_SHOW.html, r_RESET.html, r_search_path.html
def test_settings_of_the_session(connection: psycopg.Connection[Any], port: int) -> None:
    def shown(name: str) -> str:
        row = connection.execute(f"SHOW {name}").fetchone()
        assert row is not None
        return str(row[0])

    assert [shown(name) for name in ("search_path", "statement_timeout", "query_group", "TimeZone")] == [
        "$user, public",
        "0",
        "default",
        "UTC",
    ]
    connection.execute("CREATE SCHEMA IF NOT EXISTS port_own")
    assert connection.execute("SET search_path TO '$user', port_own, public").statusmessage == "SET"
    connection.execute("CREATE TABLE IF NOT EXISTS only_there (a DECIMAL(8,2))")
    connection.execute("SELECT NVL(a, 0) * a FROM port_own.only_there")
    connection.execute("SELECT NVL(a, 0) * a FROM only_there")
    assert shown("search_path") == "$user, port_own, public"
    connection.execute("SET SESSION statement_timeout = 5000")
    connection.execute("SET query_group TO 'reports'")
    connection.execute("SET timezone TO 'UTC'")
    connection.execute("BEGIN")
    connection.execute("SET LOCAL statement_timeout TO 6000")
    assert shown("statement_timeout") == "6000"
    connection.execute("COMMIT")
    assert (shown("statement_timeout"), shown("query_group")) == ("5000", "reports")
    connection.execute("RESET query_group")
    assert shown("query_group") == "default"
    connection.execute("RESET ALL")
    assert (shown("statement_timeout"), shown("search_path")) == ("0", "$user, public")
    with pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT a FROM only_there")
    connection.execute("DROP SCHEMA port_own CASCADE")


@pytest.mark.parametrize(
    "text",
    [
        "SET wlm_query_slot_count TO 3", "SET timezone TO 'America/New_York'", "SHOW work_mem", "RESET role",
        "SET search_path TO redshift", "SET statement_timeout TO '5s'", "SET ROLE postgres", "EXPLAIN SELECT 1",
    ],
)  # fmt: skip
def test_other_settings_are_refused(connection: psycopg.Connection[Any], text: str) -> None:
    with pytest.raises((psycopg.errors.FeatureNotSupported, psycopg.errors.SyntaxError)):
        connection.execute(text)


def test_a_statement_ends_at_its_timeout(connection: psycopg.Connection[Any], prices: str) -> None:
    connection.execute("SET statement_timeout TO 500")
    many = ", ".join(f"{prices} t{number}" for number in range(24))
    with pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute(f"SELECT COUNT(*) FROM {many}")


# https://docs.aws.amazon.com/redshift/latest/dg/r_VERSION.html
def test_the_version_is_redshifts(connection: psycopg.Connection[Any]) -> None:
    for text in ("SELECT version()", "select pg_catalog.version();"):
        row = connection.execute(text).fetchone()
        assert row is not None
        assert row[0].startswith("PostgreSQL 8.0.2 on ")
        assert ", Redshift 1.0." in row[0]


def test_a_writer_conflicts_with_the_data_api(connection: psycopg.Connection[Any], prices: str, client: Client) -> None:
    connection.execute("BEGIN")
    connection.execute(f"SELECT COUNT(*) FROM {prices}")
    client.ok(f"INSERT INTO {prices} VALUES ('SOL', 9, 1)")
    with pytest.raises(psycopg.errors.SerializationFailure, match="1023"):
        connection.execute(f"DELETE FROM {prices}")
    connection.execute("ROLLBACK")


def test_a_running_statement_can_be_cancelled(connection: psycopg.Connection[Any], prices: str) -> None:
    many = ", ".join(f"{prices} t{number}" for number in range(24))
    timer = threading.Timer(1, connection.cancel_safe)
    timer.start()
    with pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute(f"SELECT COUNT(*) FROM {many}")
    timer.join()
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_copy_and_both_histories(connection: psycopg.Connection[Any], prices: str, s3: Any, tmp_path: Path) -> None:
    table = pa.table(
        {
            "symbol": ["ADA"],
            "trades": pa.array([7], pa.int32()),
            "price": pa.array([Decimal("3.25")], pa.decimal128(8, 2)),
        }
    )
    pq.write_table(table, tmp_path / "part.parquet")
    s3.upload_file(str(tmp_path / "part.parquet"), BUCKET, "port/part.parquet")
    connection.execute(f"COPY {prices} FROM 's3://{BUCKET}/port/part.parquet' IAM_ROLE '{ROLE}' PARQUET")
    assert connection.execute(f"SELECT price FROM {prices} WHERE symbol = 'ADA'").fetchone() == (Decimal("3.25"),)
    load = connection.execute(
        "SELECT query_id, status, loaded_rows FROM sys_load_history ORDER BY start_time DESC LIMIT 1"
    ).fetchone()
    assert load is not None
    assert load[1:] == ("completed", 1)
    found = connection.execute(
        "SELECT query_type, status, username FROM sys_query_history WHERE query_id = %s", [load[0]]
    )
    assert found.fetchone() == ("COPY", "success", "analyst")


@pytest.fixture
def endless_copy(s3: Any, prices: str, tmp_path: Path) -> str:
    """A COPY of many batches of rows."""
    rows = 1_500_000
    table = pa.table(
        {
            "symbol": pa.array(["ADA"]).take(pa.array([0] * rows)),
            "trades": pa.array(range(rows), pa.int32()),
            "price": pa.array([Decimal("3.25")], pa.decimal128(8, 2)).take(pa.array([0] * rows)),
        }
    )
    pq.write_table(table, tmp_path / "many.parquet")
    s3.upload_file(str(tmp_path / "many.parquet"), BUCKET, "many/part.parquet")
    return f"COPY {prices} FROM 's3://{BUCKET}/many/' IAM_ROLE '{ROLE}' PARQUET"


def test_a_copy_can_be_cancelled_and_times_out(
    connection: psycopg.Connection[Any], prices: str, endless_copy: str
) -> None:
    timer = threading.Timer(0.5, connection.cancel_safe)
    timer.start()
    with pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute(endless_copy)
    timer.join()
    connection.execute("SET statement_timeout TO 400")
    with pytest.raises(psycopg.Error, match="Query cancelled on user's request"):
        connection.execute(endless_copy)
    connection.execute("SET statement_timeout TO 0")
    assert connection.execute(f"SELECT COUNT(*) FROM {prices}").fetchone() == (2,)


# https://docs.aws.amazon.com/redshift/latest/dg/cm-c-wlm-query-monitoring-rules.html
def test_the_workgroups_longest_execution_applies(warehouse: Warehouse, prices: str) -> None:
    number = free_port()
    copies = CopyRunner(warehouse, lambda _user, _role: None, lambda _user, _arn: None)
    many = ", ".join(f"{prices} t{number}" for number in range(24))
    with (
        WarehousePort(warehouse, port=number, copies=copies, longest_execution=lambda _workgroup: 0.5),
        psycopg.connect(
            host="127.0.0.1", port=number, user="analyst", password=PASSWORD, dbname="crypto", autocommit=True
        ) as limited,
        pytest.raises(psycopg.errors.QueryCanceled, match="max_query_execution_time"),
    ):
        limited.execute(f"SELECT COUNT(*) FROM {many}")


def test_tags_name_the_statement_and_a_copy_reports_its_rows(
    connection: psycopg.Connection[Any], prices: str, s3: Any, tmp_path: Path
) -> None:
    notices: list[tuple[str | None, str | None]] = []
    connection.add_notice_handler(lambda notice: notices.append((notice.severity, notice.message_primary)))
    assert connection.execute(f"VACUUM {prices}").statusmessage == "VACUUM"
    assert connection.execute("SHOW query_group").statusmessage == "SHOW"
    assert connection.execute(f"DELETE FROM {prices}").statusmessage == "DELETE 2"
    table = pa.table(
        {
            "symbol": ["ADA"],
            "trades": pa.array([7], pa.int32()),
            "price": pa.array([Decimal("3.25")], pa.decimal128(8, 2)),
        }
    )
    pq.write_table(table, tmp_path / "one.parquet")
    s3.upload_file(str(tmp_path / "one.parquet"), BUCKET, "one/part.parquet")
    done = connection.execute(f"COPY {prices} FROM 's3://{BUCKET}/one/' IAM_ROLE '{ROLE}' PARQUET")
    assert done.statusmessage == "COPY"
    assert notices == [("INFO", f"Load into table '{prices}' completed, 1 record(s) loaded successfully.")]


# https://docs.aws.amazon.com/redshift/latest/dg/r_query_group.html
def test_the_query_group_is_the_label_in_the_history(connection: psycopg.Connection[Any]) -> None:
    connection.execute("SET query_group TO 'nightly'")
    connection.execute("SELECT 4711")
    connection.execute("RESET query_group")
    labels = connection.execute("SELECT query_label FROM sys_query_history WHERE query_text = 'SELECT 4711'").fetchall()
    assert labels == [("nightly",)]


@pytest.mark.parametrize(
    "function", ["sort_rows('owned')", "extend_zone_maps('owned')", "add_zone_maps('owned', '{}')"]
)
def test_zone_maps_change_only_for_those_with_the_rights(
    connection: psycopg.Connection[Any], warehouse: Warehouse, function: str
) -> None:
    with warehouse.connect("crypto", autocommit=True) as ours:
        ours.execute("CREATE TABLE IF NOT EXISTS owned (a INT); DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN")
    with warehouse.session("crypto", user="guest") as guest, pytest.raises(psycopg.errors.InsufficientPrivilege):
        guest.execute(f"SELECT redshift.{function}".encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("VACUUM owned")
    connection.execute("INSERT INTO owned VALUES (1)")


def test_temporary_tables_do_not_replace_the_catalog(connection: psycopg.Connection[Any], warehouse: Warehouse) -> None:
    connection.execute("DROP TABLE IF EXISTS mapped")
    connection.execute("CREATE TABLE mapped (a INT)")
    with warehouse.session("crypto", user="analyst") as own:
        own.execute("CREATE TEMP TABLE pg_attribute (attrelid oid, attname name, attisdropped boolean)")
        own.execute("SELECT redshift.add_zone_maps('mapped', '{a}')")


def test_a_cursor_of_a_transaction(connection: psycopg.Connection[Any], prices: str) -> None:
    connection.execute("BEGIN")
    connection.execute(f"DECLARE c CURSOR FOR SELECT trades FROM {prices} ORDER BY trades")
    assert connection.execute("FETCH NEXT FROM c").fetchall() == [(1,)]
    assert connection.execute("FETCH ALL FROM c").fetchall() == [(4,)]
    connection.execute("COMMIT")


_COMMANDS = ("\\d port_prices", "\\d", "\\dn", "\\dv", "\\dp", "\\du", "\\df port*", "\\l")


def test_psql(port: int, prices: str) -> None:
    command = [
        str(postgres_program("psql")),
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        "-U",
        "analyst",
        "-At",
        "-d",
        "crypto",
    ]
    environment = {**os.environ, "PGPASSWORD": PASSWORD}
    done = subprocess.run(
        [*command, "-c", f"SELECT NVL(symbol, 'x') FROM {prices} WHERE trades = 1", "-c", "\\dt port_prices"],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["BTC", "public|port_prices|table|analyst"]
    shown = subprocess.run(
        [*command, *(word for name in _COMMANDS for word in ("-c", name))],
        capture_output=True, text=True, env=environment, check=False,
    )  # fmt: skip
    assert shown.stderr == ""
    assert "trades|integer|||" in shown.stdout.splitlines()


def test_a_session_whose_backend_ends_gets_an_error_and_others_continue(
    connection: psycopg.Connection[Any], port: int, warehouse: Warehouse
) -> None:
    with psycopg.connect(host="127.0.0.1", port=port, user="analyst", password=PASSWORD, dbname="crypto") as other:
        with warehouse.connect("crypto", autocommit=True) as ours:
            ours.execute("SELECT pg_terminate_backend(%s, 5000)", [other.info.backend_pid])
        with pytest.raises(psycopg.errors.AdminShutdown):
            other.execute("SELECT 1")
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_client_that_does_not_sign_in_is_disconnected(warehouse: Warehouse, tmp_path: Path) -> None:
    number = free_port()
    copies = CopyRunner(warehouse, lambda _user, _role: None, lambda _user, _arn: None)
    with (
        WarehousePort(warehouse, port=number, copies=copies, login_seconds=0.2),
        socket.create_connection(("127.0.0.1", number), timeout=60) as idle,
    ):
        assert idle.recv(1) == b""


def test_a_long_message_before_the_login_ends_the_connection(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=60) as greedy:
        greedy.sendall(struct.pack(">ii", 20, 196608) + b"user\0me\0\0\0\0\0")
        assert greedy.recv(1) == b"R"
        greedy.sendall(b"p" + struct.pack(">i", 60_000_000))
        while greedy.recv(100):
            pass


def test_the_port_accepts_clients_again_after_it_ran_out_of_files(port: int) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as client:
        highest = max(int(name) for name in os.listdir("/dev/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest, before[1]))
        try:
            filled = _files_until_none_is_left()
            client.connect(("127.0.0.1", port))
            time.sleep(0.5)  # accept() fails
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
            for file in filled:
                os.close(file)
    with psycopg.connect(
        host="127.0.0.1", port=port, user="analyst", password=PASSWORD, dbname="crypto", connect_timeout=60
    ) as later:
        assert later.execute("SELECT 1").fetchone() == (1,)


def _files_until_none_is_left() -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        while True:
            found.append(os.open(os.devnull, os.O_RDONLY))
    return found


class Wire:
    """The messages that redshift_connector 2.1 sends (redshift_connector/core.py), with their answers."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=300)
        self._stream = self._socket.makefile("rwb")

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def send(self, kind: bytes, body: bytes = b"") -> None:
        self._stream.write(kind + struct.pack(">i", len(body) + 4) + body)

    def until(self, last: bytes) -> list[tuple[bytes, bytes]]:
        self._stream.flush()
        found: list[tuple[bytes, bytes]] = []
        while not found or found[-1][0] != last:
            kind, length = struct.unpack(">ci", self._stream.read(5))
            found.append((kind, self._stream.read(length - 4)))
        return found

    def sign_in(self) -> list[tuple[bytes, bytes]]:
        settings = {"user": "analyst", "database": "crypto", "application_name": "x", "driver_version": "Redshift Python Driver 2.1",
                    "client_protocol_version": "2"}  # fmt: skip
        body = (
            struct.pack(">i", 196608)
            + b"".join(f"{name}\0{value}\0".encode() for name, value in settings.items())
            + b"\0"
        )
        self._stream.write(struct.pack(">i", len(body) + 4) + body)
        assert self.until(b"R")[-1][1] == struct.pack(">i", 3)
        self.send(b"p", PASSWORD.encode() + b"\0")
        return self.until(b"Z")


@pytest.fixture
def wire(port: int) -> Iterator[Wire]:
    opened = Wire(port)
    yield opened
    opened.close()


def test_redshift_connectors_statement_is_described_bound_and_executed(wire: Wire, prices: str) -> None:
    names = [body.split(b"\0")[0] for kind, body in wire.sign_in() if kind == b"S"]
    assert b"server_protocol_version" not in names  # so that the driver uses the base protocol
    text = (
        f"SELECT symbol, trades, price, trades > 1, GETDATE() FROM {prices} WHERE trades > $1 AND symbol <> $2".encode()
    )
    wire.send(b"P", b"s1\0" + text + b"\0" + struct.pack(">hII", 2, 23, 705))
    wire.send(b"D", b"Ss1\0")
    wire.send(b"S")
    described = dict(wire.until(b"Z"))
    assert described[b"t"][:6] == struct.pack(">hI", 2, 23)
    columns = [part for part in (b"symbol", b"trades", b"price") if part in described[b"T"]]
    assert len(columns) == 3
    # Parameters: binary and text. Results: binary integers, truth values and timestamps, decimals as text.
    values = struct.pack(">ii", 4, 1) + struct.pack(">i", 1) + b"x"
    formats = struct.pack(">hhhhhh", 5, 1, 1, 0, 1, 1)
    wire.send(b"B", b"\0s1\0" + struct.pack(">hhhh", 2, 1, 0, 2) + values + formats)
    wire.send(b"E", b"\0" + struct.pack(">i", 0))
    wire.send(b"S")
    answers = dict(wire.until(b"Z"))
    row = answers[b"D"]
    assert row[: 2 + 4 + 3 + 4 + 4 + 4 + 4 + 4 + 1] == (
        struct.pack(">hi", 5, 3)
        + b"ETH"
        + struct.pack(">ii", 4, 4)
        + struct.pack(">i", 4)
        + b"2.00"
        + struct.pack(">i", 1)
        + b"\1"
    )
    (micros,) = struct.unpack(">q", row[-8:])
    assert abs(
        dt.datetime(2000, 1, 1) + dt.timedelta(microseconds=micros) - dt.datetime.now(dt.UTC).replace(tzinfo=None)
    ) < dt.timedelta(minutes=10)
    assert answers[b"C"] == b"SELECT 1\0"


def test_tls_is_refused_so_that_clients_continue_without(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=300) as plain:
        plain.sendall(struct.pack(">ii", 8, 80877103))
        assert plain.recv(1) == b"N"
