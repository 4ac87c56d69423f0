"""sql/load on the local Redshift: the effects of a load, the loads that it rejects, and that these change nothing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import ClassVar

import pytest
from crypto_prices.market_sets import market_set_name
from crypto_prices_etl import schemas

from local_aws.redshift.warehouse import Warehouse
from tests.support.data_api import Client
from tests.support.window_loads import BTC, ETH, FACT, candles, nothing_changes

NUMBERS = [
    column.name for column in schemas.CURATED_COLUMNS if isinstance(column.type, schemas.Decimal | schemas.BigInt)
]


class TestMerge:
    def test_a_fresh_window_is_loaded_and_counted(self, client, make_load):
        load = make_load(candles(BTC, ETH), fetched_at="2023-12-20T00:00:00.500Z").complete()
        assert client.rows(FACT) == load.in_fact()
        row = load.metadata()["binance"]
        assert (row["rows_fetched"], row["rows_curated"], row["rows_quarantined"], row["rows_duplicate"]) == (
            9,
            6,
            2,
            1,
        )
        assert (row["rows_staged"], row["rows_merged"], row["rows_in_window"], row["rows_removed"]) == (6, 6, 6, 0)
        assert (row["status"], row["load_number"], row["market_total"]) == ("loaded", 1, 2)
        assert (row["window_start"], row["window_end"]) == ("2023-12-18", "2023-12-19")
        assert (row["content_hash"], row["fetched_at"]) == ("a" * 64, "2023-12-20 00:00:00.5")
        assert row["raw_manifest"] == "s3://lake/raw/binance/manifest.json"
        assert (row["dag_id"], row["run_id"], row["glue_job_run_id"]) == ("crypto_prices_window", "run_1", "jr_run_1_1")
        assert row["recorded_at"] is not None

    def test_every_column_of_staging_arrives(self, client, make_load):
        load = make_load(candles(BTC)).stage()
        client.ok(
            f"UPDATE {load.table} SET open_price = 0.000000000000000001, high_price = 2, low_price = 3, "
            "close_price = 4, base_volume = 5, quote_volume = 6, trade_count = 7, market_cap = 0.00000001, "
            "raw_object = 's3://x', ingested_at = '2024-02-29 12:00:00.123456'"
        )
        staged = client.rows(f"SELECT * FROM {load.table} ORDER BY observed_at")
        load.merge()
        columns = ", ".join(column.name for column in schemas.CURATED_COLUMNS)
        fact = f"SELECT {columns} FROM crypto.fact_crypto_prices ORDER BY observed_at"
        assert client.rows(fact) == staged
        # The second merge replaces rows instead of only adding them.
        client.ok("UPDATE crypto.fact_crypto_prices SET open_price = 1, market_cap = NULL, raw_object = 'old'")
        load.merge()
        assert client.rows(fact) == staged

    def test_the_same_batch_again_changes_no_price_and_replaces_its_metadata(self, client, make_load):
        first = make_load(candles(BTC, ETH), run_id="cleared").complete()
        other = make_load(candles(BTC, day="2023-12-19"), start="2023-12-19", end="2023-12-20").complete()
        again = make_load(candles(BTC, ETH), run_id="cleared").complete()
        assert again.batch_id == first.batch_id
        assert client.rows(FACT) == sorted(again.in_fact() + other.in_fact())
        row = again.metadata()["binance"]
        assert (row["status"], row["rows_merged"], row["rows_in_window"], row["rows_removed"]) == ("loaded", 6, 6, 0)
        assert other.metadata()["binance"]["load_number"] == 2
        assert row["load_number"] == 3
        assert client.rows("SELECT COUNT(*) FROM crypto.etl_metadata") == [[2]]

    def test_a_merge_that_is_cleared_alone_gives_the_same_result(self, client, make_load):
        load = make_load(candles(BTC)).stage()
        load.merge()
        before = client.rows(FACT), load.metadata()
        load.merge()
        after = load.metadata()
        for rows in (before[1], after):
            del rows["binance"]["loaded_at"], rows["binance"]["load_number"]
        assert (client.rows(FACT), after) == before

    def test_a_load_number_is_never_used_again(self, client, make_load):
        """Not even after the newest load's metadata was deleted, as a cleared run does with its earlier attempt."""
        make_load(candles(BTC)).complete()
        newest = make_load(candles(BTC, day="2023-12-19"), run_id="cleared", start="2023-12-19", end="2023-12-20")
        numbers = [newest.complete().metadata()["binance"]["load_number"] for _ in range(3)]
        client.ok("DELETE FROM crypto.etl_metadata")
        numbers.append(make_load(candles(BTC)).complete().metadata()["binance"]["load_number"])
        assert numbers == [2, 3, 4, 5]

    def test_restated_values_replace_the_old_ones(self, client, make_load):
        make_load(candles(BTC, price="1.5")).merged()
        restated = make_load(candles(BTC, price="2.5")).merged()
        assert client.rows(FACT) == restated.in_fact()
        assert restated.metadata()["binance"]["rows_merged"] == 3

    def test_missing_candles_that_arrive_later_are_added(self, client, make_load):
        make_load(candles(BTC, hours=range(2))).merged()
        whole = make_load(candles(BTC, hours=range(3))).merged()
        assert client.rows(FACT) == whole.in_fact()

    def test_two_sources_are_counted_separately(self, client, make_load):
        load = make_load(candles(BTC, ETH) + candles("BTC/USD", source="coinbase", hours=range(1))).complete()
        assert client.rows(FACT) == load.in_fact()
        counted = {
            source: (row["rows_staged"], row["rows_merged"], row["rows_in_window"], row["load_number"], row["status"])
            for source, row in load.metadata().items()
        }
        assert counted == {"binance": (6, 6, 6, 1, "loaded"), "coinbase": (1, 1, 1, 1, "loaded")}

    def test_a_source_without_candles_has_a_row_too(self, make_load):
        load = make_load(candles(BTC), markets={"binance": [BTC], "coinbase": ["BTC/USD"]}).complete()
        row = load.metadata()["coinbase"]
        assert (row["rows_staged"], row["rows_merged"], row["rows_in_window"], row["status"]) == (0, 0, 0, "loaded")


