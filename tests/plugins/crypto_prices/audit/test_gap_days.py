from datetime import UTC, datetime, timedelta

from crypto_prices.audit.gap_days import Gap, gaps_by_day

from tests.support.healing_plans import BTC, ETH, SPAN, place

HOUR = timedelta(hours=1)


def gap(first, last, reason="no_trade", market=BTC):
    starts_at, ends_at = (datetime.fromisoformat(f"{text}:00:00").replace(tzinfo=UTC) for text in (first, last))
    return Gap("binance", market, starts_at, ends_at, reason)


def test_a_range_is_counted_on_each_of_its_days():
    assert gaps_by_day(SPAN, [gap("2024-01-02 22", "2024-01-04 05")], HOUR) == {
        place(2): {"no_trade": 2}, place(3): {"no_trade": 24}, place(4): {"no_trade": 5},
    }  # fmt: skip


def test_only_the_part_in_the_span_is_counted():
    found = gaps_by_day(
        SPAN, [gap("2019-01-01 00", "2024-01-01 03", "not_listed"), gap("2024-01-07 23", "2024-02-01 00")], HOUR
    )
    assert found == {place(1): {"not_listed": 3}, place(7): {"no_trade": 1}}


def test_reasons_and_markets_are_counted_separately():
    found = gaps_by_day(
        SPAN, [gap("2024-01-02 01", "2024-01-02 02"), gap("2024-01-02 05", "2024-01-02 09", "venue_down"),
               gap("2024-01-02 11", "2024-01-02 12"), gap("2024-01-02 05", "2024-01-02 09", "venue_down", ETH)], HOUR,
    )  # fmt: skip
    assert found == {place(2): {"no_trade": 2, "venue_down": 4}, place(2, ETH): {"venue_down": 4}}
