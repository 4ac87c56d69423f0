import pytest
from crypto_prices.publish.publication import NumberedLoad
from crypto_prices.reconcile.reconciliation import (
    CatalogDiffersError,
    LoadedCounts,
    ReconciliationError,
    accounting_table,
    check_load,
    check_published,
)
from crypto_prices_contract.curation_report import REPORT_VERSION, CurationReport, DayVersion, SourceCounts
from crypto_prices_contract.window import Window

REPORT = CurationReport(
    report_version=REPORT_VERSION,
    window=Window.parse("2023-12-18", "2023-12-19"),
    row_rules=(),
    quarantined_candles=(),
    batch_id="b1",
    job_run_id="jr_1",
    raw_manifests=("s3://lake/m.json",),
    sources={"binance": SourceCounts(fetched=26, curated=23, quarantined={"off_grid": 2}, duplicates=1)},
    copy_manifest="s3://lake/m.json",
    quarantine="s3://lake/q/",
    days={"2023-12-18": DayVersion("s3://lake/v/", 23, 0, {})},
)


OWN = NumberedLoad(Window.parse("2023-12-18", "2023-12-20"), 7, "jr_1", frozenset())
LATER = NumberedLoad(Window.parse("2023-12-01", "2024-01-01"), 8, "jr_2", frozenset())
EARLIER = NumberedLoad(Window.parse("2023-12-18", "2023-12-19"), 6, "jr_0", frozenset())


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


@pytest.mark.parametrize(
    ("loads", "published"),
    [
        ([OWN], {"2023-12-18": "jr_1"}),
        ([EARLIER, OWN, LATER], {"2023-12-18": "jr_1"}),
        ([LATER, OWN], {"2023-12-18": "jr_2", "2023-12-19": "jr_2"}),
        ([OWN, LATER], {}),
    ],
    ids=["own", "own, although a later one has merged", "a later one", "a later one took the last rows away"],
)
def test_the_catalog_may_show_this_load_or_a_later_one(loads, published):
    check_published(REPORT, loads, published)


@pytest.mark.parametrize(
    ("loads", "published", "said"),
    [
        ([EARLIER, OWN], {"2023-12-18": "jr_0"}, r"2023-12-18 \(catalog: jr_0, this load: jr_1\)"),
        ([OWN], {"2023-12-18": "jr_9"}, r"2023-12-18 \(catalog: jr_9"),
        ([OWN], {}, r"2023-12-18 \(catalog: nothing"),
        ([EARLIER, OWN], {"2023-12-18": "jr_1", "2023-12-19": "jr_0"}, r"2023-12-19 \(catalog: jr_0"),
    ],
    ids=["an earlier one", "one that was never loaded", "nothing", "rows that are gone"],
)
def test_a_catalog_that_shows_something_older_is_to_be_looked_at_again(loads, published, said):
    with pytest.raises(CatalogDiffersError, match=said):
        check_published(REPORT, loads, published)


def test_a_run_that_is_not_loaded_is_refused():
    with pytest.raises(ReconciliationError, match="no load of Glue run jr_1"):
        check_published(REPORT, [LATER], {"2023-12-18": "jr_2"})


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
