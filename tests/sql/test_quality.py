"""The gaps and the quality results that a load records, and the loads that quality rules reject."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.support.data_api import Client
from tests.support.window_loads import BTC, ETH, candles, nothing_changes

ALL = range(24)


def gaps(client: Client, market: str = BTC, source: str = "binance") -> dict[str, str]:
    """Return the reason of each missing candle of a market, by a time such as ``18 05``."""
    rows = client.rows(
        "SELECT TO_CHAR(observed_at, 'DD HH24'), reason FROM crypto.candle_gaps "
        f"WHERE source = '{source}' AND symbol || '/' || quote_currency = '{market}' ORDER BY observed_at"
    )
    return {str(time): str(reason) for time, reason in rows}


def results(client: Client, batch_id: str, rule: str) -> list[tuple]:
    rows = client.rows(
        "SELECT source, market, rule_action, checked, broken, status FROM crypto.data_quality_results "
        f"WHERE batch_id = '{batch_id}' AND rule_name = '{rule}' ORDER BY source, market"
    )
    return [tuple(row) for row in rows]


class TestCandleGaps:
    def test_a_complete_day_has_no_gaps(self, client, make_load):
        make_load(candles(BTC, hours=ALL)).merged()
        assert gaps(client) == {}

    def test_each_missing_candle_has_its_reason(self, client, make_load):
        bitcoin = candles(BTC, hours=range(2, 24))
        ether = [candle for candle in candles(ETH, hours=ALL) if candle.observed_at[11:13] not in ("07", "09", "10")]
        bitcoin = [candle for candle in bitcoin if candle.observed_at[11:13] not in ("07", "12", "20", "21")]
        run = {"source": "binance", "candle_interval": "1h", "markets": [BTC]}
        quarantined = [run | {"observed_at": "2023-12-18 20:00:00", "candles": 2}]
        make_load(bitcoin + ether, quarantined=quarantined).merged()
        assert gaps(client) == {
            "18 00": "not_listed", "18 01": "not_listed", "18 07": "venue_down", "18 12": "no_trade",
            "18 20": "quarantined", "18 21": "quarantined",
        }  # fmt: skip
        assert gaps(client, ETH) == {"18 07": "venue_down", "18 09": "no_trade", "18 10": "no_trade"}

    def test_a_market_without_any_candle_is_not_listed(self, client, make_load):
        make_load(candles(BTC, hours=ALL), markets={"binance": [BTC, ETH]}).merged()
        assert Counter(gaps(client, ETH).values()) == {"not_listed": 24}

    def test_a_missing_candle_of_a_listed_market_was_not_traded(self, client, make_load):
        make_load(candles(BTC, hours=ALL)).merged()
        later = make_load(candles(BTC, day="2023-12-19", hours=range(1, 24)), start="2023-12-19", end="2023-12-20")
        later.merged()
        assert gaps(client) == {"19 00": "no_trade"}

    def test_days_may_be_loaded_in_any_order(self, client, make_load):
        later = make_load(candles(BTC, day="2023-12-19", hours=range(1, 24)), start="2023-12-19", end="2023-12-20")
        later.merged()
        assert gaps(client) == {"19 00": "not_listed"}
        make_load(candles(BTC, hours=range(5, 24))).merged()
        assert gaps(client) == {f"18 {hour:02d}": "not_listed" for hour in range(5)} | {"19 00": "no_trade"}

    def test_a_later_load_removes_gaps_that_it_fills_and_keeps_those_of_other_markets(self, client, make_load):
        make_load(candles(BTC, ETH, hours=range(1, 24))).merged()
        make_load(candles(BTC, hours=ALL)).merged()
        assert gaps(client) == {}
        assert gaps(client, ETH) == {"18 00": "not_listed"}

    def test_one_market_alone_does_not_prove_an_outage(self, client, make_load):
        make_load([candle for candle in candles(BTC, hours=ALL) if candle.observed_at[11:13] != "07"]).merged()
        assert gaps(client) == {"18 07": "no_trade"}

    def test_a_market_that_is_no_longer_loaded_does_not_turn_a_quiet_hour_into_an_outage(self, client, make_load):
        make_load(candles(BTC, ETH, hours=ALL)).merged()
        quiet = [c for c in candles(BTC, day="2023-12-19", hours=ALL) if c.observed_at[11:13] != "07"]
        make_load(quiet, start="2023-12-19", end="2023-12-20").merged()
        assert gaps(client) == {"19 07": "no_trade"}

    def test_an_outage_is_recognized_when_one_of_two_markets_is_loaded_alone(self, client, make_load):
        both = [c for c in candles(BTC, ETH, hours=ALL) if c.observed_at[11:13] != "07"]
        make_load(both).merged()
        make_load([c for c in both if c.market == BTC]).merged()
        assert gaps(client) == {"18 07": "venue_down"}

    @pytest.mark.parametrize(("markets", "reason"), [([BTC], "empty_day"), ([BTC, ETH], "venue_down")])
    def test_the_gaps_of_an_empty_window_are_recorded_without_a_load(self, client, make_load, markets, reason):
        make_load(candles(*markets, hours=ALL)).merged()
        empty = make_load([], markets={"binance": [*markets, "SOL/USDT"]}, start="2023-12-19", end="2023-12-20")
        for _ in range(2):
            outcome = client.batch(*empty.write_markets().empty_sql())
            assert outcome.error is None
            assert gaps(client) == {f"19 {hour:02d}": reason for hour in ALL}
            assert gaps(client, "SOL/USDT") == {f"19 {hour:02d}": "not_listed" for hour in ALL}

    def test_a_listed_market_without_a_candle_on_a_day_has_an_empty_day(self, client, make_load):
        make_load(candles(BTC, ETH, hours=ALL)).merged()
        quiet = [
            c for c in candles(BTC, ETH, day="2023-12-19", hours=ALL) if (c.market, c.observed_at[11:13]) != (BTC, "07")
        ]
        next_days = [*quiet, *candles(BTC, day="2023-12-20", hours=ALL)]
        make_load(next_days, start="2023-12-19", end="2023-12-21").merged()
        assert gaps(client) == {"19 07": "no_trade"}
        assert gaps(client, ETH) == {f"20 {hour:02d}": "empty_day" for hour in ALL}

    def test_an_empty_day_is_recognized_in_any_order_of_loads(self, client, make_load):
        for day, hours in (("2023-12-20", range(1, 24)), ("2023-12-19", [])):
            end = f"2023-12-{int(day[-2:]) + 1}"
            loaded = candles(ETH, day=day, hours=ALL) + candles(BTC, day=day, hours=hours)
            make_load(loaded, markets={"binance": [BTC, ETH]}, start=day, end=end).merged()
        assert set(gaps(client).values()) == {"not_listed"}
        make_load(candles(BTC, ETH, hours=ALL)).merged()
        assert gaps(client) == {f"19 {hour:02d}": "empty_day" for hour in ALL} | {"20 00": "no_trade"}

    def test_markets_of_one_row_of_quarantined_candles_are_told_apart(self, client, make_load):
        run = {"source": "binance", "candle_interval": "1h", "markets": ["TBTC/USDT", "ETH/USDT"]}
        both = [
            c
            for c in candles(BTC, ETH, "SOL/USDT", hours=ALL)
            if c.market == "SOL/USDT" or c.observed_at[11:13] != "07"
        ]
        make_load(both, quarantined=[run | {"observed_at": "2023-12-18 07:00:00", "candles": 1}]).merged()
        assert gaps(client) == {"18 07": "no_trade"}
        assert gaps(client, ETH) == {"18 07": "quarantined"}

    def test_a_window_of_days_and_another_interval_and_source(self, client, make_load):
        quarters = [
            candle._replace(observed_at=f"{candle.observed_at[:14]}{minute:02d}:00", candle_interval="15m")
            for day in ("2023-12-18", "2023-12-19")
            for candle in candles("BTC/USD", day=day, hours=ALL, source="coinbase")
            for minute in (0, 15, 30, 45)
        ]
        del quarters[100]
        make_load(quarters, end="2023-12-20", candle_interval="15m").merged()
        assert client.rows("SELECT CAST(observed_at AS VARCHAR(32)), reason FROM crypto.candle_gaps") == [
            ["2023-12-19 01:00:00", "no_trade"]
        ]

    def test_a_refused_merge_records_no_gaps(self, client, make_load):
        old = make_load(candles(BTC, hours=ALL)).merged()
        fewer = make_load(candles(BTC, hours=range(20))).stage()
        assert "would delete 4 candles" in fewer.merge().error
        assert gaps(client) == {}
        assert old.metadata()


class TestResults:
    def test_the_glue_jobs_results_are_stored_with_the_load(self, client, make_load):
        load = make_load(candles(BTC, hours=ALL)).merged()
        assert results(client, load.batch_id, "off_grid") == [("binance", None, "quarantine", 27, 2, "quarantined")]

    def test_a_cleared_merge_has_one_set_of_results(self, client, make_load):
        load = make_load(candles(BTC, hours=ALL)).merged()
        before = client.rows("SELECT COUNT(*) FROM crypto.data_quality_results")
        load.merged()
        assert client.rows("SELECT COUNT(*) FROM crypto.data_quality_results") == before

    @pytest.mark.parametrize(("threshold", "status"), [(None, "warned"), (0.9, "warned"), (0.875, "passed")])
    def test_completeness_is_measured_per_market(self, client, make_load, threshold, status):
        rules = {} if threshold is None else {"completeness": {"threshold": threshold}}
        load = make_load(candles(BTC, hours=ALL) + candles(ETH, hours=range(21)), rules=rules).merged()
        assert results(client, load.batch_id, "completeness") == [
            ("binance", BTC, "warn", 24, 0, "passed"),
            ("binance", ETH, "warn", 24, 3, status),
        ]

    def test_price_jumps_are_reported_even_across_days(self, client, make_load):
        make_load(candles(BTC, hours=ALL, price="1.0")).merged()
        morning = candles(BTC, day="2023-12-19", hours=range(12), price="1.6")
        evening = candles(BTC, day="2023-12-19", hours=range(12, 24), price="2.3")
        load = make_load(morning + evening, start="2023-12-19", end="2023-12-20").merged()
        # From 1.0 to 1.6 is 60 %, from 1.6 to 2.3 is 44 %.
        assert results(client, load.batch_id, "price_jump") == [("binance", BTC, "warn", 24, 1, "warned")]
        lower = make_load(
            morning + evening, start="2023-12-19", end="2023-12-20", rules={"price_jump": {"threshold": 0.4}}
        ).merged()
        assert results(client, lower.batch_id, "price_jump") == [("binance", BTC, "warn", 24, 2, "warned")]

    def test_the_very_first_candle_is_not_compared(self, client, make_load):
        load = make_load(candles(BTC, hours=range(3))).merged()
        assert results(client, load.batch_id, "price_jump") == [("binance", BTC, "warn", 2, 0, "passed")]


class TestRulesThatFail:
    @pytest.mark.parametrize(
        ("rules", "rows", "message"),
        [
            (
                {"completeness": {"action": "fail"}},
                candles(BTC, hours=range(20)),
                "completeness of binance BTC/USDT (4 of 24)",
            ),
            (
                {"price_jump": {"action": "fail"}},
                candles(BTC, hours=range(12)) + candles(BTC, hours=range(12, 24), price="9.5"),
                "price_jump of binance BTC/USDT (1 of 23)",
            ),
        ],
        ids=["completeness", "price_jump"],
    )
    def test_nothing_is_loaded(self, client, make_load, rules, rows, message):
        load = make_load(rows, rules=rules).stage()
        with nothing_changes(client):
            error = load.merge().error
        assert f"CP-08 batch {load.batch_id} breaks 1 quality rules" in error
        assert message in error
        assert client.rows("SELECT COUNT(*) FROM crypto.data_quality_results") == [[0]]
        assert gaps(client) == {}

    def test_candles_within_the_threshold_are_loaded(self, client, make_load):
        rules = {"completeness": {"action": "fail", "threshold": 0.8}, "price_jump": {"action": "fail", "threshold": 9}}
        load = make_load(candles(BTC, hours=range(20)), rules=rules).merged()
        assert [status for *_, status in results(client, load.batch_id, "completeness")] == ["passed"]
