from datetime import date

import pytest
from crypto_prices.curation_report import CurationReport, DayVersion
from crypto_prices.publication import NumberedLoad, StaleVersionError, numbered_loads, version_to_publish
from crypto_prices.window import Window

DAY = date(2023, 12, 18)
BTC, ETH = "binance/1h/BTC/USDT", "binance/1h/ETH/USDT"


def load(run, number, *markets, start="2023-12-18", end="2023-12-19"):
    return NumberedLoad(Window.parse(start, end), number, run, frozenset(markets or (BTC, ETH)))


def report(run, **markets):
    """A report whose version of the day has BTC and ETH with these origins; without any, the day has no rows."""
    origins = {f"binance/1h/{symbol}/USDT": origin for symbol, origin in markets.items()}
    days = {DAY.isoformat(): DayVersion(f"s3://lake/{run}/", 24, origins)} if origins else {}
    return CurationReport(f"batch-of-{run}", run, (), {}, None, None, days)


def published(own, loads, *reports):
    by_run = {each.job_run_id: each for each in reports}
    found = version_to_publish(DAY, own, loads, by_run.get)
    return found and found.job_run_id


def test_the_own_version_is_published_with_its_place():
    own = load("jr_2", 2)
    found = version_to_publish(DAY, own, [load("jr_1", 1), own], {"jr_2": report("jr_2", BTC="jr_2", ETH="jr_2")}.get)
    assert (found.location, found.job_run_id, found.batch_id, found.rows) == (
        "s3://lake/jr_2/", "jr_2", "batch-of-jr_2", 24,
    )  # fmt: skip
    assert found.markets == {BTC: "jr_2", ETH: "jr_2"}


@pytest.mark.parametrize("later", [("2023-12-18", "2023-12-19"), ("2023-12-01", "2024-01-01")], ids=["day", "month"])
def test_the_version_of_a_later_load_wins_whoever_publishes_last(later):
    own, newer = load("jr_1", 1), load("jr_2", 2, start=later[0], end=later[1])
    reports = report("jr_1", BTC="jr_1", ETH="jr_1"), report("jr_2", BTC="jr_2", ETH="jr_2")
    for loads in ([own, newer], [newer, own]):
        assert published(own, loads, *reports) == "jr_2"
        assert published(newer, loads, *reports) == "jr_2"


def test_a_later_load_of_other_days_does_not_matter():
    own = load("jr_1", 1)
    later = load("jr_2", 2, start="2023-12-19", end="2023-12-20")
    assert published(own, [own, later], report("jr_1", BTC="jr_1", ETH="jr_1"), report("jr_2")) == "jr_1"


def test_a_day_that_has_no_rows_any_more_is_taken_away():
    own = load("jr_2", 2)
    assert published(own, [load("jr_1", 1), own], report("jr_2")) is None


def test_markets_that_were_not_asked_for_must_be_carried_over_as_they_were_loaded_last():
    whole, part = load("jr_1", 1), load("jr_2", 2, BTC)
    reports = report("jr_1", BTC="jr_1", ETH="jr_1"), report("jr_2", BTC="jr_2", ETH="jr_1")
    assert published(part, [whole, part], *reports) == "jr_2"
    missing = report("jr_1", BTC="jr_1", ETH="jr_1"), report("jr_2", BTC="jr_2")
    with pytest.raises(StaleVersionError, match=f"jr_2 has not seen what was loaded of {ETH} on 2023-12-18 meanwhile"):
        published(part, [whole, part], *missing)


def test_of_two_loads_of_different_markets_at_once_the_later_one_is_to_be_curated_again():
    """Both were curated over the first state; the first of them may be published, the second lacks it."""
    before, ether, bitcoin = load("jr_1", 1), load("jr_2", 2, ETH), load("jr_3", 3, BTC)
    loads = [before, ether, bitcoin]
    old, first = report("jr_1", BTC="jr_1", ETH="jr_1"), report("jr_2", BTC="jr_1", ETH="jr_2")
    stale, again = report("jr_3", BTC="jr_3", ETH="jr_1"), report("jr_3", BTC="jr_3", ETH="jr_2")
    assert published(ether, loads, old, first, stale) == "jr_2"
    with pytest.raises(StaleVersionError, match=f"loaded of {ETH}"):
        published(bitcoin, loads, old, first, stale)
    assert published(bitcoin, loads, old, first, again) == published(ether, loads, old, first, again) == "jr_3"


def test_a_market_that_had_no_row_of_the_day_left_no_partition_to_carry_over():
    empty, part = load("jr_1", 1, ETH), load("jr_2", 2, BTC)
    assert published(part, [empty, part], report("jr_1"), report("jr_2", BTC="jr_2")) == "jr_2"
    with pytest.raises(StaleVersionError):  # its report is gone, so nobody knows
        published(part, [empty, part], report("jr_2", BTC="jr_2"))


def test_a_version_without_a_report_is_not_published_for_another_run():
    own, newer = load("jr_1", 1), load("jr_2", 2)
    assert published(own, [own, newer], report("jr_1", BTC="jr_1", ETH="jr_1")) == "jr_1"


def test_the_rows_of_the_warehouse_are_put_together_by_glue_run():
    window = {"window_start": "2023-12-18", "window_end": "2023-12-19", "candle_interval": "1h"}
    rows = [
        window | {"source": "binance", "glue_job_run_id": "jr_2", "load_number": 2, "markets": "BTC/USDT,ETH/USDT"},
        window | {"source": "coinbase", "glue_job_run_id": "jr_2", "load_number": 2, "markets": "BTC/USD"},
        window | {"source": "binance", "glue_job_run_id": "jr_1", "load_number": None, "markets": None},
    ]
    assert numbered_loads(rows) == [
        NumberedLoad(Window.of_day(DAY), 0, "jr_1", frozenset()),
        NumberedLoad(Window.of_day(DAY), 2, "jr_2", frozenset({BTC, ETH, "coinbase/1h/BTC/USD"})),
    ]
