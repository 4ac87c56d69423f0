"""Point-in-time prices: the log of loads, the former versions of candles, and the views over them."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from crypto_prices.deployed_code import dags_digest, plugins_digest
from crypto_prices_etl import schemas

from tests.support.data_api import Client
from tests.support.long_tests import seeds
from tests.support.window_loads import BTC, ETH, FACT, Candle, Load, candles, nothing_changes, remove

NUMBERS = [c.name for c in schemas.CURATED_COLUMNS if isinstance(c.type, schemas.Decimal | schemas.BigInt)]
CANDLE = "source, symbol || '/' || quote_currency, candle_interval, CAST(observed_at AS VARCHAR(32))"
ABOVE_CLOSE = {
    **{"open_price": 1, "high_price": 2, "low_price": 3, "close_price": 0, "base_volume": 4, "quote_volume": 5},
    **{"trade_count": 6, "market_cap": 7},
}
"""How far each value of a candle is above its close in the sequences, so that no two columns have the same value."""

VALUES = ", ".join(f"CAST(known.{column} AS DOUBLE PRECISION)" for column in ABOVE_CLOSE)
KNOWN = (
    f"known.source, known.symbol, known.quote_currency, CAST(known.observed_at AS VARCHAR(32)), {VALUES}, "
    "known.valid_from_load FROM crypto.price_history AS known"
)
AS_OF_LOADS = (
    f"SELECT loads.load_number, {KNOWN} INNER JOIN (SELECT DISTINCT load_number FROM crypto.load_log) AS loads "
    "ON known.valid_from_load <= loads.load_number "
    "AND (known.valid_to_load IS NULL OR known.valid_to_load > loads.load_number)"
)
AS_OF_TIMES = (
    f"SELECT CAST(loads.visible_at AS VARCHAR(32)), {KNOWN} "
    "INNER JOIN (SELECT DISTINCT visible_at FROM crypto.load_log) AS loads ON known.known_at <= loads.visible_at "
    "AND (known.replaced_at IS NULL OR known.replaced_at > loads.visible_at)"
)
RESTATED = (
    f"SELECT {CANDLE}, changed_column, CAST(old_value AS DOUBLE PRECISION), CAST(new_value AS DOUBLE PRECISION), "
    "closed_as, old_load, new_load FROM crypto.restatements"
)
LOG = "SELECT load_number, source, batch_id, forced FROM crypto.load_log ORDER BY load_number, source"


def version_total(client: Client) -> int:
    return int(client.rows("SELECT COUNT(*) FROM crypto.price_versions")[0][0])


def valid_from(client: Client) -> dict[str, int]:
    """Return valid_from_load by opening time, for tests with one market."""
    return dict(client.rows("SELECT CAST(observed_at AS VARCHAR(32)), valid_from_load FROM crypto.fact_crypto_prices"))


class TestLoadLog:
    def test_each_load_and_source_has_a_row_that_later_loads_keep(self, client, make_load):
        both = make_load(candles(BTC) + candles("BTC/USD", source="coinbase")).complete()
        cleared = [make_load(candles(BTC), run_id="cleared", try_number=number).complete() for number in (1, 2)]
        forced = make_load(candles(BTC, hours=range(2))).merged(force=True)
        assert client.rows(LOG) == [
            [1, "binance", both.batch_id, False],
            [1, "coinbase", both.batch_id, False],
            [2, "binance", cleared[0].batch_id, False],
            [3, "binance", cleared[1].batch_id, False],
            [4, "binance", forced.batch_id, True],
        ]

    def test_it_has_the_origin_of_the_load(self, client, make_load):
        load = make_load(candles(BTC, ETH), end="2023-12-20").complete()
        shared = (
            "source, batch_id, window_start, window_end, market_set, candle_interval, fetched_at, raw_manifest, "
            "content_hash, copy_manifest, glue_job_run_id, dag_id, run_id"
        )
        (row,) = client.rows(f"SELECT {shared}, merged_at FROM crypto.load_log")
        metadata = load.metadata()["binance"]
        assert row == [*(metadata[name] for name in shared.split(", ")), metadata["loaded_at"]]

    def test_it_has_what_ran_and_the_rules_in_force(self, client, dag, make_load):
        make_load(candles(BTC), rules={"price_jump": {"action": "fail", "threshold": 0.9}}).merged()
        (row,) = client.rows("SELECT dags_digest, plugins_digest, glue_digest, rules FROM crypto.load_log")
        assert row[:3] == [dags_digest(dag), plugins_digest(), "d" * 64]
        assert json.loads(row[3])["market_rules"]["price_jump"] == {"action": "fail", "threshold": 0.9}

    def test_a_rejected_load_leaves_no_trace_and_its_number_is_not_lost(self, client, make_load):
        make_load(candles(BTC)).merged()
        jump = candles(BTC, price="9.5", day="2023-12-19")
        fails = {"price_jump": {"action": "fail", "threshold": 0.1}}
        rejected = make_load(jump, start="2023-12-19", end="2023-12-20", rules=fails).stage()
        with nothing_changes(client):
            assert "CP-08" in rejected.merge().error
        make_load(candles(ETH)).merged()
        assert [row[0] for row in client.rows(LOG)] == [1, 2]

    def test_a_load_becomes_visible_once_and_never_before_it_was_committed(self, client, make_load):
        is_later = "CASE WHEN visible_at > merged_at THEN 1 ELSE 0 END"
        times = f"SELECT load_number, visible_at, {is_later} FROM crypto.load_log ORDER BY 1"
        first = make_load(candles(BTC)).merged()
        assert client.rows(times) == [[1, None, 0]]
        make_load(candles(ETH)).merged()
        (one, two) = client.rows(times)
        assert (one[2], two[1:]) == (1, [None, 0])
        first.record()
        kept, shown = client.rows(times)
        assert kept == one
        assert shown[1] >= one[1]

    def test_the_time_is_after_the_second_in_which_it_was_set(self, client, make_load):
        """GETDATE() has whole seconds, so the load may have been committed later in that second."""
        load = make_load(candles(BTC)).merged()
        noted = "UPDATE crypto.etl_metadata SET loaded_at = GETDATE()"
        assert client.batch(noted, *load.sql("record_load")).error is None
        later = (
            "SELECT COUNT(*) FROM crypto.load_log AS log INNER JOIN crypto.etl_metadata AS loads "
            "ON log.batch_id = loads.batch_id WHERE log.visible_at > loads.loaded_at"
        )
        assert client.rows(later) == [[1]]

    def test_the_times_do_not_decrease_if_the_clock_does(self, client, make_load):
        make_load(candles(BTC)).complete()
        client.ok("UPDATE crypto.load_log SET visible_at = '2099-01-01'")
        make_load(candles(ETH)).complete()
        assert client.rows("SELECT visible_at FROM crypto.load_log") == [["2099-01-01 00:00:00"]] * 2


class TestVersions:
    def test_a_reload_without_changes_adds_no_row(self, client, make_load):
        first = make_load(candles(BTC)).merged()
        before = valid_from(client)
        again = make_load(candles(BTC)).merged()
        assert first.batch_id != again.batch_id
        assert client.rows(FACT) == again.in_fact()
        assert (valid_from(client), set(before.values()), version_total(client)) == (before, {1}, 0)

    @pytest.mark.parametrize("column", NUMBERS)
    @pytest.mark.parametrize(("old", "new"), [("2", "3"), ("NULL", "3"), ("2", "NULL")])
    def test_only_a_row_with_another_value_gets_a_version(self, client, make_load, column, old, new):
        place = "observed_at = '2023-12-18 01:00:00'"
        first, second = make_load(candles(BTC)).stage(), make_load(candles(BTC)).stage()
        for load, value in ((first, old), (second, new)):
            client.ok(f"UPDATE {load.table} SET {column} = {value} WHERE {place}")
            assert load.merge().error is None
        assert valid_from(client) == {
            "2023-12-18 00:00:00": 1, "2023-12-18 01:00:00": 2, "2023-12-18 02:00:00": 1
        }  # fmt: skip
        found = client.rows(
            f"SELECT CAST(observed_at AS VARCHAR(32)), CAST(CAST({column} AS INTEGER) AS VARCHAR(8)), batch_id, "
            "valid_from_load, valid_to_load, closed_as FROM crypto.price_versions"
        )
        kept = None if old == "NULL" else old
        assert found == [["2023-12-18 01:00:00", kept, first.batch_id, 1, 2, "changed"]]

    def test_a_removed_row_is_kept_and_one_that_comes_back_is_new(self, client, make_load):
        make_load(candles(BTC)).merged()
        make_load(candles(BTC, hours=range(2))).merged(force=True)
        make_load(candles(BTC)).merged()
        assert valid_from(client)["2023-12-18 02:00:00"] == 3
        closed = "SELECT valid_from_load, valid_to_load, closed_as FROM crypto.price_versions"
        assert client.rows(closed) == [[1, 2, "removed"]]


class TestRestatements:
    def test_each_changed_value_has_a_row_with_both_values_and_the_load(self, client, make_load):
        make_load(candles(BTC, price="1.5")).merged()
        two = candles(BTC, hours=range(1), price="1.8") + candles(BTC, hours=range(1, 2))
        later = make_load(two).merged(force=True)
        found = client.rows(
            "SELECT CAST(observed_at AS VARCHAR(32)), changed_column, old_value, new_value, "
            "CAST(difference AS DECIMAL(9, 4)), CAST(change_share AS DECIMAL(9, 4)), closed_as, old_load, new_load, "
            "batch_id FROM crypto.restatements "
            "WHERE changed_column IN ('close_price', 'trade_count') ORDER BY 1, 2"
        )
        zeros = "0" * 17
        assert found == [
            ["2023-12-18 00:00:00", "close_price", f"1.5{zeros}", f"1.8{zeros}", "0.3000", "0.2000", "changed", 1, 2,
             later.batch_id],
            ["2023-12-18 02:00:00", "close_price", f"1.5{zeros}", None, None, None, "removed", 1, 2, later.batch_id],
            ["2023-12-18 02:00:00", "trade_count", "7", None, None, None, "removed", 1, 2, later.batch_id],
        ]  # fmt: skip

    def test_the_value_after_a_change_is_the_next_one_not_the_present_one(self, client, make_load):
        for price in ("1.5", "2.5", "3.5"):
            make_load(candles(BTC, hours=range(1), price=price)).merged()
        found = client.rows(
            "SELECT CAST(old_value AS DECIMAL(9, 1)), CAST(new_value AS DECIMAL(9, 1)) FROM crypto.restatements "
            "WHERE changed_column = 'close_price' ORDER BY new_load"
        )
        assert found == [["1.5", "2.5"], ["2.5", "3.5"]]


class TestRemoveCandles:
    def test_the_candles_are_removed_kept_and_logged(self, client, make_load):
        load = make_load(candles(BTC, ETH)).complete()
        assert remove(client, BTC, "2023-12-18 01:00", "2023-12-19", "an outage").error is None
        assert client.rows(FACT) == [row for row in load.in_fact() if row[1] == ETH or row[3].endswith("00:00:00")]
        assert client.rows(
            "SELECT CAST(observed_at AS VARCHAR(32)), valid_to_load, closed_as FROM crypto.price_versions ORDER BY 1"
        ) == [["2023-12-18 01:00:00", 2, "removed"], ["2023-12-18 02:00:00", 2, "removed"]]
        assert client.rows(
            "SELECT log.load_number, log.source, log.batch_id, log.window_start, log.window_end, log.candle_interval, "
            "log.removed_because, requested.symbol || '/' || requested.quote_currency "
            "FROM crypto.load_log AS log "
            "INNER JOIN crypto.market_sets AS requested ON log.market_set = requested.market_set "
            "WHERE log.removed_by IS NOT NULL"
        ) == [[2, "binance", "removal-2", "2023-12-18", "2023-12-19", "1h", "an outage", BTC]]

    @pytest.mark.parametrize("column", NUMBERS)
    def test_every_value_of_a_removed_candle_is_kept(self, client, make_load, column):
        load = make_load(candles(BTC, hours=range(1))).stage()
        client.ok(f"UPDATE {load.table} SET {column} = 3")
        assert load.merge().error is None
        assert remove(client, BTC, "2023-12-18", "2023-12-19").error is None
        assert client.rows(f"SELECT CAST({column} AS INTEGER) FROM crypto.price_versions") == [[3]]

    def test_its_load_still_adds_up(self, client, make_load):
        load = make_load(candles(BTC)).complete()
        remove(client, BTC, "2023-12-18 01:00", "2023-12-19")
        (row,) = client.rows(load.sql("reconcile")[0])
        assert row[-3:] == [1, 1, 1]  # owned, number, present

    def test_an_older_fetch_does_not_bring_them_back_and_a_later_one_does(self, client, make_load):
        make_load(candles(BTC)).complete()
        remove(client, BTC, "2023-12-18 01:00", "2023-12-19")
        with nothing_changes(client):
            assert "CP-10" in make_load(candles(BTC)).stage().merge().error
        later = make_load(candles(BTC), fetched_at="2099-01-01 00:00:00").complete()
        assert client.rows(FACT) == later.in_fact()

    @pytest.mark.parametrize(
        ("market", "because", "message"),
        [(BTC, " ", "the removal has no reason"), (ETH, "an outage", "binance ETH/USDT 1h has no candle from")],
    )
    def test_without_a_reason_or_candles_nothing_changes(self, client, make_load, market, because, message):
        make_load(candles(BTC)).complete()
        with nothing_changes(client):
            assert message in remove(client, market, "2023-12-18", "2023-12-19", because).error

    def test_a_load_that_was_fetched_while_the_removal_waited_for_the_lock_does_not_bring_them_back(
        self, client, warehouse, make_load
    ):
        """With the statements of docs/how-to/operate.md."""
        page = (Path(__file__).parents[2] / "docs/how-to/operate.md").read_text()
        (block,) = re.findall(r"    BEGIN;\n(.*?)    COMMIT\n", page, re.DOTALL)
        statements = [line.strip().rstrip(";").replace("2024-01-0", "2023-12-1") for line in block.splitlines()]
        day = {"start": "2023-12-15", "end": "2023-12-16"}
        loaded = candles(BTC, day="2023-12-15")
        make_load(loaded, **day).complete()
        with warehouse.connect("crypto", autocommit=False) as other:
            other.execute("LOCK crypto.load_lock")
            removal = client.start_batch(*statements)
            time.sleep(2.5)
            fetched_at = f"{datetime.now(UTC) - timedelta(seconds=1):%Y-%m-%d %H:%M:%S}"
            other.commit()
        assert client.wait(removal).error is None
        with nothing_changes(client):
            assert "CP-10" in make_load(loaded, fetched_at=fetched_at, **day).stage().merge().error


class TestBetweenAMergeAndItsRecord:
    def test_the_present_version_is_the_one_that_no_load_replaced_and_the_known_one_is_still_the_former(
        self, client, make_load
    ):
        make_load(candles(BTC, hours=range(1), price="1.5")).complete()
        make_load(candles(BTC, hours=range(1), price="2.5")).merged()
        close = "SELECT CAST(close_price AS DECIMAL(9, 1)) FROM crypto.price_history"
        assert client.rows(f"{close} WHERE valid_to_load IS NULL") == [["2.5"]]
        as_of_now = "known_at <= '2099-01-01' AND (replaced_at IS NULL OR replaced_at > '2099-01-01')"
        assert client.rows(f"{close} WHERE {as_of_now}") == [["1.5"]]


class TestHowTo:
    """The statements of docs/how-to/ask-what-was-known.md, about a day with a correction and a removal."""

    STATEMENTS = re.findall(
        r"```sql\n(.*?)```", (Path(__file__).parents[2] / "docs/how-to/ask-what-was-known.md").read_text(), re.DOTALL
    )

    @pytest.fixture
    def corrected(self, client, make_load):
        window = {"start": "2024-01-05", "end": "2024-01-06"}
        for price in ("1.5", "2.5"):
            make_load(candles(BTC, day="2024-01-05", hours=range(12, 15), price=price), **window).complete()
        assert remove(client, BTC, "2024-01-05 14:00", "2024-01-06", "test trades").error is None
        four_days_apart = "DATEADD(DAY, 4 * CAST(load_number AS INTEGER), '2024-01-02')"
        client.ok(f"UPDATE crypto.load_log SET visible_at = {four_days_apart}")

    @pytest.fixture
    def reader(self, corrected, warehouse):
        """Yield the session of an analyst."""
        with warehouse.connect("crypto", autocommit=True) as connection:
            connection.execute("SET ROLE crypto_readers")
            yield connection

    def test_each_statement_finds_something(self, reader):
        assert len(self.STATEMENTS) == 7
        for statement in self.STATEMENTS:
            assert reader.execute(statement).fetchall(), statement

    def test_the_price_as_of_a_time_is_the_one_that_was_known_then(self, reader):
        as_of = self.STATEMENTS[0]
        assert "'2024-01-09 12:00'" in as_of
        found = {
            day: [(f"{row[2]:%H}", str(row[3])[:3]) for row in reader.execute(as_of.replace("2024-01-09", day))]
            for day in ("2024-01-05", "2024-01-09", "2024-01-13", "2024-01-14")
        }
        assert found == {
            "2024-01-05": [],
            "2024-01-09": [("12", "1.5"), ("13", "1.5"), ("14", "1.5")],
            "2024-01-13": [("12", "2.5"), ("13", "2.5"), ("14", "2.5")],
            "2024-01-14": [("12", "2.5"), ("13", "2.5")],
        }


Key = tuple[str, str, str]
"""A candle: source, market and opening time."""


@dataclass
class Replay:
    """The prices after each committed load, as a replay in memory has them.

    Attributes:
        present: The present price of each candle, and the load that gave it.
        states: The prices after each load.
    """

    present: dict[Key, tuple[str, int]] = field(default_factory=dict)
    states: dict[int, dict[Key, tuple[str, int]]] = field(default_factory=dict)

    def load(self, number: int, load: Load) -> None:
        """Replace the window's candles of the requested markets."""
        asked = {(source, market) for source, markets in load.markets.items() for market in markets}
        sent = {(c.source, c.market, c.observed_at): c.close_price for c in load.candles}
        kept = {
            key: price
            for key, price in self.present.items()
            if key[:2] not in asked or not load.start <= key[2] < load.end
        }
        for key, price in sent.items():
            before = self.present.get(key)
            kept[key] = before if before is not None and before[0] == price else (price, number)
        self._keep(number, kept)

    def remove(self, number: int, source: str, market: str, start: str, end: str) -> None:
        """Remove candles."""
        gone = {key for key in self.present if key[:2] == (source, market) and start <= key[2] < end}
        self._keep(number, {key: price for key, price in self.present.items() if key not in gone})

    def rows(self, number: int) -> list[list[Any]]:
        """Return the rows of ``AS_OF_LOADS`` after a load."""
        return sorted(
            [source, *market.split("/"), opened, *values(price), valid_from_load]
            for (source, market, opened), (price, valid_from_load) in self.states[number].items()
        )

    def restatements(self) -> list[list[Any]]:
        """Return the rows of ``RESTATED``."""
        found = []
        for number, present in self.states.items():
            for key, (price, old_load) in self.states.get(number - 1, {}).items():
                later = present.get(key)
                if later is not None and later[0] == price:
                    continue
                how, new = ("removed", [None] * 8) if later is None else ("changed", values(later[0]))
                source, market, opened = key
                for column, before, after in zip(ABOVE_CLOSE, values(price), new, strict=True):
                    found.append([source, market, "1h", opened, column, before, after, how, old_load, number])
        return sorted(found, key=repr)

    def _keep(self, number: int, present: dict[Key, tuple[str, int]]) -> None:
        self.present = present
        self.states[number] = dict(present)


