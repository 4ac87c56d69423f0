"""The emulator's own schemas and system tables: no statement can change them or stop the others with a lock on them."""

from __future__ import annotations

import pytest

from tests.support.data_api import Client

pytestmark = pytest.mark.usefixtures("starts_warehouse")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('DROP SCHEMA "redshift" CASCADE', 'schema "redshift" does not exist'),
        ("DROP SCHEMA redshift_records", 'schema "redshift_records" does not exist'),
        ("DROP SCHEMA information_schema CASCADE", "permission denied for schema information_schema"),
        ("GRANT USAGE ON SCHEMA redshift TO PUBLIC", 'schema "redshift" does not exist'),
        ("GRANT SELECT ON ALL TABLES IN SCHEMA redshift_records TO PUBLIC", "does not exist"),
        ("REVOKE SELECT ON redshift.sys_load_history FROM PUBLIC", 'schema "redshift" does not exist'),
        ("COMMENT ON SCHEMA redshift IS 'mine'", 'schema "redshift" does not exist'),
        ("CREATE PROCEDURE redshift.p() AS $$ BEGIN NULL; END; $$ LANGUAGE plpgsql", "does not exist"),
        ("SELECT * FROM redshift_records.load_history", 'schema "redshift_records" does not exist'),
        ("DELETE FROM load_history", 'relation "load_history" does not exist'),
        ("SELECT * FROM table_writes", 'relation "table_writes" does not exist'),
        ("LOCK query_history", 'relation "query_history" does not exist'),
        ("LOCK sys_query_history", "permission denied for relation sys_query_history"),
        ("DROP VIEW sys_load_error_detail", "permission denied for relation sys_load_error_detail"),
        ("DROP TABLE IF EXISTS svv_tables", "permission denied for relation svv_tables"),
        ("ALTER TABLE sys_load_history RENAME TO mine", "permission denied for relation sys_load_history"),
        ("CREATE TABLE sys_load_history (x INT)", "permission denied for relation sys_load_history"),
        ("CREATE OR REPLACE VIEW svv_columns AS SELECT 1 AS x", "permission denied for relation svv_columns"),
        ("TRUNCATE sys_load_history", "permission denied for relation sys_load_history"),
    ],
)
def test_they_cannot_be_changed(client: Client, text: str, reason: str) -> None:
    assert reason in (client.run(text).error or "")


def test_no_procedure_changes_a_system_table(client: Client, schema: str) -> None:
    client.ok(f"CREATE PROCEDURE {schema}.forget() AS $$ BEGIN DELETE FROM sys_query_history; END; $$ LANGUAGE plpgsql")
    assert "cannot delete from view" in (client.run(f"CALL {schema}.forget()").error or "")


def test_they_are_not_listed(client: Client) -> None:
    found = client.rows("SELECT DISTINCT table_schema FROM svv_tables WHERE table_schema LIKE 'redshift%'")
    assert found == client.rows("SELECT DISTINCT table_schema FROM svv_columns WHERE table_schema LIKE 'redshift%'")
    assert found == []


def test_a_locked_table_of_the_emulator_stops_nobody(client: Client, schema: str) -> None:
    """A procedure's body is not translated, so it can lock a system table."""
    client.ok(f"CREATE PROCEDURE {schema}.hold() AS $$ BEGIN LOCK TABLE sys_query_history; END; $$ LANGUAGE plpgsql")
    outcome = client.batch(f"CALL {schema}.hold()", f"CREATE TABLE {schema}.held (x INT)")
    assert outcome.status == "FINISHED", outcome.error
    assert client.rows(f"SELECT status FROM sys_query_history WHERE query_text LIKE 'CALL {schema}.hold%'") == [
        ["success"]
    ]
