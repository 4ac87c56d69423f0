"""Breaks refreshes of the marts, recovers from it, and compares the marts with a full refresh.

The marts have one transaction and one lock, so these cases run one after the other.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from crypto_prices.marts.refresh import full_refresh
from crypto_prices.task_statements import REFRESH_MARTS

from dev.chaos.bench import SLOW_SECONDS, Bench
from dev.chaos.boundaries import EVERY_MARTS_EFFECT, MARTS_DAG_ID, MARTS_DAY, family
from dev.chaos.cases import STAYS_PREFIX, Case, Recovery
from dev.chaos.faults import Fault, Kind
from dev.chaos.runs import STUCK_SECONDS, Runs
from dev.chaos.waves import Outcome

VENUES = ("bitfinex", "bitstamp", "coinbase")
"""Sources with markets in US dollars. The cases of loads have one source, whose quotes are in USDT. Its prices need the
rate of USDT, which three other venues give, and a consensus needs several venues."""
TABLES = ("sources", "assets", "daily_prices", "price_statistics", "quote_rates", "venue_prices", "consensus_prices")

_FIND_WORK = "marts/find_work.sql"
LATE_SECONDS = 10.0
"""Longer than a refresh takes here."""

Contents = dict[str, Counter[tuple[tuple[str, Any], ...]]]
"""The rows of each mart, without the number of the load that last wrote them."""


def nothing_at_stake(before: Contents, after: Contents) -> str | None:
    """Return why equal marts would prove nothing, if a refresh had to lead from some contents to others."""
    empty = [table for table in TABLES if not after[table]]
    if empty:
        return f"{', '.join(empty)} have no rows"
    if all(dict(row)["price"] is None for row in after["consensus_prices"]):
        return "no consensus has a price"
    if before == after:
        return "the refresh had nothing to change"
    return None


class MartRefreshes:
    """Runs cases of the marts on a bench whose warehouse has loads.

    Args:
        bench: The platform under test.
        progress: Called with the phase and the numbers of finished and all runs.
    """

    def __init__(self, bench: Bench, *, progress: Callable[[str, int, int], None] = lambda *_: None) -> None:
        self._bench = bench
        self._runs = Runs(bench, MARTS_DAG_ID, progress)
        self._number = 0

    def clean_run(self) -> list[str]:
        """Fill the marts, refresh them after a change, and return the boundaries of the refresh, in order.

        Raises:
            RuntimeError: A refresh failed, differs from a full one, changed nothing, or did not have all known effects.
        """
        self._add_venues()
        self._require_none(self.differences())
        before = self._contents()
        self._change_a_price()
        seen = len(self._bench.faults.seen(MARTS_DAY))
        self._require_none(self._refresh())
        # Before the comparison, whose own batch has the statements of a refresh.
        found = list(dict.fromkeys(self._bench.faults.seen(MARTS_DAY)[seen:]))
        after = self._contents()
        self._require_none(self._compared(after))
        problem = nothing_at_stake(before, after)
        if problem:
            raise RuntimeError(f"a refresh without a fault proves nothing: {problem}")
        missing = EVERY_MARTS_EFFECT - {family(name) for name in found}
        if missing:
            raise RuntimeError(f"a refresh without a fault did not have these effects: {', '.join(sorted(missing))}")
        return found

    def run(self, cases: Sequence[Case]) -> list[Outcome]:
        """Run cases and return their outcomes."""
        return [self._run(case) for case in cases]

    def differences(self) -> list[str]:
        """Refresh the marts after loads, without a fault, and return the differences from a full refresh."""
        return self._refresh() or self._compared(self._contents())

    def _refresh(self) -> list[str]:
        """Refresh the marts, and return why that failed, if it did."""
        run_id = self._trigger("clean", {})
        self._runs.wait([run_id], "marts")
        return [] if self._runs.state(run_id) == "success" else [f"run {run_id} has failed: {self._runs.why(run_id)}"]

    @staticmethod
    def _require_none(differences: list[str]) -> None:
        if differences:
            raise RuntimeError(f"a refresh without a fault has differences: {'; '.join(differences)}")

    def _run(self, case: Case) -> Outcome:
        began = time.monotonic()
        before, day = self._contents(), self._change_a_price()
        stays = case.recovery.needs_failure
        self._bench.signals.forget(MARTS_DAY)
        fired_at: list[float] = []
        fault = Fault(
            MARTS_DAY,
            case.boundary,
            case.kind or Kind.REFUSED,
            times=None if stays else 1,
            on_fire=lambda: fired_at.append(time.monotonic()),
        )
        outcome = Outcome(case, day, armed=True)
        self._bench.faults.arm(fault)
        run_ids = [self._trigger(STAYS_PREFIX if stays else "once__", {})]
        if case.recovery == Recovery.SECOND_RUN:
            run_ids.append(self._trigger("second__", {}))
        self._runs.wait(run_ids, "marts")
        state = self._runs.state(run_ids[0])
        between = self._contents() if state == "failed" else None
        self._bench.faults.disarm(MARTS_DAY)
        outcome.overcome = stays and state == "success"
        if not fault.fired:
            outcome.problem = f"the fault at {fault.boundary} never fired: {self._runs.why(run_ids[0])}"
        run_ids = self._recovered(case, run_ids, state)
        for run_id in run_ids:
            if self._runs.state(run_id) != "success":
                outcome.differences.append(f"run {run_id} has failed: {self._runs.why(run_id)}")
        if fault.kind == Kind.SLOW and fired_at:
            # The call that was given up takes effect, too. It must not change anything.
            time.sleep(max(0.0, fired_at[-1] + SLOW_SECONDS + LATE_SECONDS - time.monotonic()))
        after = self._contents()
        if between is not None and between not in (before, after):
            outcome.differences.append("after the failure the marts have neither the old nor the new content")
        outcome.differences += self._compared(after)
        outcome.problem = outcome.problem or nothing_at_stake(before, after)
        outcome.differences += [
            f"run {run_id} did not change for {STUCK_SECONDS:.0f} s"
            for run_id in sorted(self._runs.hanging & set(run_ids))
        ]
        outcome.fired = fault.fired
        outcome.seconds = time.monotonic() - began
        return outcome

    def _recovered(self, case: Case, run_ids: list[str], state: str) -> list[str]:
        """Recover, and return the runs that must have succeeded in the end."""
        if not case.recovery.needs_failure:
            return run_ids
        if case.recovery == Recovery.REPROCESS:
            run_ids = [self._trigger("full__", {"full_refresh": True})]
        elif state == "failed" or case.recovery == Recovery.CLEAR_ALL:
            only_failed = case.recovery == Recovery.CLEAR_FAILED
            self._bench.api.clear_run(MARTS_DAG_ID, run_ids[0], only_failed=only_failed)
        self._runs.wait(run_ids, "recovering marts")
        return run_ids

    def _trigger(self, prefix: str, conf: dict[str, Any]) -> str:
        self._number += 1
        run_id = f"{prefix}marts-{self._number}"
        self._runs.trigger(run_id, conf)
        return run_id

    def _newest_load(self) -> tuple[int, date]:
        """Return the number and the day of the newest load."""
        (newest,) = self._bench.warehouse.rows(
            "SELECT load_number, window_start FROM crypto.load_log ORDER BY load_number DESC LIMIT 1"
        )
        return int(newest["load_number"]), date.fromisoformat(str(newest["window_start"]))

    def _add_venues(self) -> None:
        """Write the candles of other venues for the day of the newest load. No case of loads reads that day again."""
        number, day = self._newest_load()
        statements = []
        for place, venue in enumerate(VENUES):
            for symbol, close, which in (
                ("symbol", f"close_price + {place}", ""),
                ("'USDT'", f"1.000{place}", " AND symbol = 'BTC'"),
            ):
                price = f"CAST({close} AS DECIMAL(38, 18))"
                statements.append(
                    "INSERT INTO crypto.fact_crypto_prices (source, symbol, quote_currency, candle_interval, "  # noqa: S608
                    "observed_at, open_price, high_price, low_price, close_price, base_volume, quote_volume, "
                    "trade_count, raw_object, ingested_at, batch_id, valid_from_load) "
                    f"SELECT '{venue}', {symbol}, 'USD', candle_interval, observed_at, {price}, {price}, {price}, "
                    f"{price}, base_volume, quote_volume, trade_count, 's3://{venue}', GETDATE(), '{venue}', {number} "
                    f"FROM crypto.fact_crypto_prices WHERE TRUNC(observed_at) = '{day}' AND source = 'binance'{which}"
                )
        self._bench.warehouse.change(*statements)

    def _change_a_price(self) -> date:
        """Make the marts look as if they lacked the newest load, which has other prices. Return its day."""
        number, day = self._newest_load()
        self._bench.warehouse.change(
            "UPDATE crypto.fact_crypto_prices SET close_price = high_price, high_price = high_price + 1 "  # noqa: S608
            f"WHERE TRUNC(observed_at) = '{day}' AND symbol = 'ETH' AND source = 'binance'",
            f"UPDATE crypto.mart_state SET through_load = {number - 1}",  # noqa: S608
        )
        return day

    def _contents(self) -> Contents:
        found: Contents = {}
        for table in TABLES:
            rows = self._bench.warehouse.rows(f"SELECT * FROM crypto.{table}")  # noqa: S608
            kept = [{name: value for name, value in row.items() if name != "through_load"} for row in rows]
            found[table] = Counter(tuple(sorted(row.items(), key=lambda item: item[0])) for row in kept)
        return found

    def _compared(self, contents: Contents) -> list[str]:
        """Compare with a full refresh, which is left in the warehouse."""
        (work,) = self._bench.warehouse.answer(_FIND_WORK)
        full = full_refresh(after_load=0, through_load=work["newest_load"], reason="")
        refresh = [(name, {"ti": None, "refresh": lambda _ti: full}) for name in REFRESH_MARTS]
        self._bench.warehouse.answer_batch([*refresh, (_FIND_WORK, {})])
        expected = self._contents()
        found = [
            f"{table}: {(contents[table] - expected[table]).total()} rows are not those of a full refresh, "
            f"{(expected[table] - contents[table]).total()} rows are missing"
            for table in TABLES
            if contents[table] != expected[table]
        ]
        if work["through_load"] != work["newest_load"]:
            found.append(f"the marts' watermark is {work['through_load']}, not load {work['newest_load']}")
        return found
