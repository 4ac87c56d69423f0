import pytest
from crypto_prices.reconcile.row_counts import (
    LoadedCounts,
    ReconciliationError,
    accounting_table,
    check_load,
    verdict,
)

from tests.support.curation_reports import REPORT


def test_a_load_that_adds_up_passes():
    check_load(REPORT, [LoadedCounts("binance", 23, 23, 23, 0, 23, 23)])


def test_rows_replaced_by_a_later_load_are_not_missing():
    check_load(REPORT, [LoadedCounts("binance", 23, 23, 23, 0, rows_owned=0, rows_now=0)])


@pytest.mark.parametrize(("owned", "now"), [(23, 12), (23, 0), (11, 10), (0, 1)])
def test_missing_rows_of_the_fact_table_are_noticed(owned, now):
    with pytest.raises(ReconciliationError) as error:
        check_load(REPORT, [LoadedCounts("binance", 23, 23, 23, 0, owned, now)])
    assert f"binance: {owned} rows belong to this load, but the fact table has {now}:" in str(error.value)
    assert "clear merge_into_fact" in str(error.value)


@pytest.mark.parametrize("loaded", [(22, 23, 23), (23, 22, 23), (23, 23, 24), (23, 23, None), (22, 22, 22)])
def test_different_counts_of_steps_are_refused_and_named(loaded):
    with pytest.raises(ReconciliationError, match="binance: 23 curated") as error:
        check_load(REPORT, [LoadedCounts("binance", *loaded, 0, 23, 23)])
    assert f"{loaded[0]} staged, {loaded[1]} merged, {loaded[2]} in the window" in str(error.value)


def test_a_load_without_a_metadata_row_is_refused():
    with pytest.raises(ReconciliationError, match=r"crypto\.etl_metadata has no row for batch b1"):
        check_load(REPORT, [])


def test_the_accounting_shows_every_count_and_reason():
    table = accounting_table(REPORT, [LoadedCounts("binance", 23, 23, 24, 5, 20, 19)])
    shown = " ".join(table.split())
    assert "source fetched curated quarantined duplicates staged merged in window removed now" in shown
    assert "binance 26 23 2 1 23 23 24 5 19" in shown
    assert shown.endswith("binance: 2 quarantined for off_grid")


def test_the_verdict_accounts_for_every_record_in_one_line():
    line = verdict(REPORT, [LoadedCounts("binance", 23, 23, 23, 0, 23, 23)])
    assert line == (
        "The load adds up: of 26 fetched records of binance, 23 are in the warehouse, 2 in quarantine and 1 duplicate. "
        "The catalog shows this load or a later one."
    )


def test_the_accounting_shows_unknown_counts_as_question_marks():
    assert "binance 26 23 2 1 ? ? ? ? ?" in " ".join(accounting_table(REPORT, []).split())