class TestRefusedSource:
    REFUSED: ClassVar = {"source": "coinbase", "code": "CP-11", "problem": "24 of 24 records were rejected"}

    def test_its_rows_and_gaps_stay_and_the_others_are_replaced(self, client, make_load):
        markets = {"binance": [BTC], "coinbase": ["BTC/USD"]}
        coinbase = candles("BTC/USD", source="coinbase", hours=range(20))
        before = make_load(candles(BTC, hours=range(24)) + coinbase, markets=markets).complete()
        gaps = client.rows("SELECT * FROM crypto.candle_gaps WHERE source = 'coinbase' ORDER BY starts_at")
        assert [gap[6] for gap in gaps] == [4]
        later = make_load(
            candles(BTC, hours=range(24), price="2.5"), markets=markets, refused=[self.REFUSED]
        ).complete()
        assert set(later.metadata()) == {"binance"}
        expected = [row for row in before.in_fact() if row[0] == "coinbase"] + later.in_fact()
        assert client.rows(FACT) == sorted(expected)
        assert client.rows("SELECT * FROM crypto.candle_gaps WHERE source = 'coinbase' ORDER BY starts_at") == gaps


class TestAcceptedSource:
    WHY = "off the grid after the outage, see the exchange's announcement"

    def test_the_load_records_who_accepted_the_rejected_records_and_why(self, make_load):
        loaded = candles(BTC) + candles("BTC/USD", source="coinbase")
        found = make_load(loaded, accepted={"binance": self.WHY}).complete().metadata()
        assert (found["binance"]["accepted_by"], found["binance"]["accepted_because"]) == ("ada", self.WHY)
        assert (found["coinbase"]["accepted_by"], found["coinbase"]["accepted_because"]) == (None, None)

    def test_a_load_that_the_audit_repeats_keeps_the_name_of_the_user_who_accepted_the_day(self, make_load):
        """The run that repeats it has the user who triggered the audit, or none."""
        repeated = make_load(candles(BTC), accepted={"binance": self.WHY}, params={"accepted_by": "grace"}).complete()
        assert repeated.metadata()["binance"]["accepted_by"] == "grace"

    def test_a_load_without_rows_records_only_the_gaps(self, client, make_load):
        runs = [
            {
                "source": "binance",
                "candle_interval": "1h",
                "markets": [BTC],
                "observed_at": "2023-12-18 00:00:00",
                "candles": 24,
            }
        ]
        load = make_load([], markets={"binance": [BTC]}, quarantined=runs, accepted={"binance": self.WHY}).stage()
        assert load.check_staging().error is None
        assert load.merge().error is None
        load.record()
        row = load.metadata()["binance"]
        assert (row["status"], row["rows_curated"], row["rows_merged"], row["accepted_by"]) == ("loaded", 0, 0, "ada")
        assert client.rows("SELECT reason, candles FROM crypto.candle_gaps") == [["quarantined", 24]]
        assert load.sql("copy_to_staging")[2].splitlines()[-1].strip().startswith("SELECT COUNT(*)")

    def test_it_deletes_no_candles(self, client, make_load):
        make_load(candles(BTC)).complete()
        empty = make_load([], markets={"binance": [BTC]}, accepted={"binance": self.WHY}).stage()
        with nothing_changes(client):
            assert "CP-07" in (empty.merge().error or "")


