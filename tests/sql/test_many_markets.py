"""Loads of 2,000 markets: every statement stays within the Data API's limit, and the load is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import pytest
from crypto_prices.audit import plan_healing
from crypto_prices.audit.days_to_heal import MarketDay
from crypto_prices.audit.restatements import Check, Comparison
from crypto_prices.fetch.empty_ranges import MOST_BYTES
from crypto_prices.plan import expected_markets
from crypto_prices.plan.expected_markets import ExpectedMarket
from crypto_prices.xcom.fetched_source import EmptyRange
from crypto_prices_contract.candle_ranges import size_of
from crypto_prices_contract.curation_report import QuarantinedCandles
from crypto_prices_etl.quarantined_candles import MOST_BYTES as MOST_QUARANTINED

from tests.support.data_api import Client
from tests.support.window_loads import Load, candles

MARKETS = [f"COIN{number:04d}/USDT" for number in range(2000)]
BOTH = {"binance": MARKETS, "coinbase": [market.replace("USDT", "USD") for market in MARKETS]}
LIMIT = 100_000
"""Bytes of a statement: https://docs.aws.amazon.com/redshift/latest/mgmt/data-api.html#data-api-calling-considerations"""

WELL_BELOW = 60_000


def quarantined_runs() -> list[dict[str, Any]]:
    """Return as many runs of quarantined candles as a curation report can have: one of all markets, and short ones."""
    whole = QuarantinedCandles("binance", "1h", "2023-12-18 05:00:00", 1, tuple(MARKETS))
    short = QuarantinedCandles("coinbase", "1h", "2023-12-18 05:00:00", 1, (MARKETS[0],))
    rest = MOST_QUARANTINED - size_of({(0, 1): whole.markets})
    runs = [whole] + [short] * (rest // size_of({(0, 1): short.markets}))
    assert len(runs) > 20
    return [asdict(run) for run in runs]


def most_empty_ranges(source: str) -> list[EmptyRange]:
    """Return as many ranges of empty responses as a source can have."""
    market = BOTH[source][0]
    longest = EmptyRange("2023-12-18 05:00:00", 1439, [market])
    return [longest] * (MOST_BYTES // size_of({(0, 1): [market]}))


@pytest.fixture
def load(dag: Any) -> Load:
    """Return a load that is rendered, but not run."""
    return Load(
        None,  # type: ignore[arg-type]
        dag,
        "run_1",
        [],
        markets=BOTH,
        curated={"binance": 1},
        quarantined=quarantined_runs(),
        empty={source: most_empty_ranges(source) for source in BOTH},
    )


def test_the_size_of_empty_ranges_is_not_less_than_in_the_statement(dag: Any) -> None:
    def size(empty: dict[str, list[EmptyRange]]) -> int:
        load = Load(None, dag, "run_1", [], markets=BOTH, curated={"binance": 1}, empty=empty)  # type: ignore[arg-type]
        return sum(len(statement.encode()) for statement in load.sql("merge_into_fact"))

    ranges = most_empty_ranges("binance")
    assert len(ranges) > 20
    assert size({"binance": ranges}) - size({}) <= MOST_BYTES


def statement_fields(dag: Any) -> list[tuple[str, str]]:
    """Return the fields with SQL of all tasks."""
    return [
        (task.task_id, name)
        for task in dag.tasks
        for name in ("sql", "empty_sql", "markets_sql")
        if name in task.template_fields
    ]


def test_statements_do_not_grow_with_the_number_of_markets(dag: Any) -> None:
    """They name the set of the markets. Only the market total is written out, whose digits are all that differs."""

    def sizes(number: int) -> dict[tuple[str, str], list[int]]:
        markets = {source: listed[:number] for source, listed in BOTH.items()}
        load = Load(None, dag, "run_1", [], markets=markets, curated=dict.fromkeys(BOTH, 1))  # type: ignore[arg-type]
        return {
            (task_id, name): [len(statement) for statement in load.sql(task_id, of_field=name)]
            for task_id, name in statement_fields(dag)
        }

    one, many = sizes(1), sizes(len(MARKETS))
    assert one.keys() == many.keys()
    more_digits = len(BOTH) * (len(str(len(MARKETS))) - 1)
    for key, lengths in one.items():
        growth = [long - short for short, long in zip(lengths, many[key], strict=True)]
        assert set(growth) <= {0, more_digits}, (key, growth)
    assert any(sum(many[key]) != sum(lengths) for key, lengths in one.items())  # the market total is in a statement


def test_every_statement_of_every_task_stays_below_the_limit(dag: Any, load: Load) -> None:
    fields = statement_fields(dag)
    assert ("merge_into_fact", "sql") in fields
    assert ("plan_load", "empty_sql") in fields
    for task_id, name in fields:
        sizes = [len(statement.encode()) for statement in load.sql(task_id, of_field=name)]
        assert max(sizes) < WELL_BELOW, (task_id, name, sizes)
        # AWS does not document whether the limit also applies to a batch as a whole.
        assert sum(sizes) < LIMIT, (task_id, name, sizes)


def test_the_statements_that_write_markets_stay_below_it(dag: Any, load: Load) -> None:
    assert max(len(statement.encode()) for statement in load.market_statements()) < WELL_BELOW
    longest = ExpectedMarket("s" * 32, "C" * 32, "Q" * 16, "15m", date(2023, 12, 18), date(2023, 12, 19))
    environment = dag.get_task("plan_load").get_template_env()
    some = [longest] * expected_markets.MARKETS_PER_BATCH
    sizes = [
        len(environment.get_template(f"plan/{name}_expected_markets.sql").render(values).encode())
        for name, values in (("delete", {"names": [market.name for market in some]}), ("insert", {"expected": some}))
    ]
    assert max(sizes) < WELL_BELOW
    assert sum(sizes) < LIMIT


def test_the_statement_that_writes_checks_stays_below_it(dag: Any) -> None:
    place = MarketDay("s" * 32, f"{'C' * 32}/{'Q' * 16}", date(2023, 12, 18))
    longest = Check(place, Comparison(10**5, 10**5, 10**5, 10**5), "\U0001f4a5" * 1000)
    rendered = (
        dag.get_task("plan_load")
        .get_template_env()
        .get_template("audit/insert_checks.sql")
        .render(
            settings=lambda: {"candle_interval": "15m"},
            run_id="r" * 250,
            audited_at=datetime(2024, 1, 8, 6),  # noqa: DTZ001 - as Redshift's TIMESTAMP
            checks=[longest] * plan_healing.CHECKS_PER_STATEMENT,
        )
    )
    assert len(rendered.encode()) < WELL_BELOW


def test_a_load_of_2000_markets_replaces_and_checks_exactly_these(
    client: Client, make_load: Callable[..., Load]
) -> None:
    other = make_load(candles("OTHER/USDT")).merged()
    loaded = candles(*MARKETS, hours=range(1))
    make_load(candles(MARKETS[-1], hours=range(2))).merged()
    load = make_load(loaded, markets={"binance": MARKETS}).merged(force=True)
    assert client.rows("SELECT COUNT(*), COUNT(DISTINCT symbol) FROM crypto.fact_crypto_prices") == [[2003, 2001]]
    row = load.metadata()["binance"]
    assert (row["status"], row["market_total"], row["rows_in_window"], row["rows_removed"]) == ("loaded", 2000, 2000, 1)
    # Only the other market was traded at 01:00 and 02:00.
    gaps = (
        "SELECT reason, COUNT(DISTINCT symbol), COUNT(*), MIN(candles), MAX(candles) FROM crypto.candle_gaps "
        "WHERE symbol <> 'OTHER' GROUP BY reason ORDER BY reason"
    )
    assert client.rows(gaps) == [["no_trade", 2000, 2000, 2, 2], ["venue_down", 2000, 2000, 21, 21]]
    results = "SELECT rule_name, COUNT(*) FROM crypto.data_quality_results WHERE market IS NOT NULL AND batch_id = "
    assert client.rows(f"{results}'{load.batch_id}' GROUP BY rule_name ORDER BY 1") == [
        ["completeness", 2000],
        ["price_jump", 2000],
    ]
    assert other.current_loads()["binance"]["rows_in_window"] == 3
    assert load.current_loads()["binance"]["rows_in_window"] == 2000