def values(close_price: str) -> list[float]:
    """Return the values of a candle of a sequence. Trades are whole numbers."""
    close = float(close_price)
    return [(int(close) if column == "trade_count" else close) + above for column, above in ABOVE_CLOSE.items()]


class Sequence:
    """A random sequence of loads, corrections, removals, forced, concurrent and reordered loads."""

    DAYS = ("2023-12-18", "2023-12-19", "2023-12-20")
    MARKETS = (("binance", BTC), ("binance", ETH), ("coinbase", "BTC/USD"))
    PRICES = ("1.5", "2.5")

    def __init__(self, client: Client, make_load: Callable[..., Load], seed: int) -> None:
        self.client = client
        self.make_load = make_load
        self.random = random.Random(seed)
        self.replay = Replay()
        self.runs: dict[str, Load] = {}
        self.merged: list[Load] = []
        self.rejected = 0
        self.steps: dict[str, Callable[[], None]] = {
            "load": self.load, "pair": self.pair, "clear the merge": self.merge_again, "record": self.record,
            "remove": self.remove,
        }  # fmt: skip

    def run(self, length: int) -> None:
        """Run some random steps."""
        for name in self.random.choices(list(self.steps), weights=[6, 2, 1, 2, 2], k=length):
            self.steps[name]()

    def load(self) -> None:
        load = self.new_load()
        self.conclude(load, load.merge(force=self.random.random() < 0.5).error)

    def pair(self) -> None:
        """Start two merges at the same time."""
        loads = [self.new_load(), self.new_load()]
        if loads[0].run_id == loads[1].run_id:
            return
        started = [self.client.start_batch(*load.sql("merge_into_fact", force=True)) for load in loads]
        errors = {id(load): self.client.wait(each).error for load, each in zip(loads, started, strict=True)}
        order = [row[2] for row in self.client.rows(LOG)]
        for load in sorted(loads, key=lambda each: order.index(each.batch_id) if each.batch_id in order else -1):
            self.conclude(load, errors[id(load)])

    def merge_again(self) -> None:
        if self.merged:
            load = self.runs[self.random.choice(self.merged).run_id]
            self.conclude(load, load.merge(force=self.random.random() < 0.5).error)

    def record(self) -> None:
        if self.merged:
            self.random.choice(self.merged).record()

    def remove(self) -> None:
        if not self.replay.present:
            return
        source, market, opened = self.random.choice(sorted(self.replay.present))
        end = self.random.choice([f"{opened[:10]} 23:59:59", "2023-12-21 00:00:00"])
        outcome = remove(self.client, market, opened, end, source=source)
        assert outcome.error is None, outcome.error
        self.replay.remove(self.newest(), source, market, opened, end)

    def new_load(self) -> Load:
        """Stage a load of one or two days: of a new run, or of a run that was cleared."""
        choose = self.random
        first = choose.randrange(len(self.DAYS))
        days = self.DAYS[first : first + choose.choice([1, 1, 2])]
        markets = choose.sample(self.MARKETS, choose.randint(1, 3))
        loaded: list[Candle] = [
            candle
            for source, market in markets
            for day in days
            for hour in range(3)
            if choose.random() < 0.8
            for candle in candles(
                market, source=source, day=day, hours=range(hour, hour + 1), price=choose.choice(self.PRICES)
            )
        ]
        cleared = choose.choice(list(self.runs)) if self.runs and choose.random() < 0.2 else ""
        window = {"start": days[0], "end": f"{days[-1][:8]}{int(days[-1][8:]) + 1}"}
        tries = {"run_id": cleared, "try_number": self.runs[cleared].try_number + 1} if cleared else {}
        asked: dict[str, list[str]] = {}
        for source, market in sorted(markets):
            asked.setdefault(source, []).append(market)
        load = self.make_load(
            loaded, markets=asked, fetched_at=f"2023-12-22 0{choose.randrange(6)}:00:00", **window, **tries
        ).stage()
        set_values = ", ".join(
            f"{column} = {'CAST(FLOOR(close_price) AS BIGINT)' if column == 'trade_count' else 'close_price'} + {above}"
            for column, above in ABOVE_CLOSE.items()
            if above
        )
        self.client.ok(f"UPDATE {load.table} SET {set_values}")
        self.runs[load.run_id] = load
        return load

    def conclude(self, load: Load, error: str | None) -> None:
        """Replay the load if it was committed."""
        if error is not None:
            assert any(code in error for code in ("CP-06", "CP-07", "CP-10")), error
            self.rejected += 1
            return
        numbers = [row[0] for row in self.client.rows(LOG) if row[2] == load.batch_id]
        self.replay.load(max(numbers), load)
        self.merged.append(load)

    def newest(self) -> int:
        """Return the number of the newest load."""
        return int(self.client.rows("SELECT MAX(load_number) FROM crypto.load_log")[0][0])