class TestCheckRemoved:
    def test_fewer_candles_than_before_are_refused_and_nothing_changes(self, client, make_load):
        make_load(candles(BTC, ETH)).merged()
        fewer = make_load(candles(BTC, ETH, hours=range(1), price="2.5")).stage()
        with nothing_changes(client):
            outcome = fewer.merge()
        assert outcome.status == "FAILED"
        assert f"batch {fewer.batch_id} would delete 4 candles" in (outcome.error or "")
        assert "the exchange no longer returns them" in (outcome.error or "")
        assert "with the parameter force" in (outcome.error or "")

    def test_the_error_has_the_number_of_quarantined_records(self, make_load):
        """A loaded candle that is quarantined now is missing, too."""
        make_load(candles(BTC) + candles("BTC/USD", source="coinbase")).merged()
        fewer = make_load(candles(BTC, hours=range(2)) + candles("BTC/USD", source="coinbase"), run_id="fewer").stage()
        error = fewer.merge().error
        # 2 per source, see the report in tests/support/window_loads.py.
        assert "would delete 1 candles of binance: " in error
        assert "among the 2 quarantined records of these sources" in error

    def test_the_error_names_the_sources_and_how_to_load_the_others(self, make_load):
        markets = {"binance": BTC, "coinbase": "BTC/USD", "coingecko": "BTC/USD"}
        make_load([c for source, market in markets.items() for c in candles(market, source=source)]).merged()
        fewer = candles("BTC/USD", source="coinbase")
        fewer += candles(BTC, hours=range(2)) + candles("BTC/USD", source="coingecko", hours=range(1))
        error = make_load(fewer).stage().merge().error
        assert "would delete 3 candles of binance, coingecko: " in error
        assert "trigger crypto_prices_window for the same days with the parameter sources" in error

    def test_a_vanished_market_is_refused_too(self, client, make_load):
        make_load(candles(BTC, ETH)).merged()
        gone = make_load(candles(BTC), markets={"binance": [BTC, ETH]}).stage()
        with nothing_changes(client):
            assert "would delete 3 candles" in (gone.merge().error or "")

    def test_a_refused_cleared_run_keeps_its_earlier_rows(self, client, make_load):
        make_load(candles(BTC), run_id="cleared").merged()
        again = make_load(candles(BTC, hours=range(2)), run_id="cleared").stage()
        with nothing_changes(client):
            assert again.merge().status == "FAILED"

    def test_force_removes_and_counts_exactly_the_missing_candles(self, client, make_load):
        everything = candles(BTC, ETH) + candles("BTC/USD", source="coinbase")
        make_load(everything).merged()
        fewer = candles(BTC) + candles(ETH, hours=range(1)) + candles("BTC/USD", source="coinbase")
        forced = make_load(fewer).merged(force=True)
        assert client.rows(FACT) == forced.in_fact()
        removed = {source: row["rows_removed"] for source, row in forced.metadata().items()}
        assert removed == {"binance": 2, "coinbase": 0}


class TestScope:
    """A load changes only what it requested."""

    def test_rows_outside_its_scope_are_kept(self, client, make_load):
        others = [
            make_load(candles(ETH)).merged(),
            make_load(candles("BTC/USDC")).merged(),
            make_load(candles(BTC, source="coinbase")).merged(),
            make_load(candles(BTC, candle_interval="1m"), candle_interval="1m").merged(),
            make_load(candles(BTC, day="2023-12-17"), start="2023-12-17", end="2023-12-18").merged(),
            make_load(candles(BTC, day="2023-12-19"), start="2023-12-19", end="2023-12-20").merged(),
        ]
        before = [other.metadata() for other in others]
        make_load(candles(BTC)).merged()
        # With force and with other candles, so that every statement of the merge has something to change.
        load = make_load(candles(BTC, hours=range(2, 5), price="2.5")).merged(force=True)
        assert client.rows(FACT) == sorted(sum((each.in_fact() for each in others), load.in_fact()))
        assert [other.metadata() for other in others] == before
        row = load.metadata()["binance"]
        assert (row["rows_staged"], row["rows_merged"], row["rows_in_window"], row["rows_removed"]) == (3, 3, 3, 2)

    def test_a_load_of_one_day_keeps_the_other_days_of_a_longer_window(self, client, make_load):
        days = candles(BTC, day="2023-12-18") + candles(BTC, day="2023-12-19") + candles(BTC, day="2023-12-20")
        wide = make_load(days, end="2023-12-21").merged()
        middle = candles(BTC, day="2023-12-19", price="2.5")
        load = make_load(middle, start="2023-12-19", end="2023-12-20").merged()
        kept = [row for row in wide.in_fact() if not row[3].startswith("2023-12-19")]
        assert client.rows(FACT) == sorted(kept + load.in_fact())


class TestCheckStaging:
    """Each case with the separate task and with the merge, which must reject it, too, when it is cleared alone."""

    @pytest.fixture(params=["check_staging", "merge_into_fact"])
    def refusal(self, request, client, make_load):
        """Return a function that runs the task, checks that nothing changed, and returns the error."""
        make_load(candles(BTC, price="9.5")).merged()

        def refused(load):
            with nothing_changes(client):
                outcome = load.check_staging() if request.param == "check_staging" else load.merge(force=True)
            assert outcome.status == "FAILED"
            return (outcome.error or "").replace(load.batch.staging_table, "stg")

        return refused

    def test_an_empty_table(self, refusal, make_load):
        load = make_load([], markets={"binance": [BTC]}, curated={"binance": 3}).stage()
        assert "CP-01 staging table crypto.stg " in refusal(load)

    @pytest.mark.parametrize("counted", [2, 4])
    def test_more_or_fewer_rows_than_the_report_counts(self, refusal, make_load, counted):
        load = make_load(candles(BTC), curated={"binance": counted}).stage()
        assert f"CP-02 staging table crypto.stg has 3 rows, but the curation report counts {counted}" in refusal(load)

    @pytest.mark.parametrize("day", ["2023-12-17", "2023-12-19"])
    def test_a_row_outside_the_window(self, refusal, make_load, day):
        load = make_load(candles(BTC) + candles(BTC, day=day, hours=range(1))).stage()
        assert "CP-03 staging table crypto.stg has 1 rows outside the window 2023-12-18 to 2023-12-19" in refusal(load)

    def test_a_repeated_key(self, refusal, make_load):
        load = make_load(candles(BTC) + candles(BTC, hours=range(1), price="2.5")).stage()
        assert "CP-04 staging table crypto.stg has 1 keys" in refusal(load)

    def test_no_table(self, refusal, make_load):
        assert 'relation "crypto.stg" does not exist' in refusal(make_load(candles(BTC)))

    def test_the_first_and_the_last_instant_of_the_window_are_inside(self, make_load):
        assert make_load(candles(BTC, hours=range(24))).stage().check_staging().error is None


