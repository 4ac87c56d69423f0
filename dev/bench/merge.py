"""Merge, plan and reconcile of one day in fact tables of several sizes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from crypto_prices.task_statements import DROP_STAGING, MERGE_INTO_FACT

from dev.bench.day_load import DayLoad
from dev.bench.filled_warehouse import FilledWarehouse, data_api
from dev.bench.measure import Measure, medians
from dev.bench.options import Options
from local_aws.redshift.warehouse import Warehouse

_MARKETS = tuple(f"COIN{number:02d}/USDT" for number in range(20))
_LAST_DAY = date(2023, 12, 31)
_GOAL = 1.3
_PLAN = ("plan/find_current_loads.sql",)
_RECONCILE = ("reconcile/find_loads_of_window.sql",)


def measures(options: Options, say: Callable[[str], None]) -> Iterator[Measure]:
    """Measure the statements of a load in each fact table, compared with the smallest.

    Args:
        options: The sizes.
        say: Shows what is being done.
    """
    with (
        tempfile.TemporaryDirectory(prefix="crypto-prices-bench-") as folder,
        Warehouse(Path(folder) / "warehouse") as warehouse,
        data_api(warehouse) as api,
    ):
        tables: dict[int, Loads] = {}
        for size in options.facts:
            days = size * options.fact_days
            say(f"  filling a warehouse with {days} days")
            filled = FilledWarehouse(warehouse, api, f"fact_{size}", markets=_MARKETS, last_day=_LAST_DAY, days=days)
            tables[size] = Loads(filled, loaded_day=_LAST_DAY - timedelta(days=options.fact_days // 2))
        for name, run, rounds in (
            ("merge of a new day", Loads.merge_new_day, options.rounds),
            ("merge of a loaded day", Loads.merge_loaded_day, options.rounds),
            ("merge of a restated day", Loads.merge_restated_day, options.rounds),
            ("plan of a loaded day", Loads.plan, 5 * options.rounds),
            ("reconcile of a loaded day", Loads.reconcile, 5 * options.rounds),
        ):
            say(f"  {name}")
            runs = {str(size): _bound(run, loads) for size, loads in tables.items()}
            medians(1, runs)  # the first run also reads the table from disk
            found = medians(rounds, runs)
            smallest = options.facts[0]
            for size in options.facts:
                table = f"{tables[size].warehouse.rows:,} rows"
                compared = None if size == smallest else found[str(smallest)]
                yield Measure(f"{name} into {table}", found[str(size)], compared, compared and _GOAL)


class Loads:
    """The loads of one warehouse.

    Args:
        warehouse: The warehouse.
        loaded_day: A day that it has.
    """

    def __init__(self, warehouse: FilledWarehouse, loaded_day: date) -> None:
        self.warehouse = warehouse
        self._loaded_day = loaded_day
        self._new_day = _LAST_DAY
        self._run = 0

    def merge_new_day(self) -> float:
        """Merge the day after the last one."""
        self._new_day += timedelta(days=1)
        return self._merge(self._new_day)

    def merge_loaded_day(self) -> float:
        """Merge a day whose candles have not changed since it was loaded."""
        return self._merge(self._loaded_day)

    def merge_restated_day(self) -> float:
        """Merge a day of which every candle has other prices than in the load before."""
        return self._merge(self._loaded_day, change=self._run + 1)

    def plan(self) -> float:
        """Look for the loads of a day."""
        return self.warehouse.seconds(*self._load(self._loaded_day).sql(_PLAN))

    def reconcile(self) -> float:
        """Compare the counts of a day's loads."""
        return self.warehouse.seconds(*self._load(self._loaded_day).sql(_RECONCILE))

    def _merge(self, day: date, *, change: int = 0) -> float:
        self._run += 1
        load = self._load(day)
        self.warehouse.stage(load, change=change)
        seconds = self.warehouse.seconds(*load.sql(MERGE_INTO_FACT))
        self.warehouse.seconds(*load.sql([DROP_STAGING]))
        return seconds

    def _load(self, day: date) -> DayLoad:
        return DayLoad(day, _MARKETS, f"manual__{self._run}", datetime.now(UTC))


def _bound(run: Callable[[Loads], float], loads: Loads) -> Callable[[], float]:
    return lambda: run(loads)