def answers(client: Client, query: str) -> Iterator[tuple[Any, list[list[Any]]]]:
    """Yield the rows of each as-of answer."""
    found: dict[Any, list[list[Any]]] = {}
    for place, *row in client.rows(query):
        found.setdefault(place, []).append(row)
    return ((place, sorted(rows)) for place, rows in found.items())


@pytest.mark.parametrize("seed", seeds(3, 30))
def test_every_answer_as_of_a_load_or_a_time_is_that_of_a_replay(client, make_load, seed):
    sequence = Sequence(client, make_load, seed)
    sequence.run(16)
    replay = sequence.replay
    numbers = sorted(replay.states)
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 6
    expected = {number: replay.rows(number) for number in numbers if replay.states[number]}
    assert dict(answers(client, AS_OF_LOADS)) == expected
    present = client.rows(f"SELECT {CANDLE}, {VALUES}, valid_from_load FROM crypto.fact_crypto_prices AS known")
    assert sorted([s, *m.split("/"), *rest] for s, m, _, *rest in present) == replay.rows(numbers[-1])
    assert sorted(client.rows(RESTATED), key=repr) == replay.restatements()

    # A reader's times: only what was known to be committed.
    make_load(candles("SOL/USDT", day="2024-01-01"), start="2024-01-01", end="2024-01-02").merged()
    visible = dict(client.rows("SELECT load_number, CAST(visible_at AS VARCHAR(32)) FROM crypto.load_log"))
    shown = [visible[number] for number in numbers]
    assert shown == sorted(shown)
    for minutes_apart in (False, True):
        if minutes_apart:  # Several loads a second would hide some of the answers.
            a_minute_apart = "DATEADD(MINUTE, CAST(load_number AS INTEGER), '2024-01-01')"
            client.ok(f"UPDATE crypto.load_log SET visible_at = {a_minute_apart}")
            visible = dict(client.rows("SELECT load_number, CAST(visible_at AS VARCHAR(32)) FROM crypto.load_log"))
        newest_at = {visible[number]: number for number in numbers}
        as_of = {when: expected[number] for when, number in newest_at.items() if number in expected}
        found = {when: rows for when, rows in answers(client, AS_OF_TIMES) if when in newest_at}
        assert found == as_of