class TestCheckMarkets:
    """Without the list of its markets, a merge would replace and check too few rows."""

    @pytest.mark.parametrize(("gone", "left"), [("", 0), (" AND symbol = 'ETH'", 1)], ids=["all", "one"])
    def test_a_load_whose_markets_are_not_in_the_warehouse_is_refused(self, client, make_load, gone, left):
        load = make_load(candles(BTC, ETH)).stage()
        client.ok(f"DELETE FROM crypto.market_sets WHERE market_set = '{market_set_name([BTC, ETH])}'{gone}")
        with nothing_changes(client):
            error = load.merge(force=True).error
        assert "CP-09 crypto.market_sets does not have the markets of batch " in error
        assert f": binance has {left} of 2 markets. Clear plan_load with its downstream tasks" in error
        load.write_markets()
        assert load.merge().error is None


class TestCheckOrigin:
    def test_rows_of_another_attempt_are_refused_even_by_force(self, client, make_load):
        """The COPY of the previous, abandoned attempt ends after this one's."""
        before = make_load(candles(BTC, price="1.5"), run_id="cleared")
        now = make_load(candles(BTC, price="2.5"), run_id="cleared", try_number=2).stage()
        before.stage()
        with nothing_changes(client):
            error = now.merge(force=True).error
        assert f"has 3 rows that do not belong to batch {now.batch_id}" in error
        assert now.stage().merge().error is None

    def test_a_merge_of_the_previous_attempt_is_refused(self, client, make_load):
        """It was abandoned, but runs after the new one."""
        before = make_load(candles(BTC, price="1.5"), run_id="cleared")
        make_load(candles(BTC, price="2.5"), run_id="cleared", try_number=2).merged()
        with nothing_changes(client):
            assert "CP-05 " in before.merge().error

    def test_different_values_that_were_fetched_later_are_not_replaced(self, client, make_load):
        old = make_load(candles(BTC, price="1.5"), fetched_at="2023-12-19 00:05:00").merged()
        new = make_load(candles(BTC, price="2.5"), fetched_at="2023-12-19 12:00:00").merged()
        with nothing_changes(client):
            error = old.merge().error
        assert f"batch {old.batch_id} would add 0 candles and replace 3 in markets and days that" in error
        assert "another load of binance fetched later (the last at 2023-12-19 12:00:00)" in error
        assert old.merge(force=True).error is None
        assert client.rows(FACT) == old.in_fact()
        assert new.merge().error is None

    def test_the_error_names_the_sources_and_how_to_load_the_others(self, make_load):
        others = candles("BTC/USD", source="coinbase")
        rows = candles(BTC) + candles("BTC/USD", source="coingecko", hours=range(1))
        old = make_load(rows + others, fetched_at="2023-12-19 00:05:00").stage()
        new = candles(BTC, price="2.5") + candles("BTC/USD", source="coingecko", hours=range(1), price="2.5")
        make_load(new, fetched_at="2023-12-19 12:00:00").merged()
        error = old.merge().error
        assert "replace 4 in markets and days that another load of binance, coingecko fetched later" in error
        assert "trigger crypto_prices_window for the same days with the parameter sources" in error

    def test_equal_values_may_have_any_fetch_time(self, client, make_load):
        old = make_load(candles(BTC), fetched_at="2023-12-19 00:05:00").stage()
        make_load(candles(BTC), fetched_at="2023-12-19 12:00:00").merged()
        assert old.merge().error is None
        assert client.rows(FACT) == old.in_fact()

    @pytest.mark.parametrize("column", NUMBERS)
    @pytest.mark.parametrize("value", ["9", "NULL"])
    def test_every_number_is_compared(self, client, make_load, column, value):
        old = make_load(candles(BTC), fetched_at="2023-12-19 00:05:00").stage()
        client.ok(f"UPDATE {old.table} SET {column} = 1")
        new = make_load(candles(BTC), fetched_at="2023-12-19 12:00:00").stage()
        client.ok(f"UPDATE {new.table} SET {column} = 1")
        client.ok(f"UPDATE {new.table} SET {column} = {value} WHERE observed_at = '2023-12-18 01:00:00'")
        assert new.merge().error is None
        assert "would add 0 candles and replace 1 in markets" in old.merge().error

    def test_an_older_run_does_not_bring_back_rows_removed_by_force(self, client, make_load):
        old = make_load(candles(BTC, ETH), fetched_at="2023-12-19 00:05:00").merged()
        fewer = candles(BTC) + candles(ETH, hours=range(1))
        forced = make_load(fewer, fetched_at="2023-12-19 12:00:00").merged(force=True)
        with nothing_changes(client):
            assert "would add 2 candles and replace 0 in markets" in old.merge().error
        assert forced.merge().error is None
        assert old.merge(force=True).error is None
        assert client.rows(FACT) == old.in_fact()

    def test_a_completely_removed_market_does_not_come_back(self, client, make_load):
        old = make_load(candles(BTC, ETH), fetched_at="2023-12-19 00:05:00").merged()
        both = {"binance": [BTC, ETH]}
        make_load(candles(BTC), markets=both, fetched_at="2023-12-19 12:00:00").merged(force=True)
        with nothing_changes(client):
            assert "would add 3 candles and replace 0 in markets" in old.merge().error

    def test_a_run_fetched_between_two_others_is_refused_in_any_order_of_their_merges(self, client, make_load):
        """The older run has equal values, so it may merge last. The rows then have its fetch time, the loads do not."""
        first = make_load(candles(BTC), fetched_at="2023-12-19 00:05:00").stage()
        make_load(candles(BTC), fetched_at="2023-12-19 12:00:00").merged()
        assert first.merge().error is None
        between = make_load(candles(BTC, price="2.5"), fetched_at="2023-12-19 06:00:00").stage()
        with nothing_changes(client):
            assert "would add 0 candles and replace 3 in markets" in between.merge().error

    def test_the_run_fetched_last_restores_rows_deleted_by_hand(self, client, make_load):
        old = make_load(candles(BTC), fetched_at="2023-12-19 00:05:00").merged()
        new = make_load(candles(BTC), fetched_at="2023-12-19 12:00:00").merged()
        client.ok("DELETE FROM crypto.fact_crypto_prices WHERE observed_at = '2023-12-18 01:00:00'")
        with nothing_changes(client):
            assert "would add 1 candles and replace 0 in markets" in old.merge().error
        assert new.merge().error is None
        assert client.rows(FACT) == new.in_fact()

    @pytest.mark.parametrize(
        "later",
        [
            {"loaded": candles(BTC, source="coinbase")},
            {"loaded": candles(BTC, candle_interval="1m"), "candle_interval": "1m"},
            {"loaded": candles("WBTC/USDT", "BTC/USDTX", "XBTC/USDT")},
            {"loaded": candles(BTC, day="2023-12-17"), "start": "2023-12-17", "end": "2023-12-18"},
            {"loaded": candles(BTC, day="2023-12-19"), "start": "2023-12-19", "end": "2023-12-20"},
        ],
        ids=["source", "interval", "market", "day before", "day after"],
    )
    def test_later_loads_of_other_data_do_not_count(self, client, make_load, later):
        other = make_load(**later, fetched_at="2023-12-30 00:00:00").merged()
        load = make_load(candles(BTC), fetched_at="2023-12-19 00:05:00").merged()
        assert client.rows(FACT) == sorted(load.in_fact() + other.in_fact())

    def test_only_the_rows_covered_by_a_later_load_are_protected(self, client, make_load):
        days = {day: candles(BTC, ETH, day=f"2023-12-{day}") for day in (18, 19, 20)}
        month = make_load([*days[18], *days[19], *days[20]], end="2023-12-21", fetched_at="2023-12-21 00:05:00").stage()
        times = {"start": "2023-12-19", "end": "2023-12-20", "fetched_at": "2023-12-21 12:00:00"}
        make_load(days[19][:3], **times).merged()
        assert month.merge().error is None
        assert client.rows(FACT) == month.in_fact()
        # ETH loses two candles, and a third one is corrected. BTC was not requested.
        make_load(candles(ETH, day="2023-12-19", hours=range(1), price="2.5"), **times).merged(force=True)
        with nothing_changes(client):
            assert "would add 2 candles and replace 1 in markets" in month.merge().error

    def test_each_source_is_compared_with_its_own_later_loads(self, client, make_load):
        both = candles(BTC) + candles(BTC, source="coinbase")
        old = make_load(both, fetched_at="2023-12-19 00:05:00").merged()
        make_load(candles(BTC, source="coinbase", price="2.5"), fetched_at="2023-12-19 12:00:00").merged()
        with nothing_changes(client):
            assert "would add 0 candles and replace 3 in markets" in old.merge().error

    def test_several_later_loads_count_a_candle_once(self, make_load):
        old = make_load(candles(BTC, ETH), fetched_at="2023-12-19 00:05:00").stage()
        for hour, market in ((12, BTC), (14, BTC), (13, BTC), (11, ETH)):
            make_load(candles(market, price="2.5"), fetched_at=f"2023-12-19 {hour}:00:00").merged()
        error = old.merge().error
        assert "would add 0 candles and replace 6 in markets" in error
        assert "(the last at 2023-12-19 14:00:00)" in error

    def test_loads_without_a_fetch_time_count_as_older_than_all_others(self, client, make_load):
        before = make_load(candles(BTC), fetched_at="2023-12-19 12:00:00").merged()
        client.ok("UPDATE crypto.etl_metadata SET fetched_at = NULL")
        after = make_load(candles(BTC, price="2.5"), fetched_at="2023-12-19 00:05:00").merged()
        assert client.rows(FACT) == after.in_fact()
        before.forget_fetch_time()
        with nothing_changes(client):
            assert "would add 0 candles and replace 3 in markets" in before.merge().error


