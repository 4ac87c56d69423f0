"""Warehouses with a given number of loaded days, and the time that statements take in them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NoReturn

import psycopg
from crypto_prices.market_sets import market_set_name

from dev.bench.day_load import CANDLES_OF_A_DAY, DayLoad
from local_aws.protocol.signature import RequestContext
from local_aws.redshift.data_api import RedshiftDataApi
from local_aws.redshift.warehouse import Warehouse
from local_platform.checkout import REPOSITORY

_CALLER = RequestContext(region="us-east-1", account_id="123456789012", access_key_id="bench", session_token=None)
_SECRET = "bench"  # noqa: S105 - its name
_FILL = Path(__file__).with_name("fill_warehouse.sql")
_STAGE = Path(__file__).with_name("fill_staging.sql")
_LOADS_OF_A_DAY = 2  # in fill_warehouse.sql


class StatementError(RuntimeError):
    """A statement of a load failed. The message is Redshift's."""


class FilledWarehouse:
    """A Redshift database with all migrations, and two loads of each day of all markets.

    Args:
        warehouse: The started warehouse.
        api: Its Data API.
        database: Name of the database, which does not exist yet.
        markets: Canonical names of the markets.
        last_day: The last loaded day.
        days: Number of loaded days.

    Attributes:
        rows: Number of rows in the fact table.
        newest_load: Number of the newest load.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        api: RedshiftDataApi,
        database: str,
        *,
        markets: Sequence[str],
        last_day: date,
        days: int,
    ) -> None:
        self._warehouse = warehouse
        self.api = api
        self._database = database
        self._markets = markets
        warehouse.ensure_database(database)
        for migration in sorted((REPOSITORY / "sql" / "migrations").glob("*.sql")):
            self.seconds(migration.read_text())
        self._fill(last_day - timedelta(days=days - 1), last_day)
        self.rows = days * CANDLES_OF_A_DAY * len(markets)
        self.newest_load = _LOADS_OF_A_DAY * days

    def stage(self, load: DayLoad, *, change: int = 0) -> None:
        """Create and fill the load's staging table, as copy_to_staging does.

        Args:
            load: The load.
            change: What to add to the prices that a loaded day has.
        """
        self.seconds(*load.sql(["load/staging/create_staging.sql"]))
        self._change(
            _STAGE,
            table=load.staging_table,
            day=load.window.start,
            markets=list(self._markets),
            batch_id=load.batch_id,
            change=change,
        )

    def seconds(self, *statements: str) -> float:
        """Run statements in one transaction, and return the wall time that the Data API needs.

        Raises:
            StatementError: One of them failed.
        """
        began = time.perf_counter()
        target = {"WorkgroupName": "bench", "Database": self._database, "SecretArn": _SECRET}
        if len(statements) == 1:
            submitted = self.api.ExecuteStatement(_CALLER, {**target, "Sql": statements[0]})
        else:
            submitted = self.api.BatchExecuteStatement(_CALLER, {**target, "Sqls": list(statements)})
        ended = self.api.DescribeStatement(_CALLER, {"Id": submitted["Id"], "WaitTimeSeconds": 30})
        while ended["Status"] not in ("FINISHED", "FAILED", "ABORTED"):
            ended = self.api.DescribeStatement(_CALLER, {"Id": submitted["Id"], "WaitTimeSeconds": 30})
        if ended["Status"] != "FINISHED":
            raise StatementError(str(ended.get("Error")))
        return time.perf_counter() - began

    def _fill(self, first_day: date, last_day: date) -> None:
        self._change(
            _FILL,
            first_day=first_day,
            last_day=last_day,
            markets=list(self._markets),
            market_set=market_set_name(self._markets),
        )
        with self._warehouse.connect(self._database, autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE)")

    def _change(self, file: Path, **values: object) -> None:
        """Run a file with PostgreSQL's SQL. Its parameters are bound here, because it has several statements."""
        with (
            self._warehouse.connect(self._database) as connection,
            psycopg.ClientCursor(connection) as cursor,
        ):
            text = file.read_text().replace("{table}", str(values.get("table")))
            cursor.execute(text.encode(), values)


@contextlib.contextmanager
def data_api(warehouse: Warehouse) -> Iterator[RedshiftDataApi]:
    """Give a Data API for statements that load nothing from S3.

    Args:
        warehouse: A started warehouse.
    """

    def no_s3(*_: object) -> NoReturn:
        raise StatementError("these statements load nothing from S3")

    api = RedshiftDataApi(
        warehouse,
        s3_client_factory=no_s3,
        role_refusal=no_s3,
        secret_lookup=lambda _context, _secret: '{"username": "admin", "password": "bench"}',
        workgroup_status=lambda _workgroup: "AVAILABLE",
    )
    try:
        yield api
    finally:
        api.close()
