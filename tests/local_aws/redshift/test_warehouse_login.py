"""Logins to the warehouse's port, as psql and drivers use them: with a password and without superuser rights."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local_aws.ports import PortNotFreeError, free_port
from local_aws.redshift.copy_runner import CopyRunner
from local_aws.redshift.load import DatabaseUser
from local_aws.redshift.warehouse import Warehouse
from local_aws.redshift.warehouse_port import WarehousePort

pytestmark = pytest.mark.usefixtures("starts_warehouse")

PASSWORD = "Secret'12\\"


def no_s3(_user: DatabaseUser, role: str) -> object:
    raise AssertionError(f"these tests load nothing from S3, but {role} was requested")


def port_of(warehouse: Warehouse, port: int) -> WarehousePort:
    return WarehousePort(warehouse, port=port, copies=CopyRunner(warehouse, no_s3, lambda _user, _role: None))


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Warehouse]:
    with Warehouse(tmp_path_factory.mktemp("warehouse")) as running:
        running.ensure_database("crypto")
        with running.connect("crypto", autocommit=True) as connection:
            connection.execute("CREATE TABLE prices (at int)")
        running.ensure_login("admin", PASSWORD, "crypto")
        with port_of(running, port):
            yield running


def signed_in(port: int, user: str = "admin", password: str = PASSWORD) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host="127.0.0.1", port=port, user=user, password=password, dbname="crypto", autocommit=True, connect_timeout=60
    )


def test_the_admin_reads_writes_and_creates_tables(warehouse: Warehouse, port: int) -> None:
    with signed_in(port) as connection:
        connection.execute("INSERT INTO prices VALUES (1)")
        assert connection.execute("SELECT count(*) FROM prices").fetchone() == (1,)
        connection.execute("CREATE SCHEMA mine")
        connection.execute("CREATE TABLE mine.notes (word VARCHAR(10))")
        # Redshift's functions work without their schema.
        assert connection.execute("SELECT getdate() IS NOT NULL").fetchone() == (True,)
        # This includes tables that are created later.
        with warehouse.connect("crypto", autocommit=True) as ours:
            ours.execute("CREATE TABLE later (at int)")
        assert connection.execute("SELECT count(*) FROM later").fetchone() == (0,)


def test_the_admin_is_not_a_superuser(warehouse: Warehouse, port: int) -> None:
    with signed_in(port) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("DROP TABLE prices")


@pytest.mark.parametrize("statement", ["COPY (SELECT 1) TO PROGRAM 'true'", "SET ROLE postgres"])
def test_statements_of_postgresql_only_are_refused(warehouse: Warehouse, port: int, statement: str) -> None:
    with signed_in(port) as connection, pytest.raises(psycopg.errors.FeatureNotSupported):
        connection.execute(statement)


@pytest.mark.parametrize(("user", "password"), [("admin", "wrong"), ("nobody", PASSWORD), ("postgres", PASSWORD)])
def test_other_users_are_refused(warehouse: Warehouse, port: int, user: str, password: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=f'password authentication failed for user "{user}"'):
        signed_in(port, user, password)


def test_a_new_password_replaces_the_old_one_until_the_user_is_refused(warehouse: Warehouse, port: int) -> None:
    warehouse.ensure_login("other", "First1234", "crypto")
    warehouse.ensure_login("other", "Second1234", "crypto")
    with pytest.raises(psycopg.OperationalError):
        signed_in(port, "other", "First1234")
    signed_in(port, "other", "Second1234").close()
    warehouse.refuse_login("other")
    warehouse.refuse_login("never-there")
    with pytest.raises(psycopg.OperationalError):
        signed_in(port, "other", "Second1234")
    warehouse.ensure_login("other", "Third1234", "crypto")
    signed_in(port, "other", "Third1234").close()


@pytest.mark.parametrize("user", ["postgres", "pg_monitor", "public"])
def test_names_that_postgresql_reserves_are_refused(warehouse: Warehouse, user: str) -> None:
    with pytest.raises(ValueError, match="reserved by PostgreSQL"):
        warehouse.ensure_login(user, PASSWORD, "crypto")


def test_logins_survive_a_restart_and_a_change_of_the_port(tmp_path: Path, port: int) -> None:
    with Warehouse(tmp_path) as first:
        first.ensure_database("crypto")
        first.ensure_login("admin", PASSWORD, "crypto")
    other = free_port()
    with Warehouse(tmp_path) as second, port_of(second, other):
        signed_in(other).close()
        with second.connect("crypto") as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_port_in_use_is_refused(warehouse: Warehouse) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortNotFreeError) as raised:
            port_of(warehouse, port)
    assert raised.value.port == port


def test_postgresql_itself_listens_on_no_port(tmp_path: Path) -> None:
    with Warehouse(tmp_path) as warehouse, warehouse.connect("postgres") as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