class TestRowsOwned:
    """A backfill finds whether all rows that a load owns still exist."""

    def test_a_load_owns_the_rows_that_it_merged(self, make_load):
        load = make_load(candles(BTC, ETH)).merged()
        (found,) = load.found().values()
        assert (found.rows_owned, found.rows_now) == (6, 6)
        assert (found.source, found.batch_id, found.status) == ("binance", load.batch_id, "loaded")
        assert (found.is_recorded, found.is_accepted) == (False, False)
        assert found.markets == {BTC, ETH}
        assert (found.window, found.load_number) == (load.batch.window, 1)

    def test_loads_of_another_candle_interval_are_not_found(self, make_load):
        hourly = make_load(candles(BTC)).merged()
        daily = make_load(candles(BTC, hours=range(1), candle_interval="1d"), candle_interval="1d").merged()
        assert set(hourly.found()) == {hourly.batch_id}
        assert set(daily.found()) == {daily.batch_id}

    def test_loads_that_touch_the_days_are_found(self, make_load):
        load = make_load(candles(BTC)).merged()
        assert load.found("2023-12-18", "2023-12-19")
        assert load.found("2023-12-19", "2023-12-20") == {}
        assert load.found("2023-12-17", "2023-12-18") == {}

    def test_all_rows_of_a_load_are_counted_although_its_window_is_longer_than_the_days(self, make_load):
        three_days = [candle for day in (18, 19, 20) for candle in candles(BTC, day=f"2023-12-{day}")]
        load = make_load(three_days, end="2023-12-21").merged()
        (found,) = load.found("2023-12-19", "2023-12-20").values()
        assert (found.rows_owned, found.rows_now) == (9, 9)

    def test_a_load_that_did_not_add_up_is_found_with_its_status(self, client, make_load):
        """Otherwise a backfill would assume that the previous load has the days."""
        before = make_load(candles(BTC)).merged()
        after = make_load(candles(BTC), fetched_at="2023-12-21 00:00:00").merged()
        client.ok(f"UPDATE crypto.etl_metadata SET status = 'merged' WHERE batch_id = '{after.batch_id}'")
        found = before.found()
        assert {name: each.status for name, each in found.items()} == {
            before.batch_id: "loaded",
            after.batch_id: "merged",
        }

    def test_a_later_load_owns_the_rows_that_it_replaces(self, client, make_load):
        three_days = [candle for day in (18, 19, 20) for candle in candles(BTC, ETH, day=f"2023-12-{day}")]
        month = make_load(three_days, end="2023-12-21").merged()
        day = make_load(candles(BTC, day="2023-12-19", price="2.5"), start="2023-12-19", end="2023-12-20").merged()
        fewer = make_load(candles(BTC, day="2023-12-20", hours=range(1)), start="2023-12-20", end="2023-12-21").merged(
            force=True
        )
        found = month.found()
        assert {name: (each.rows_owned, each.rows_now) for name, each in found.items()} == {
            month.batch_id: (12, 12),
            day.batch_id: (3, 3),
            fewer.batch_id: (1, 1),
        }

    def test_lost_rows_are_noticed_even_if_others_were_added(self, client, make_load):
        month = make_load(candles(BTC) + candles(BTC, day="2023-12-19"), end="2023-12-20").merged()
        client.ok("DELETE FROM crypto.fact_crypto_prices WHERE observed_at = '2023-12-18 01:00:00'")
        make_load(candles(BTC, day="2023-12-19", hours=range(9)), start="2023-12-19", end="2023-12-20").merged()
        found = month.found()[month.batch_id]
        assert (found.rows_owned, found.rows_now) == (3, 2)

    def test_a_load_without_an_ownership_count_owns_the_rows_that_it_merged(self, client, make_load):
        load = make_load(candles(BTC)).merged()
        client.ok("UPDATE crypto.etl_metadata SET rows_owned = NULL")
        found = load.found()[load.batch_id]
        assert (found.rows_owned, found.rows_now) == (3, 3)
        make_load(candles(BTC, hours=range(1)), fetched_at="2023-12-21 00:00:00").merged(force=True)
        found = load.found()[load.batch_id]
        assert (found.rows_owned, found.rows_now) == (0, 0)


