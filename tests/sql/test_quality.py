"""The gaps and the quality results that a load records, and the loads that quality rules reject."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from crypto_prices.xcom.fetched_source import EmptyRange

from tests.support.data_api import Client
from tests.support.window_loads import BTC, ETH, candles, nothing_changes, remove

ALL = range(24)


def ranges(client: Client, market: str = BTC, source: str = "binance") -> list[tuple]:
    """Return a market's ranges of missing candles as start, end, candles and reason."""
    rows = client.rows(
        "SELECT TO_CHAR(starts_at, 'MM-DD HH24'), TO_CHAR(ends_at, 'MM-DD HH24'), candles, reason "
        f"FROM crypto.candle_gaps WHERE source = '{source}' AND symbol || '/' || quote_currency = '{market}' "
        "ORDER BY starts_at"
    )
    return [tuple(row) for row in rows]


def gaps(client: Client, market: str = BTC, source: str = "binance") -> dict[str, str]:
    """Return the reason of each missing hour of a market in December 2023, by a time such as ``18 05``."""
    found: dict[str, str] = {}
    for start, end, candle_total, reason in ranges(client, market, source):
        first, last = (datetime.fromisoformat(f"2023-{text}") for text in (start, end))
        hours = [first + timedelta(hours=hour) for hour in range((last - first) // timedelta(hours=1))]
        assert len(hours) == candle_total
        assert not found.keys() & {f"{hour:%d %H}" for hour in hours}, "two ranges overlap"
        found |= {f"{hour:%d %H}": reason for hour in hours}
    return found


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

    @pytest.mark.parametrize("markets", [["TBTC/USDT", ETH], []], ids=["of one market", "of all markets"])
    def test_candles_of_an_empty_response_are_told_from_those_that_the_exchange_left_out(
        self, client, make_load, markets
    ):
        make_load(candles(BTC, ETH, "SOL/USDT", hours=ALL)).merged()
        sent = candles(BTC, ETH, day="2023-12-19", hours=range(18)) + candles("SOL/USDT", day="2023-12-19", hours=ALL)
        sent = [candle for candle in sent if candle.observed_at[11:13] != "07"]
        empty = {"binance": [EmptyRange("2023-12-19 18:00:00", 6, markets)]}
        make_load(sent, start="2023-12-19", end="2023-12-20", empty=empty).merged()
        evening = [f"19 {hour}" for hour in range(18, 24)]
        quiet = {"19 07": "venue_down"}
        assert gaps(client, ETH) == quiet | dict.fromkeys(evening, "empty_response")
        assert gaps(client) == quiet | dict.fromkeys(evening, "no_trade" if markets else "empty_response")
        assert gaps(client, "SOL/USDT") == quiet

    def test_an_empty_response_does_not_hide_other_reasons(self, client, make_load):
        make_load(candles(BTC, ETH, hours=ALL)).merged()
        sent = candles(BTC, day="2023-12-19", hours=ALL) + candles(ETH, day="2023-12-19", hours=range(2))
        sent += candles("SOL/USDT", day="2023-12-19", hours=range(9, 24))
        rejected = {"source": "binance", "candle_interval": "1h", "markets": [ETH]}
        rejected |= {"observed_at": "2023-12-19 22:00:00", "candles": 2}
        hours = EmptyRange("2023-12-19 00:00:00", 24, [])
        make_load(
            sent, start="2023-12-19", end="2023-12-20", empty={"binance": [hours]}, quarantined=[rejected]
        ).merged()
        assert gaps(client) == {}
        assert set(gaps(client, "SOL/USDT").values()) == {"not_listed"}
        assert Counter(gaps(client, ETH).values()) == {"empty_response": 20, "quarantined": 2}

    def test_a_window_of_days_and_another_interval_and_source(self, client, make_load):
        quarters = [
            candle._replace(observed_at=f"{candle.observed_at[:14]}{minute:02d}:00", candle_interval="15m")
            for day in ("2023-12-18", "2023-12-19")
            for candle in candles("BTC/USD", day=day, hours=ALL, source="coinbase")
            for minute in (0, 15, 30, 45)
        ]
        del quarters[100]
        make_load(quarters, end="2023-12-20", candle_interval="15m").merged()
        assert client.rows("SELECT CAST(starts_at AS VARCHAR(32)), candles, reason FROM crypto.candle_gaps") == [
            ["2023-12-19 01:00:00", 1, "no_trade"]
        ]

    def test_a_refused_merge_records_no_gaps(self, client, make_load):
        old = make_load(candles(BTC, hours=ALL)).merged()
        fewer = make_load(candles(BTC, hours=range(20))).stage()
        assert "would delete 4 candles" in fewer.merge().error
        assert gaps(client) == {}
        assert old.metadata()


class TestRemovedCandles:
    LATER = "2099-01-01 00:00:00"

    @pytest.fixture
    def removed(self, client, make_load):
        """Hours 5 to 7 were removed. The exchange never sent hour 8."""
        make_load(
            [each for each in candles(BTC, ETH, hours=ALL) if each[1::2] != (BTC, "2023-12-18 08:00:00")]
        ).merged()
        assert remove(client, BTC, "2023-12-18 05:00", "2023-12-18 09:00").error is None

    def test_a_removal_is_a_range_and_leaves_others_as_they_are(self, client, removed):
        assert ranges(client) == [("12-18 05", "12-18 08", 3, "removed"), ("12-18 08", "12-18 09", 1, "no_trade")]
        assert ranges(client, ETH) == []

    def test_touching_removals_become_one_range_in_any_order(self, client, make_load):
        make_load(candles(BTC, hours=ALL)).merged()
        for start, end in (("03:00", "05:00"), ("07:00", "09:00"), ("12:00", "13:00"), ("05:00", "06:59:59")):
            assert remove(client, BTC, f"2023-12-18 {start}", f"2023-12-18 {end}").error is None
        assert ranges(client) == [("12-18 03", "12-18 09", 6, "removed"), ("12-18 12", "12-18 13", 1, "removed")]

    def test_candles_around_loaded_gaps_are_separate_ranges(self, client, make_load):
        hours = [number for number in ALL if number not in (6, 9)]
        make_load([each for hour in hours for each in candles(BTC, hours=range(hour, hour + 1))]).merged()
        assert remove(client, BTC, "2023-12-18", "2023-12-19").error is None
        assert ranges(client) == [
            ("12-18 00", "12-18 06", 6, "removed"),
            ("12-18 06", "12-18 07", 1, "no_trade"),
            ("12-18 07", "12-18 09", 2, "removed"),
            ("12-18 09", "12-18 10", 1, "no_trade"),
            ("12-18 10", "12-19 00", 14, "removed"),
        ]

    def test_a_load_that_does_not_bring_them_back_keeps_the_reason(self, client, make_load, removed):
        without = [
            each
            for each in candles(BTC, ETH, hours=ALL)
            if each.market == ETH or each.observed_at[11:13] not in ("05", "06", "07", "08")
        ]
        rejected = {"source": "binance", "candle_interval": "1h", "markets": [BTC]}
        rejected |= {"observed_at": "2023-12-18 06:00:00", "candles": 1}
        make_load(without, fetched_at=self.LATER, quarantined=[rejected]).merged()
        assert ranges(client) == [("12-18 05", "12-18 08", 3, "removed"), ("12-18 08", "12-18 09", 1, "no_trade")]

    def test_a_load_that_brings_some_back_shortens_the_range(self, client, make_load, removed):
        some = [each for each in candles(BTC, ETH, hours=ALL) if each[1::2] != (BTC, "2023-12-18 07:00:00")]
        make_load(some, fetched_at=self.LATER).merged()
        assert ranges(client) == [("12-18 07", "12-18 08", 1, "removed")]
        # The candle is there, so the exchange is the reason if it is gone again.
        make_load(candles(BTC, ETH, hours=ALL), fetched_at=self.LATER).merged()
        make_load(some, fetched_at=self.LATER).merged(force=True)
        assert ranges(client) == [("12-18 07", "12-18 08", 1, "no_trade")]

    def test_a_wholly_removed_day_stays_removed_beside_other_days(self, client, make_load):
        for day in ("2023-12-17", "2023-12-18", "2023-12-19"):
            one_day(make_load, day, candles(BTC, day=day, hours=ALL), markets={"binance": [BTC]})
        assert remove(client, BTC, "2023-12-17 22:00", "2023-12-19 02:00").error is None
        expected = [("12-17 22", "12-19 02", 28, "removed")]
        assert ranges(client) == expected
        empty = make_load([], markets={"binance": [BTC]})
        assert client.batch(*empty.write_markets().empty_sql()).error is None
        assert ranges(client) == expected
        one_day(make_load, "2023-12-20", candles(BTC, day="2023-12-20", hours=ALL), markets={"binance": [BTC]})
        assert ranges(client) == expected


def one_day(make_load, day: str, loaded: list, **options):
    """Load one day of both markets, or of the given ones."""
    end = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    options = {"markets": {"binance": [BTC, ETH]}} | options
    return make_load(loaded, start=day, end=end, **options).merged(force=True)


class TestRanges:
    DAYS = tuple(f"2023-12-{number}" for number in range(14, 19))

    def both(self, day: str) -> list:
        """Bitcoin is listed, and Ether not before the last day."""
        return candles(BTC, day=day, hours=ALL) + (candles(ETH, day=day, hours=ALL) if day == self.DAYS[-1] else [])

    @pytest.mark.parametrize("order", ["forwards", "backwards", "at random"])
    def test_the_days_before_a_listing_are_one_row(self, client, make_load, order):
        days = list(self.DAYS)
        if order == "backwards":
            days.reverse()
        elif order == "at random":
            random.Random(7).shuffle(days)
        for day in days:
            one_day(make_load, day, self.both(day))
        assert ranges(client) == []
        assert ranges(client, ETH) == [("12-14 00", "12-18 00", 4 * 24, "not_listed")]

    def test_a_reloaded_day_in_the_middle_splits_the_range_and_closes_it_again(self, client, make_load):
        for day in self.DAYS:
            one_day(make_load, day, self.both(day))
        rejected = {"source": "binance", "candle_interval": "1h", "markets": [ETH]}
        rejected |= {"observed_at": "2023-12-16 05:00:00", "candles": 2}
        one_day(make_load, "2023-12-16", self.both("2023-12-16"), quarantined=[rejected])
        assert ranges(client, ETH) == [
            ("12-14 00", "12-16 05", 2 * 24 + 5, "not_listed"),
            ("12-16 05", "12-16 07", 2, "quarantined"),
            ("12-16 07", "12-18 00", 24 + 17, "not_listed"),
        ]
        one_day(make_load, "2023-12-16", self.both("2023-12-16"))
        assert ranges(client, ETH) == [("12-14 00", "12-18 00", 4 * 24, "not_listed")]

    def test_candles_that_arrive_later_shorten_the_range_and_explain_the_rest(self, client, make_load):
        for day in self.DAYS:
            one_day(make_load, day, self.both(day))
        one_day(make_load, "2023-12-15", self.both("2023-12-15") + candles(ETH, day="2023-12-15", hours=range(3, 9)))
        assert ranges(client, ETH) == [
            ("12-14 00", "12-15 03", 24 + 3, "not_listed"),
            ("12-15 09", "12-16 00", 15, "no_trade"),
            ("12-16 00", "12-18 00", 2 * 24, "empty_day"),
        ]

    def test_a_load_of_some_markets_and_of_another_source_leaves_the_others(self, client, make_load):
        for day in self.DAYS:
            one_day(make_load, day, self.both(day))
        day = "2023-12-16"
        one_day(make_load, day, candles(BTC, day=day, hours=ALL), markets={"binance": [BTC]})
        one_day(make_load, day, [], markets={"coinbase": [ETH]}, curated={"coinbase": 0})
        assert ranges(client, ETH) == [("12-14 00", "12-18 00", 4 * 24, "not_listed")]
        assert ranges(client, ETH, "coinbase") == [("12-16 00", "12-17 00", 24, "not_listed")]

    def test_a_repeated_merge_changes_nothing(self, client, make_load):
        loads = [one_day(make_load, day, self.both(day)) for day in self.DAYS]
        noted = "SELECT noted_at FROM crypto.candle_gaps"
        client.ok("UPDATE crypto.candle_gaps SET noted_at = '2023-12-24'")
        before = ranges(client, ETH)
        assert loads[-1].merge(force=True).error is None
        assert (ranges(client, ETH), client.rows(noted)) == (before, [["2023-12-24 00:00:00"]])
        assert loads[2].merge(force=True).error is None
        assert ranges(client, ETH) == before

    def test_a_day_with_rejected_candles_is_not_empty(self, client, make_load):
        rejected = {"source": "binance", "candle_interval": "1h", "markets": [ETH]}
        rejected |= {"observed_at": "2023-12-19 00:00:00", "candles": 20}
        make_load(candles(BTC, ETH, hours=ALL)).merged()
        one_day(make_load, "2023-12-19", candles(BTC, day="2023-12-19", hours=ALL), quarantined=[rejected])
        assert ranges(client, ETH) == [
            ("12-19 00", "12-19 20", 20, "quarantined"),
            ("12-19 20", "12-20 00", 4, "no_trade"),
        ]

    def test_a_market_is_listed_for_a_month_after_its_last_candle(self, client, make_load):
        late = [date(2023, 12, 18) + timedelta(days=number) for number in (31, 32, 33)]
        for day in late:
            one_day(make_load, str(day), candles(BTC, day=str(day), hours=ALL))
        assert ranges(client, ETH) == [("01-18 00", "01-21 00", 72, "not_listed")]
        one_day(make_load, "2023-12-18", candles(BTC, ETH, hours=ALL))
        assert ranges(client, ETH) == [
            ("01-18 00", "01-19 00", 24, "empty_day"),
            ("01-19 00", "01-21 00", 48, "not_listed"),
        ]

    def test_a_market_is_listed_for_a_month_in_a_long_window_too(self, client, make_load):
        days = [date(2023, 12, 18) + timedelta(days=number) for number in range(34)]
        sent = [candle for day in days for candle in candles(BTC, day=str(day), hours=ALL)]
        sent += candles(ETH, hours=range(20))
        make_load(sent, end=str(days[-1] + timedelta(days=1)), markets={"binance": [BTC, ETH]}).merged()
        assert ranges(client) == []
        assert ranges(client, ETH) == [
            ("12-18 20", "12-19 00", 4, "no_trade"),
            ("12-19 00", "01-19 00", 31 * 24, "empty_day"),
            ("01-19 00", "01-21 00", 2 * 24, "not_listed"),
        ]

    def test_ranges_are_exactly_the_missing_candles_whatever_was_loaded(self, client, make_load):
        rng = random.Random(18)
        days = [date(2023, 12, 11) + timedelta(days=number) for number in range(4)]
        loaded: set[str] = set()
        requested: set[str] = set()
        for _ in range(9):
            first = rng.randrange(len(days))
            window = days[first : first + rng.randint(1, 2)]
            hours = [f"{day} {hour:02d}" for day in window for hour in ALL]
            sent = set(rng.sample(hours, rng.choice([0, 3, 20, len(hours)])))
            rows = [c for day in window for c in candles(BTC, day=str(day), hours=ALL) if c.observed_at[:13] in sent]
            end = str(window[-1] + timedelta(days=1))
            load = make_load(rows, start=str(window[0]), end=end, markets={"binance": [BTC]})
            load.merged(force=True) if rows else client.batch(*load.write_markets().empty_sql())
            requested |= set(hours)
            loaded = loaded - set(hours) | sent if rows else loaded
            found = gaps(client)
            assert set(found) == {hour[8:] for hour in requested - loaded}
            touching = [(a, b) for a, b in pairwise(ranges(client)) if a[1] == b[0] and a[3] == b[3]]
            assert touching == []


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
        assert f"CP-08 batch {load.batch_id} breaks 1 quality rules whose action is fail, all of binance" in error
        assert message in error
        assert client.rows("SELECT COUNT(*) FROM crypto.data_quality_results") == [[0]]
        assert gaps(client) == {}

    def test_the_error_names_the_sources_and_how_to_load_the_others(self, make_load):
        rows = candles(BTC, ETH, hours=range(20)) + candles("BTC/USD", source="coinbase", hours=ALL)
        rows += candles("BTC/USD", source="coingecko", hours=range(3))
        error = make_load(rows, rules={"completeness": {"action": "fail"}}).stage().merge().error
        assert "breaks 3 quality rules whose action is fail, all of binance, coingecko, for example " in error
        assert "trigger crypto_prices_window for the same days with the parameter sources" in error

    def test_candles_within_the_threshold_are_loaded(self, client, make_load):
        rules = {"completeness": {"action": "fail", "threshold": 0.8}, "price_jump": {"action": "fail", "threshold": 9}}
        load = make_load(candles(BTC, hours=range(20)), rules=rules).merged()
        assert [status for *_, status in results(client, load.batch_id, "completeness")] == ["passed"]
