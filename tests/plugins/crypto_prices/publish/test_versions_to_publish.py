from datetime import date

import pytest
from crypto_prices.market_sets import MarketSets
from crypto_prices.publish.versions_to_publish import LoadOrder, NumberedLoad, numbered_loads
from crypto_prices_contract.curation_report import REPORT_VERSION, CurationReport, DayVersion
from crypto_prices_contract.stored_objects import StoredDocument
from crypto_prices_contract.window import Window

DAY = date(2023, 12, 18)
BTC, ETH = "binance/1h/BTC/USDT", "binance/1h/ETH/USDT"
MANIFEST = StoredDocument("s3://lake/m.json", None, "e" * 32, "a" * 64)


def load(run, number, *markets, start="2023-12-18", end="2023-12-19"):
    return NumberedLoad(Window.parse(start, end), number, run, frozenset(markets or (BTC, ETH)))


def report(run, *, rows=24, **markets):
    """Return a report whose version of the day has the markets BTC and ETH with these origins; none means no rows."""
    origins = {f"binance/1h/{symbol}/USDT": origin for symbol, origin in markets.items()}
    days = {DAY.isoformat(): DayVersion(f"s3://lake/{run}/", rows, 0, origins)} if origins else {}
    return CurationReport(
        REPORT_VERSION, f"batch-of-{run}", run, "", Window.of_day(DAY), (), {}, (), MANIFEST, (), None, days, (), ()
    )


def order(loads, *reports):
    return LoadOrder(DAY, loads, {each.job_run_id: each for each in reports}.get)


def published(loads, *reports):
    """Return the Glue run whose version is shown, if any."""
    found = order(loads, *reports)
    version = found.publication(found.newest_whole())
    return version and version.job_run_id


def test_the_newest_version_is_published_with_its_location():
    loads = [load("jr_1", 1), load("jr_2", 2)]
    found = order(loads, report("jr_2", BTC="jr_2", ETH="jr_2"))
    version = found.publication(found.newest_whole())
    assert (version.location, version.job_run_id, version.batch_id, version.rows) == (
        "s3://lake/jr_2/", "jr_2", "batch-of-jr_2", 24,
    )  # fmt: skip
    assert version.markets == {BTC: "jr_2", ETH: "jr_2"}


@pytest.mark.parametrize("later", [("2023-12-18", "2023-12-19"), ("2023-12-01", "2024-01-01")], ids=["day", "month"])
def test_the_later_load_wins_in_any_order_of_the_rows(later):
    older, newer = load("jr_1", 1), load("jr_2", 2, start=later[0], end=later[1])
    reports = report("jr_1", BTC="jr_1", ETH="jr_1"), report("jr_2", BTC="jr_2", ETH="jr_2")
    for loads in ([older, newer], [newer, older]):
        assert published(loads, *reports) == "jr_2"


def test_a_later_load_of_other_days_does_not_matter():
    later = load("jr_2", 2, start="2023-12-19", end="2023-12-20")
    assert published([load("jr_1", 1), later], report("jr_1", BTC="jr_1", ETH="jr_1"), report("jr_2")) == "jr_1"


def test_a_day_that_no_longer_has_rows_is_removed():
    loads = [load("jr_1", 1), load("jr_2", 2)]
    found = order(loads, report("jr_1", BTC="jr_1", ETH="jr_1"), report("jr_2"))
    assert found.newest_whole() == loads[1]
    assert found.publication(loads[1]) is None


def test_other_markets_must_be_carried_over_from_their_last_load():
    loads = whole, part = load("jr_1", 1), load("jr_2", 2, BTC)
    old = report("jr_1", BTC="jr_1", ETH="jr_1")
    assert published(loads, old, report("jr_2", BTC="jr_2", ETH="jr_1")) == "jr_2"
    lacking = order(loads, old, report("jr_2", BTC="jr_2"))
    assert lacking.missing(part) == {ETH: "jr_1"}
    assert lacking.newest_whole() == whole