class TestFindLoadsOfWindow:
    """The query of reconcile: all loads of the window, including its own, and their rows in the fact table."""

    @staticmethod
    def found(client, load):
        (statement,) = load.sql("reconcile")
        rows = client.run(statement)
        names = [column["name"] for column in rows.columns]
        return {row["batch_id"]: row for row in (dict(zip(names, found, strict=True)) for found in rows.rows)}

    def test_a_load_has_all_rows_that_it_owns_until_some_are_deleted_by_hand(self, client, make_load):
        load = make_load(candles(BTC, ETH)).merged()
        row = self.found(client, load)[load.batch_id]
        assert (row["rows_merged"], row["rows_owned"], row["rows_now"], row["load_number"]) == (6, 6, 6, 1)
        client.ok("DELETE FROM crypto.fact_crypto_prices WHERE symbol = 'ETH'")
        row = self.found(client, load)[load.batch_id]
        assert (row["rows_owned"], row["rows_now"]) == (6, 3)
        client.ok("DELETE FROM crypto.fact_crypto_prices")
        row = self.found(client, load)[load.batch_id]
        assert (row["rows_owned"], row["rows_now"]) == (6, 0)

    def test_rows_taken_over_by_a_later_load_are_not_missing(self, client, make_load):
        wide = make_load(candles(BTC, ETH) + candles(BTC, day="2023-12-19"), end="2023-12-20").merged()
        day = make_load(candles(BTC)).merged()
        elsewhere = make_load(candles(BTC, day="2023-12-20"), start="2023-12-20", end="2023-12-21").merged()
        found = self.found(client, day)
        assert set(found) == {wide.batch_id, day.batch_id}
        for load, counts in ((day, (3, 3, 3)), (wide, (9, 6, 6))):
            row = self.found(client, load)[load.batch_id]
            assert (row["rows_merged"], row["rows_owned"], row["rows_now"]) == counts
        assert elsewhere.batch_id not in found

    def test_each_source_is_counted_separately(self, client, make_load):
        load = make_load(candles(BTC) + candles("BTC/USD", source="coinbase")).merged()
        client.ok("DELETE FROM crypto.fact_crypto_prices WHERE source = 'coinbase'")
        (statement,) = load.sql("reconcile")
        outcome = client.run(statement)
        names = [column["name"] for column in outcome.columns]
        rows = [dict(zip(names, row, strict=True)) for row in outcome.rows]
        assert {row["source"]: (row["rows_owned"], row["rows_now"]) for row in rows} == {
            "binance": (3, 3),
            "coinbase": (3, 0),
        }


