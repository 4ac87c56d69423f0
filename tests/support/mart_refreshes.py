"""Loads and refreshes of the marts, without Airflow: rows of the fact table and of the load log, and the marts' SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
from crypto_prices.marts.refresh import Refresh, marts_digest, plan_refresh
from crypto_prices.task_statements import REFRESH_MARTS
from crypto_prices.templates import FILTERS, MACROS

from local_aws.redshift.warehouse import Warehouse
from tests.support.data_api import Client

SQL = Path(__file__).parents[2] / "sql"
MARTS = {
    "daily_prices": "source, symbol, quote_currency, price_date",
    "price_statistics": "source, symbol, quote_currency, price_date",
    "quote_rates": "quote_currency, hour_end",
    "venue_prices": "source, symbol, quote_currency, hour_end",
    "consensus_prices": "symbol, hour_end",
    "sources": "source",
    "assets": "asset",
}
"""The keys of the marts."""
DAY = date(2024, 1, 5)


class Candle(NamedTuple):
    """A row of the fact table. Numbers are texts, as in an exchange's response."""

    source: str
    symbol: str
    quote: str
    candle_interval: str
    observed_at: datetime
    open_price: str | None
    high_price: str | None
    low_price: str | None
    close_price: str | None
    base_volume: str | None
    quote_volume: str | None
    trade_count: int | None


_COLUMNS = (
    "source, symbol, quote_currency, candle_interval, observed_at, open_price, high_price, low_price, close_price, "
    "base_volume, quote_volume, trade_count, raw_object, ingested_at, batch_id"
)


def environment(changed: Mapping[str, str] | None = None) -> jinja2.Environment:
    """Return an environment that renders sql/ as Airflow does.

    Args:
        changed: Files of another bundle, by their paths below sql/.
    """
    loader = jinja2.ChoiceLoader([jinja2.DictLoader(changed or {}), jinja2.FileSystemLoader(SQL)])
    made = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, autoescape=False)
    made.globals |= MACROS
    made.filters |= FILTERS
    return made


_ENVIRONMENT = environment()


@dataclass
class Marts:
    """The marts of a warehouse, and the loads that change them.

    Attributes:
        client: Runs statements, as the tasks do.
        warehouse: The client's warehouse. Candles are written to its PostgreSQL, which is faster.
        templates: Renders the statements of the deployed bundle.
    """

    client: Client
    warehouse: Warehouse
    templates: jinja2.Environment = _ENVIRONMENT

    def load(self, source: str, start: date, end: date, candles: Iterable[Candle], candle_interval: str = "1h") -> None:
        """Replace a source's candles of one interval in the days [start, end), as a load does, and log the load."""
        inside = [candle for candle in candles if start <= candle.observed_at.date() < end]
        assert {(candle.source, candle.candle_interval) for candle in inside} <= {(source, candle_interval)}
        place = [source, candle_interval, start, end]
        with self.warehouse.connect("crypto", autocommit=False) as connection:
            connection.execute("UPDATE crypto.load_counter SET last_load_number = last_load_number + 1")
            connection.execute(
                "DELETE FROM crypto.fact_crypto_prices WHERE source = %s AND candle_interval = %s "
                "AND observed_at >= %s AND observed_at < %s",
                place,
            )
            connection.execute(
                "INSERT INTO crypto.load_log (load_number, source, candle_interval, window_start, window_end, "
                "batch_id, market_set, merged_at, forced) SELECT last_load_number, %s, %s, %s, %s, 'batch', 'set', "
                "now(), false FROM crypto.load_counter",
                place,
            )
            with connection.cursor().copy(f"COPY crypto.fact_crypto_prices ({_COLUMNS}) FROM STDIN") as copy:
                for candle in inside:
                    copy.write_row((*candle, "s3://lake/raw/x.json.gz", "2024-01-01", "batch"))
            connection.commit()

    def plan(self, *, full: bool = False) -> Refresh | None:
        """Return the refresh that the task ``plan_refresh`` would plan."""
        outcome = self.client.run(self.templates.get_template("marts/find_work.sql").render())
        assert outcome.error is None, outcome.error
        (row,) = (dict(zip([c["name"] for c in outcome.columns], row, strict=True)) for row in outcome.rows)
        return plan_refresh(row, marts_digest(self.templates), full=full)

    def run(self, planned: Refresh) -> None:
        """Run a planned refresh, as the task ``refresh_marts`` does."""
        self._batch(self.statements(planned))

    def statements(self, planned: Refresh) -> list[str]:
        """Return the statements of a planned refresh."""
        return [
            self.templates.get_template(name).render(ti=None, refresh=lambda _ti: planned) for name in REFRESH_MARTS
        ]

    def refresh(self, *, full: bool = False) -> Refresh | None:
        """Plan and run a refresh."""
        planned = self.plan(full=full)
        if planned is not None:
            self.run(planned)
        return planned

    def rows(self, mart: str) -> list[dict[str, Any]]:
        """Return the rows of a mart in the order of its key."""
        outcome = self.client.run(f"SELECT * FROM crypto.{mart} ORDER BY {MARTS[mart]}")
        assert outcome.error is None, outcome.error
        names = [column["name"] for column in outcome.columns]
        return [dict(zip(names, row, strict=True)) for row in outcome.rows]

    def contents(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of all marts without ``through_load``."""
        return {
            mart: [{name: value for name, value in row.items() if name != "through_load"} for row in self.rows(mart)]
            for mart in MARTS
        }

    def empty(self) -> None:
        """Delete all candles, loads and marts."""
        tables: Sequence[str] = ("fact_crypto_prices", "load_log", *MARTS)
        self._batch(
            [
                *(f"DELETE FROM crypto.{table}" for table in tables),
                "UPDATE crypto.load_counter SET last_load_number = 0",
                "UPDATE crypto.mart_state SET through_load = 0, marts_digest = ''",
            ]
        )

    def candles(self) -> list[Candle]:
        """Return all candles of the fact table."""
        outcome = self.client.run(
            f"SELECT {', '.join(Candle._fields).replace('quote,', 'quote_currency,')} FROM crypto.fact_crypto_prices"
        )
        assert outcome.error is None, outcome.error
        return [Candle(*row[:4], datetime.fromisoformat(row[4]), *row[5:]) for row in outcome.rows]

    def _batch(self, statements: Sequence[str]) -> None:
        outcome = self.client.batch(*statements)
        assert outcome.error is None, (outcome.error, outcome.described.get("SubStatements"))


def load(marts: Marts, day: date, price: str = "100") -> None:
    """Load one day of BTC/USD with one price."""
    start = datetime.combine(day, datetime.min.time())
    candles = [
        Candle("coinbase", "BTC", "USD", "1h", start + timedelta(hours=hour), *[price] * 4, "1", None, None)
        for hour in range(24)
    ]
    marts.load("coinbase", day, day + timedelta(days=1), candles)