def test_the_later_of_two_concurrent_loads_of_different_markets_must_be_curated_again():
    """Both were curated from the same state. The first may be published; the second lacks the first one's markets."""
    loads = _, ether, bitcoin = load("jr_1", 1), load("jr_2", 2, ETH), load("jr_3", 3, BTC)
    old, first = report("jr_1", BTC="jr_1", ETH="jr_1"), report("jr_2", BTC="jr_1", ETH="jr_2")
    stale, again = report("jr_3", BTC="jr_3", ETH="jr_1"), report("jr_3", BTC="jr_3", ETH="jr_2")
    found = order(loads, old, first, stale)
    assert (found.newest_whole(), found.missing(bitcoin)) == (ether, {ETH: "jr_2"})
    assert published(loads, old, first, again) == "jr_3"


def test_a_complete_unpublished_version_is_preferred_to_a_later_incomplete_one():
    loads = load("jr_0", 0), load("jr_1", 1), load("jr_2", 2, BTC)
    reports = report("jr_0", BTC="jr_0", ETH="jr_0"), report("jr_1", BTC="jr_1", ETH="jr_1")
    assert published(loads, *reports, report("jr_2", BTC="jr_2", ETH="jr_0")) == "jr_1"
    assert published(loads, *reports, report("jr_2", BTC="jr_2", ETH="jr_1")) == "jr_2"


def test_a_copy_of_removed_rows_is_not_shown():
    """The second load found no candles of the day. The third was curated before the second one's publication."""
    loads = load("jr_1", 1), load("jr_2", 2), load("jr_3", 3, BTC)
    reports = report("jr_1", BTC="jr_1", ETH="jr_1"), report("jr_2")
    found = order(loads, *reports, report("jr_3", BTC="jr_3", ETH="jr_1"))
    assert found.missing(loads[2]) == {ETH: "jr_2"}
    assert published(loads, *reports, report("jr_3", BTC="jr_3", ETH="jr_1")) is None
    assert published(loads, *reports, report("jr_3", BTC="jr_3")) == "jr_3"


def test_a_market_without_rows_leaves_no_partition_to_carry_over():
    loads = empty, part = load("jr_1", 1, ETH), load("jr_2", 2, BTC)
    assert published(loads, report("jr_1"), report("jr_2", BTC="jr_2")) == "jr_2"
    gone = order(loads, report("jr_2", BTC="jr_2"))  # without the report, this is unknown
    assert gone.missing(part) == {ETH: "jr_1"}
    assert gone.newest_whole() is None
    assert not gone.is_whole(empty)


def test_nothing_is_carried_over_from_before_a_day_lost_its_last_rows():
    """ETH had no candles of the day, and BTC's were removed. So the day lost its partition and with it its markets."""
    loads = [load("jr_1", 1), load("jr_2", 2, BTC)]
    reports = [report("jr_1", BTC="jr_1", ETH="jr_1"), report("jr_2", rows=0, BTC="jr_2", ETH="jr_1")]
    assert order(loads, *reports).newest_whole() == loads[1]
    assert published(loads, *reports) is None
    # BTC has candles again. No published version had ETH, so it could not be carried over.
    loads.append(load("jr_3", 3, BTC))
    assert published(loads, *reports, report("jr_3", BTC="jr_3")) == "jr_3"


def test_a_version_of_a_later_load_is_recognized():
    loads = [load("jr_1", 1), load("jr_2", 2)]
    found = order(loads)
    assert found.shows_later("jr_2", loads[0])
    assert not found.shows_later("jr_1", loads[1])
    assert not found.shows_later("", loads[0])


def test_the_warehouses_rows_are_grouped_by_glue_run():
    window = {"batch_id": "b", "window_start": "2023-12-18", "window_end": "2023-12-19", "candle_interval": "1h"}
    rows = [
        window | {"source": "binance", "glue_job_run_id": "jr_2", "load_number": 2, "market_set": "both"},
        window | {"source": "coinbase", "glue_job_run_id": "jr_2", "load_number": 2, "market_set": "usd"},
        window | {"source": "binance", "glue_job_run_id": "jr_1", "load_number": None, "market_set": "both"},
    ]
    markets = [("both", "BTC/USDT"), ("both", "ETH/USDT"), ("usd", "BTC/USD")]
    market_sets = MarketSets({"market_set": name, "market": market} for name, market in markets)
    assert numbered_loads(rows, market_sets) == [
        NumberedLoad(Window.of_day(DAY), 0, "jr_1", frozenset({BTC, ETH})),
        NumberedLoad(Window.of_day(DAY), 2, "jr_2", frozenset({BTC, ETH, "coinbase/1h/BTC/USD"})),
    ]