class TestAttempts:
    def test_a_cleared_run_has_one_load(self, client, make_load):
        first = make_load(candles(BTC, price="1.5"), run_id="cleared").complete()
        second = make_load(candles(BTC, price="2.5"), run_id="cleared", try_number=2).complete()
        assert first.metadata() == {}
        assert second.metadata()["binance"]["status"] == "loaded"
        assert client.rows(FACT) == second.in_fact()

    def test_an_attempt_that_still_owns_rows_keeps_its_metadata(self, client, make_load):
        """A market was removed from the settings in between, so the earlier attempt still owns its candles."""
        first = make_load(candles(BTC, ETH), run_id="cleared").complete()
        make_load(candles(BTC), run_id="cleared", try_number=2).complete()
        row = first.metadata()["binance"]
        assert (row["rows_owned"], row["status"]) == (3, "loaded")

    def test_an_attempt_that_requested_other_markets_keeps_its_metadata(self, client, make_load):
        """It removed candles of a market that is no longer in the settings. An older run must not bring them back."""
        old = make_load(candles(BTC, ETH), fetched_at="2023-12-19 00:05:00").complete()
        both = {"binance": [BTC, ETH]}
        removed = make_load(candles(BTC), markets=both, run_id="cleared", fetched_at="2023-12-19 12:00:00")
        removed.complete(force=True)
        make_load(candles(BTC), run_id="cleared", try_number=2, fetched_at="2023-12-19 13:00:00").complete()
        assert removed.metadata()["binance"]["rows_removed"] == 3
        with nothing_changes(client):
            assert "would add 3 candles and replace 0 in markets" in old.merge().error

    def test_other_runs_and_other_windows_keep_their_metadata(self, client, make_load):
        other_run = make_load(candles(BTC)).complete()
        other_window = make_load(
            candles(BTC, day="2023-12-19"), run_id="cleared", start="2023-12-19", end="2023-12-20"
        ).complete()
        client.ok("DELETE FROM crypto.fact_crypto_prices")
        make_load(candles(BTC), run_id="cleared", try_number=2).complete()
        assert other_run.metadata()
        assert other_window.metadata()


class TestRecordLoad:
    def test_a_load_is_complete_when_its_merge_is_complete(self, make_load):
        """After the merge is cleared alone, the load must not look incomplete."""
        load = make_load(candles(BTC)).merged()
        row = load.metadata()["binance"]
        assert (row["status"], row["recorded_at"]) == ("loaded", None)
        load.record()
        row = load.metadata()["binance"]
        assert row["status"] == "loaded"
        assert row["recorded_at"] is not None

    def test_only_the_batchs_own_rows_are_marked(self, make_load):
        other = make_load(candles(BTC)).merged()
        load = make_load(candles(ETH)).complete()
        assert load.metadata()["binance"]["recorded_at"] is not None
        assert other.metadata()["binance"]["recorded_at"] is None


class TestTwoLoadsOfOneWindow:
    def test_each_batchs_metadata_still_describes_its_own_merge(self, make_load):
        """Its rows are counted in the transaction that merges them. Afterwards they belong to the later batch."""
        first, second = make_load(candles(BTC)).stage(), make_load(candles(BTC, hours=range(4))).stage()
        assert first.merge().error is None
        assert second.merge().error is None
        first.record()
        second.record()
        counted = [
            [load.metadata()["binance"][name] for name in ("rows_merged", "rows_in_window", "status", "load_number")]
            for load in (first, second)
        ]
        assert counted == [[3, 3, "loaded", 1], [4, 4, "loaded", 2]]

    def test_the_newest_load_is_the_one_merged_last(self, client, make_load):
        first, second = make_load(candles(BTC)).merged(), make_load(candles(BTC, price="2.5")).merged()
        client.ok(f"UPDATE crypto.etl_metadata SET loaded_at = '2099-01-01' WHERE batch_id = '{first.batch_id}'")
        assert second.current_loads()["binance"]["batch_id"] == second.batch_id

    def test_loads_without_a_load_number_are_ordered_by_time_before_all_others(self, client, make_load):
        first, second = make_load(candles(BTC)).merged(), make_load(candles(BTC, price="2.5")).merged()
        client.ok(
            "UPDATE crypto.etl_metadata SET load_number = NULL",
            f"UPDATE crypto.etl_metadata SET loaded_at = '2099-01-01' WHERE batch_id = '{first.batch_id}'",
        )
        assert first.current_loads()["binance"]["batch_id"] == first.batch_id
        third = make_load(candles(BTC, price="3.5")).merged()
        assert third.current_loads()["binance"]["batch_id"] == third.batch_id
        assert second.metadata()["binance"]["load_number"] is None


