import pytest
from crypto_prices.curation_report import CurationReport, SourceCounts
from crypto_prices.reconciliation import (
    CatalogDiffersError,
    LoadedCounts,
    NumberedLoad,
    ReconciliationError,
    accounting_table,
    check_load,
    check_published,
)
from crypto_prices.window import Window

REPORT = CurationReport(
    batch_id="b1",
    job_run_id="jr_1",
    raw_manifests=("s3://lake/m.json",),
    sources={"binance": SourceCounts(fetched=26, curated=23, quarantined={"off_grid": 2}, duplicates=1)},
    copy_manifest="s3://lake/m.json",
    quarantine="s3://lake/q/",
    days=("2023-12-18",),
)


OWN = NumberedLoad(Window.parse("2023-12-18", "2023-12-19"), 7, "jr_1", "binance", "h1")


def test_a_load_that_adds_up_passes():
    check_load(REPORT, [LoadedCounts("binance", 23, 23, 23, 0, 23, 23)])


def test_rows_that_a_later_load_has_replaced_are_not_missed():
    check_load(REPORT, [LoadedCounts("binance", 23, 23, 23, 0, rows_owned=0, rows_now=0)])


@pytest.mark.parametrize(("owned", "now"), [(23, 12), (23, 0), (11, 10), (0, 1)])
def test_rows_that_are_gone_from_the_fact_table_are_noticed(owned, now):
    with pytest.raises(ReconciliationError) as error:
        check_load(REPORT, [LoadedCounts("binance", 23, 23, 23, 0, owned, now)])
    assert f"binance: {owned} rows are of this load, the fact table has {now} of them" in str(error.value)
    assert "clear merge_into_fact" in str(error.value)


@pytest.mark.parametrize("loaded", [(22, 23, 23), (23, 22, 23), (23, 23, 24), (23, 23, None), (22, 22, 22)])
def test_steps_that_count_differently_are_refused_with_their_figures(loaded):
    with pytest.raises(ReconciliationError, match="binance: 23 curated") as error:
        check_load(REPORT, [LoadedCounts("binance", *loaded, 0, 23, 23)])
    assert f"{loaded[0]} staged, {loaded[1]} merged, {loaded[2]} in the window" in str(error.value)


def test_a_load_without_a_metadata_row_is_refused():
    with pytest.raises(ReconciliationError, match=r"crypto\.etl_metadata has no row for batch b1"):
        check_load(REPORT, [])


def test_a_loaded_day_that_the_catalog_does_not_show_is_refused():
    check_published(REPORT, [OWN], {"2023-12-18": "jr_1"})
    with pytest.raises(ReconciliationError, match=r"no partition of 2023-12-18, which Glue run jr_1 published"):
        check_published(REPORT, [OWN], {"2023-12-17": "jr_1"})


def test_the_catalog_must_show_what_the_warehouse_loaded_last():
    later = NumberedLoad(Window.parse("2023-12-01", "2024-01-01"), 8, "jr_2", "binance", "h1")
    elsewhere = NumberedLoad(Window.parse("2023-12-19", "2023-12-20"), 9, "jr_3", "binance", "h1")
    for order in ([OWN, later, elsewhere], [elsewhere, later, OWN]):
        check_published(REPORT, order, {"2023-12-18": "jr_2"})
        with pytest.raises(CatalogDiffersError, match=r"2023-12-18 \(catalog: jr_1, warehouse: jr_2\)"):
            check_published(REPORT, order, {"2023-12-18": "jr_1"})


@pytest.mark.parametrize(
    ("content_hash", "source", "agree"), [("h1", "binance", True), ("h2", "binance", False), ("h1", "coinbase", False)]
)
def test_two_runs_of_one_window_may_publish_and_merge_in_either_order_if_they_fetched_the_same(
    content_hash, source, agree
):
    later = NumberedLoad(OWN.window, 8, "jr_2", source, content_hash)
    if agree:
        check_published(REPORT, [OWN, later], {"2023-12-18": "jr_1"})
    else:
        with pytest.raises(CatalogDiffersError):
            check_published(REPORT, [OWN, later], {"2023-12-18": "jr_1"})


def test_the_accounting_shows_every_figure_and_reason():
    table = accounting_table(REPORT, [LoadedCounts("binance", 23, 23, 24, 5, 20, 19)])
    header, row, reason = table.splitlines()
    assert header.split() == [
        "source",
        "fetched",
        "curated",
        "quarantined",
        "duplicates",
        "staged",
        "merged",
        "in",
        "window",
        "removed",
        "now",
    ]
    assert row.split() == ["binance", "26", "23", "2", "1", "23", "23", "24", "5", "19"]
    assert reason.strip() == "binance: 2 quarantined for off_grid"
    assert "?" in accounting_table(REPORT, [])
