from dataclasses import asdict, replace

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk.exceptions import DownstreamTasksSkipped
from crypto_prices.plan.expected_markets import ExpectedMarket

from tests.support import tasks as conftest
from tests.support.tasks import insert_load, insert_market_set


class TestExecute:
    """The task with a warehouse where batch ``b1`` loaded the window's 48 candles, published by Glue run jr_1."""

    @pytest.fixture(autouse=True)
    def loaded(self, warehouse, catalog):
        metadata = ("b1", "binance", "1h", "2023-12-18", "2023-12-20", "h1", "m", "jr_1", "c", "d", "r", "loaded",
                    48, 0, 0, 48, 48, 48, 48, "2023-12-21", "2023-12-21", 1, "BTC/USDT", 0)  # fmt: skip
        candles = ", ".join(
            f"('binance', 'BTC', 'USDT', '1h', '2023-12-{18 + hour // 24} {hour % 24:02d}:00:00', "
            "1, 1, 1, 1, 1, 1, 1, NULL, 's3://x', '2023-12-21', 'b1')"
            for hour in range(48)
        )
        warehouse.execute_batch(
            [
                *insert_load(metadata),
                f"INSERT INTO crypto.fact_crypto_prices VALUES {candles}",
            ]
        )
        catalog.publish("2023-12-18", "jr_1")
        catalog.publish("2023-12-19", "jr_1")

    @pytest.fixture
    def plan(self, make_task, make_context):
        """Return a function that runs the task with fetch results, and returns its result and the pushed XComs."""

        def run(*sources, **run_options):
            context = make_context(fetch_prices=[asdict(source) for source in sources], **run_options)
            task = make_task("plan_load")
            task.render_template_fields(context)
            self.pushed = context["ti"].pushed
            return task.execute(context)

        return run

    def test_the_same_content_skips_the_rest_of_the_run_with_a_reason(self, plan, task_log):
        with pytest.raises(DownstreamTasksSkipped) as skipped:
            plan(conftest.fetched())
        # The teardown follows its setup.
        assert set(skipped.value.tasks) == {
            "curate_prices", "read_curation_report", "copy_to_staging", "check_staging", "merge_into_fact",
            "publish_partitions", "record_load", "write_load_records", "wait_for_partition", "reconcile",
            "require_sources",
        }  # fmt: skip
        reason = self.pushed["skipped_because"]
        assert "already holds exactly this content of the window: binance by batch b1" in reason
        assert f"Nothing to load: {reason}" in task_log.text

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            ({"reload": True}, "reload or force is set"),
            ({"force": True}, "reload or force is set"),
            ({"clear_number": 1}, "the run was cleared"),
        ],
        ids=["reload", "force", "cleared"],
    )
    def test_a_run_with_reload_or_force_and_a_cleared_run_are_loaded(self, plan, task_log, options, reason):
        result = plan(conftest.fetched(), **options)
        assert result == conftest.batch(conftest.fetched()).as_xcom()
        assert f"Loading anyway, because {reason}: the warehouse already holds" in task_log.text
        assert "skipped_because" not in self.pushed

    def test_the_others_are_loaded_without_a_source_that_was_not_fetched(self, plan):
        result = plan(conftest.fetched(content_hash="h2"), sources=("binance", "coinbase"))
        assert [source["source"] for source in result["sources"]] == ["binance"]

    def test_a_run_with_nothing_to_load_fails_if_a_source_was_not_fetched(self, plan):
        with pytest.raises(AirflowFailException) as refusal:
            plan(conftest.fetched(), sources=("binance", "coinbase"))
        assert "coinbase was not fetched when the load was planned" in str(refusal.value)
        assert "The other sources have nothing to load: the warehouse already holds" in str(refusal.value)

    def test_other_content_is_loaded(self, plan):
        assert plan(conftest.fetched(content_hash="h2"))["batch_id"] == conftest.batch().batch_id

    def test_a_load_that_was_merged_but_not_recorded_is_loaded_again(self, plan, warehouse):
        warehouse.execute_batch(["UPDATE crypto.etl_metadata SET recorded_at = NULL"])
        assert plan(conftest.fetched())

    def test_rows_missing_from_the_warehouse_are_loaded_again(self, plan, warehouse):
        warehouse.execute_batch(["DELETE FROM crypto.fact_crypto_prices WHERE observed_at = '2023-12-18'"])
        assert plan(conftest.fetched())

    def test_a_day_missing_from_the_catalog_is_loaded_again(self, plan, catalog):
        catalog.glue.delete_partition(
            DatabaseName=catalog.database, TableName=catalog.table, PartitionValues=["2023", "12", "18"]
        )
        assert plan(conftest.fetched())

    @pytest.mark.parametrize("options", [{}, {"force": True}, {"clear_number": 1}], ids=["plain", "force", "cleared"])
    def test_an_exchange_that_forgets_the_window_cannot_empty_the_warehouse(self, plan, options):
        with pytest.raises(AirflowFailException, match="the warehouse holds 48 from an earlier load"):
            plan(conftest.fetched(records=0, content_hash="h0"), **options)

    @pytest.mark.parametrize("options", [{}, {"reload": True}, {"force": True}], ids=["plain", "reload", "force"])
    def test_a_window_without_any_candle_is_skipped_even_with_reload_or_force(self, plan, warehouse, options):
        warehouse.execute_batch(["DELETE FROM crypto.fact_crypto_prices", "DELETE FROM crypto.etl_metadata"])
        with pytest.raises(DownstreamTasksSkipped):
            plan(conftest.fetched(records=0), **options)
        assert "no source has a candle" in self.pushed["skipped_because"]

    def test_the_markets_of_a_new_set_are_written_once_even_if_a_try_wrote_only_some(self, plan, warehouse):
        markets = [f"COIN{number}/USDT" for number in range(450)]
        source = replace(conftest.fetched(content_hash="h2"), markets=markets)
        warehouse.execute_batch(insert_market_set(markets[:7]))
        warehouse.execute_batch(
            [f"UPDATE crypto.market_sets SET market_set = '{source.market_set}' WHERE symbol LIKE 'COIN%'"]
        )
        for _ in range(2):
            assert plan(source)
            rows = warehouse.query(
                "SELECT symbol || '/' || quote_currency AS market FROM crypto.market_sets "
                f"WHERE market_set = '{source.market_set}'"
            )
            assert sorted(row["market"] for row in rows) == sorted(markets)

    def test_the_view_shows_a_source_that_was_not_fetched(self, plan, warehouse):
        """On a new platform, no load has its markets, and no audit has run."""
        expected = [ExpectedMarket(source, "BTC", "USD", "1h", None, None) for source in ("binance", "coinbase")]
        other = "('coinbase', 'ETH', 'USD', '1h', NULL, NULL, '2024-01-01')"
        warehouse.execute_batch(
            ["DELETE FROM crypto.expected_markets", f"INSERT INTO crypto.expected_markets VALUES {other}"]
        )
        plan(
            conftest.fetched(content_hash="h2"),
            sources=("binance", "coinbase"),
            **{"resolve_window.expected_markets": [market.as_row() for market in expected]},
        )
        rows = warehouse.query(
            "SELECT symbol, reason, candles FROM crypto.missing_candles "
            "WHERE source = 'coinbase' AND observed_on = '2023-12-18' ORDER BY symbol"
        )
        # The run loads only some of the settings' markets.
        assert [tuple(row.values()) for row in rows] == [("BTC", "unfetched", 24), ("ETH", "unfetched", 24)]

    def test_a_known_set_is_not_written_again(self, plan, task_log):
        plan(conftest.fetched(content_hash="h2"))
        assert "Writing market set" not in task_log.text