class TestFindCurrentLoads:
    def test_nothing_is_loaded(self, make_load):
        assert make_load(candles(BTC)).current_loads() == {}

    def test_the_columns_of_a_load(self, make_load):
        load = make_load(candles(BTC)).complete()
        row = load.current_loads()["binance"]
        del row["loaded_at"]
        assert row == {
            "source": "binance",
            "batch_id": load.batch_id,
            "status": "loaded",
            "is_recorded": 1,
            "window_start": "2023-12-18",
            "window_end": "2023-12-19",
            "content_hash": "a" * 64,
            "glue_job_run_id": "jr_run_1_1",
            "rows_merged": 3,
            "rows_now": 3,
            "days_now": "2023-12-18",
            "rows_in_window": 3,
        }

    def test_the_days_are_those_that_have_rows(self, make_load):
        rows = candles(BTC, day="2023-12-18") + candles(BTC, day="2023-12-20")
        load = make_load(rows, end="2023-12-21").merged()
        assert sorted(load.current_loads()["binance"]["days_now"].split(",")) == ["2023-12-18", "2023-12-20"]

    def test_rows_deleted_by_hand_are_noticed(self, client, make_load):
        load = make_load(candles(BTC)).merged()
        client.ok("DELETE FROM crypto.fact_crypto_prices WHERE observed_at = '2023-12-18 01:00:00'")
        row = load.current_loads()["binance"]
        assert (row["rows_merged"], row["rows_now"]) == (3, 2)
        client.ok("DELETE FROM crypto.fact_crypto_prices")
        row = load.current_loads()["binance"]
        assert (row["rows_now"], row["days_now"]) == (0, "")

    def test_a_day_without_candles_inside_a_loaded_month_has_none(self, make_load):
        """The market was listed later. An empty response for the day before is correct, and nothing is missing."""
        make_load(candles(BTC, day="2023-12-20"), start="2023-12-01", end="2024-01-01").merged()
        before = make_load([], markets={"binance": [BTC]}, start="2023-12-10", end="2023-12-11").current_loads()
        assert (before["binance"]["rows_now"], before["binance"]["rows_in_window"]) == (0, 0)
        inside = make_load([], markets={"binance": [BTC]}, start="2023-12-20", end="2023-12-21").current_loads()
        assert (inside["binance"]["rows_now"], inside["binance"]["rows_in_window"]) == (3, 3)

    def test_only_rows_of_the_fetched_markets_are_counted(self, make_load):
        make_load(candles(BTC)).merged()
        row = make_load([], markets={"binance": [ETH]}).current_loads()["binance"]
        assert (row["rows_now"], row["rows_in_window"]) == (3, 0)

    def test_each_source_has_its_own_current_load(self, make_load):
        both = make_load(candles(BTC) + candles("BTC/USD", source="coinbase")).merged()
        later = make_load(candles(BTC, price="2.5")).merged()
        current = later.current_loads()
        assert current["binance"]["batch_id"] == later.batch_id
        assert current["coinbase"]["batch_id"] == both.batch_id
        assert (current["binance"]["rows_now"], current["coinbase"]["rows_now"]) == (3, 3)

    def test_a_load_is_current_for_every_window_that_it_touches(self, make_load):
        make_load(candles(BTC)).merged()
        found = {
            (start, end): bool(make_load(candles(BTC), start=f"2023-12-{start}", end=f"2023-12-{end}").current_loads())
            for start, end in ((16, 18), (19, 21), (18, 19), (10, 30), (17, 19), (18, 20))
        }
        assert [window for window, touches in found.items() if not touches] == [(16, 18), (19, 21)]


class TestConcurrentMerges:
    """Two merges that both start before either can end. The test locks the fact table until both wait."""

    WAITING = (
        "SELECT COUNT(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database "
        "WHERE datname = 'crypto' AND NOT granted"
    )

    def merge_both(self, client: Client, warehouse: Warehouse, batches):
        with warehouse.connect("crypto") as gate, warehouse.connect("crypto", autocommit=True) as observer:
            gate.execute("LOCK TABLE crypto.fact_crypto_prices IN SHARE ROW EXCLUSIVE MODE")
            started = []
            for number, statements in enumerate(batches, start=1):
                started.append(client.start_batch(*statements))
                deadline = time.monotonic() + 30
                while observer.execute(self.WAITING).fetchone() != (number,):
                    assert time.monotonic() < deadline, "the two merges did not meet"
            gate.rollback()
        return [client.wait(statement) for statement in started]

    @pytest.fixture
    def loads(self, make_load):
        return [
            make_load(candles(BTC)).stage(),
            make_load(candles(BTC, day="2023-12-19"), start="2023-12-19", end="2023-12-20").stage(),
        ]

    def test_they_run_one_after_the_other_and_both_succeed(self, client, warehouse, loads):
        outcomes = self.merge_both(client, warehouse, [load.sql("merge_into_fact") for load in loads])
        assert [outcome.error for outcome in outcomes] == [None, None]
        assert client.rows(FACT) == sorted(loads[0].in_fact() + loads[1].in_fact())
        assert sorted(load.metadata()["binance"]["load_number"] for load in loads) == [1, 2]

    def test_recording_a_load_waits_for_merges(self, client, warehouse, loads):
        assert loads[1].merge().error is None
        batches = [loads[0].sql("merge_into_fact"), loads[1].sql("record_load")]
        assert [outcome.error for outcome in self.merge_both(client, warehouse, batches)] == [None, None]
        assert loads[1].metadata()["binance"]["status"] == "loaded"

    def test_without_the_lock_one_of_them_is_aborted(self, client, warehouse, loads):
        lock = (Path(__file__).parents[2] / "sql/load/lock_loads.sql").read_text().strip()
        batches = [load.sql("merge_into_fact") for load in loads]
        assert [statements.pop(0).strip() for statements in batches] == [lock, lock]
        outcomes = self.merge_both(client, warehouse, batches)
        (error,) = [outcome.error for outcome in outcomes if outcome.error]
        assert "1023 DETAIL: Serializable isolation violation" in error
        assert len(client.rows(FACT)) == 3
