from __future__ import annotations

import json
import random
import threading
from collections import Counter
from decimal import Decimal

import pytest

from local_exchange.api import JsonNumber, Page, RowShape, Source
from local_exchange.binance import ROW_SHAPE
from local_exchange.candles import GeneratedCandles
from local_exchange.faults import (
    Fault,
    FaultError,
    FaultKind,
    FaultPlan,
    Malformation,
    MetFault,
    spoil_page,
    spoil_rows,
)

START = 1702857600000
HOUR = 3_600_000
ROWS = GeneratedCandles().candles("BTCUSDT", "1h", start_ms=START, end_ms=None, limit=24, now_ms=START + 1000 * HOUR)


def spoilt(kind, rows=ROWS, seed=1, **options):
    return spoil_rows(MetFault(Fault(kind, **options), 1, random.Random(seed)), [row.copy() for row in rows], ROW_SHAPE)


# --- which request gets which fault ----------------------------------------------------------------------------------


def test_a_fault_affects_its_symbol_as_often_as_configured():
    plan = FaultPlan([Fault(FaultKind.SERVER_ERROR, symbol="BTCUSDT", times=2, after=1)])
    met = [bool(plan.meet(symbol, 24)) for symbol in ("BTCUSDT", "ETHUSDT", "BTCUSDT", None, "BTCUSDT", "BTCUSDT")]
    assert met == [False, False, True, False, True, False]
    assert plan.as_json()["faults"][0]["happened"] == 2


def test_a_fault_affects_only_its_source():
    plan = FaultPlan([Fault(FaultKind.SERVER_ERROR, source=Source.COINBASE, after=1)])
    asked = (Source.COINBASE, Source.BINANCE, Source.COINGECKO, Source.COINBASE, Source.COINBASE)
    assert [bool(plan.meet("BTC-USD", 24, source)) for source in asked] == [False, False, False, True, False]


def test_a_fault_of_candles_does_not_affect_points():
    plan = FaultPlan([Fault(FaultKind.MALFORMED_ROWS, malformations=(Malformation.HIGH_BELOW_LOW,))])
    assert plan.meet("bitcoin", 24, Source.COINGECKO) is None
    assert plan.meet("BTC-USD", 24, Source.COINBASE)


def test_a_fault_without_a_count_occurs_until_it_is_removed():
    plan = FaultPlan([Fault(FaultKind.SERVER_ERROR, times=None)])
    assert all(plan.meet("BTCUSDT", 0) for _ in range(20))
    plan.clear()
    assert plan.meet("BTCUSDT", 0) is None


def test_faults_occur_in_the_listed_order():
    plan = FaultPlan([Fault(FaultKind.NOT_JSON, times=2), Fault(FaultKind.EMPTY)])
    kinds = [met.fault.kind for met in iter(lambda: plan.meet("BTCUSDT", 24), None)]
    assert kinds == ["not_json", "not_json", "empty"]


def test_a_seed_determines_the_order():
    faults = [Fault(kind, times=5) for kind in (FaultKind.NOT_JSON, FaultKind.EMPTY, FaultKind.SERVER_ERROR)]

    def order(seed):
        plan = FaultPlan(faults, seed=seed)
        return [met.fault.kind for met in iter(lambda: plan.meet("BTCUSDT", 24), None)]

    assert order(1) == order(1)
    assert Counter(order(1)) == {"not_json": 5, "empty": 5, "server_error": 5}
    assert len({tuple(order(seed)) for seed in range(5)}) > 1


def test_a_page_without_rows_does_not_use_up_a_fault_of_rows():
    plan = FaultPlan([Fault(FaultKind.WRONG_ORDER)])
    assert plan.meet("BTCUSDT", 0) is None
    assert plan.meet("BTCUSDT", 1) is None
    assert plan.meet("BTCUSDT", 2)


def test_threads_do_not_use_a_fault_more_often_than_configured():
    plan = FaultPlan([Fault(FaultKind.EMPTY, times=500)])
    met = []

    def ask():
        met.extend(1 for _ in range(200) if plan.meet("BTCUSDT", 1))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(met) == 500


# --- JSON ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(FaultKind))
def test_every_kind_goes_through_json_and_back(kind):
    fault = Fault(kind, symbol="avalanche-2", source=Source.COINGECKO, times=None, after=2)
    assert Fault.parse(json.loads(json.dumps(fault.as_json()))) == fault


def test_options_go_through_json_and_back():
    fault = Fault(FaultKind.MALFORMED_ROWS, malformations=(Malformation.NAN_PRICE, Malformation.NULL_ROW))
    assert Fault.parse(json.loads(json.dumps(fault.as_json()))) == fault
    fault = Fault(FaultKind.RATE_LIMITED, retry_after=5, retry_after_date=True, banned_after=2)
    assert Fault.parse(json.loads(json.dumps(fault.as_json()))) == fault


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "expected an object such as"),
        ({}, "expected an object such as"),
        ({"faults": [], "speed": 1}, "unknown member speed"),
        ({"faults": [], "seed": "7"}, "seed must be"),
        ({"faults": ["empty"]}, "a fault must be an object with a kind, not 'empty'"),
        ({"faults": [{}]}, "unknown kind None; known: rate_limited, server_error"),
        ({"faults": [{"kind": "earthquake"}]}, "unknown kind 'earthquake'"),
        ({"faults": [{"kind": "empty", "retry_after": 1}]}, "empty has no option retry_after; its options are"),
        ({"faults": [{"kind": "empty", "times": 0}]}, "times is 0"),
        ({"faults": [{"kind": "empty", "times": True}]}, "times is True"),
        ({"faults": [{"kind": "empty", "times": "2"}]}, "times is '2'"),
        ({"faults": [{"kind": "empty", "after": -1}]}, "after is -1"),
        ({"faults": [{"kind": "empty", "symbol": "btc/usdt"}]}, "symbol is 'btc/usdt'"),
        ({"faults": [{"kind": "server_error", "status": 404}]}, "status is 404"),
        ({"faults": [{"kind": "timeout", "delay_seconds": 1e9}]}, "delay_seconds is"),
        ({"faults": [{"kind": "timeout", "delay_seconds": float("nan")}]}, "delay_seconds is"),
        ({"faults": [{"kind": "malformed_rows", "malformations": ["ugly"]}]}, "unknown malformation 'ugly'"),
        ({"faults": [{"kind": "malformed_rows", "malformations": "ugly"}]}, "malformations must be a list"),
        ({"faults": [{"kind": "rate_limited", "retry_after": -1}]}, "retry_after is -1"),
        ({"faults": [{"kind": ["empty"]}]}, "unknown kind"),
        (
            {"faults": [{"kind": "empty", "source": "kraken"}]},
            "unknown source 'kraken'; known: binance, bitfinex, bitstamp, coinbase",
        ),
        (
            {"faults": [{"kind": "rate_limited", "source": "coinbase", "banned_after": 1}]},
            "banned_after: coinbase does not ban",
        ),
        (
            {"faults": [{"kind": "malformed_rows", "source": "coingecko", "malformations": ["high_below_low"]}]},
            "high_below_low cannot be applied to rows of coingecko",
        ),
    ],
)
def test_an_invalid_plan_is_rejected_and_changes_nothing(document, message):
    plan = FaultPlan([Fault(FaultKind.EMPTY)])
    with pytest.raises(FaultError, match=message):
        plan.replace_json(document)
    assert [fault["kind"] for fault in plan.as_json()["faults"]] == ["empty"]


def test_an_option_of_another_kind_is_rejected_in_code_too():
    with pytest.raises(FaultError, match="empty has no option status"):
        Fault(FaultKind.EMPTY, status=500)


# --- effect on rows --------------------------------------------------------------------------------------------------


def test_duplicates():
    rows = spoilt(FaultKind.DUPLICATE_ROWS)
    assert len(rows) == 25
    assert next(row for row in rows if rows.count(row) == 2) in ROWS
    assert [row for position, row in enumerate(rows) if row not in rows[:position]] == ROWS


def test_conflicting_duplicates_differ_in_one_digit_of_the_close():
    rows = spoilt(FaultKind.CONFLICTING_DUPLICATE_ROWS)
    (extra,) = [row for row in rows if row not in ROWS]
    (original,) = [row for row in ROWS if row[0] == extra[0]]
    assert [column for column in range(12) if extra[column] != original[column]] == [4]
    assert extra[4][:-1] == original[4][:-1]
    assert len(rows) == 25


@pytest.mark.parametrize("seed", range(5))
def test_wrong_order(seed):
    for rows in (ROWS, ROWS[:2]):
        shuffled = spoilt(FaultKind.WRONG_ORDER, rows, seed)
        assert shuffled != rows
        assert sorted(shuffled) == rows


def test_restated_rows_are_valid_and_the_same_in_every_page():
    rows = spoilt(FaultKind.RESTATED_ROWS, hour=7)
    assert [number for number, (row, whole) in enumerate(zip(rows, ROWS, strict=True)) if row != whole] == [7]
    changed, before = rows[7], ROWS[7]
    assert Decimal(changed[4]) - Decimal(before[4]) == Decimal("0.00000001")
    assert Decimal(changed[3]) <= Decimal(changed[4]) <= Decimal(changed[2])
    assert spoilt(FaultKind.RESTATED_ROWS, rows=ROWS[5:9], seed=2, hour=7) == rows[5:9]


def test_restated_points_keep_the_form_of_the_number():
    shape = RowShape(times=(0,), price=1, names=("time", "price"))
    fault = MetFault(Fault(FaultKind.RESTATED_ROWS, hour=0), 1, random.Random(1))
    seconds = [[START // 1000 + 20, JsonNumber("42000.5")], [START // 1000 + 3620, JsonNumber("7")]]
    restated = spoil_rows(fault, seconds, shape)
    assert restated == [[START // 1000 + 20, "42000.6"], seconds[1]]
    assert isinstance(restated[0][1], JsonNumber)


def test_an_unclosed_candle_opens_where_the_page_ends():
    rows = spoilt(FaultKind.UNCLOSED_CANDLE)
    assert rows[:-1] == ROWS
    assert rows[-1][0] == START + 24 * HOUR
    assert rows[-1][6] == START + 25 * HOUR - 1


def test_empty():
    assert spoilt(FaultKind.EMPTY) == []


def test_every_malformation_breaks_one_row():
    rows = spoilt(FaultKind.MALFORMED_ROWS)
    assert len(rows) == 24
    assert sum(row not in ROWS for row in rows) == len(Malformation)
    json.dumps(rows, allow_nan=False)


@pytest.mark.parametrize(
    ("malformation", "is_so"),
    [
        (Malformation.NULL_PRICE, lambda row: row[4] is None),
        (Malformation.NULL_OPEN_TIME, lambda row: row[0] is None),
        (Malformation.NAN_PRICE, lambda row: row[4] == "NaN"),
        (Malformation.TEXT_PRICE, lambda row: row[4] == "not a number"),
        (Malformation.EMPTY_PRICE, lambda row: row[4] == ""),
        (Malformation.NEGATIVE_PRICE, lambda row: float(row[4]) < 0),
        (Malformation.TEXT_OPEN_TIME, lambda row: row[0] == "yesterday"),
        (Malformation.HIGH_BELOW_LOW, lambda row: float(row[2]) < float(row[3])),
        (Malformation.MISSING_COLUMN, lambda row: len(row) < 12),
        (Malformation.EXTRA_COLUMN, lambda row: len(row) > 12),
        (Malformation.NULL_ROW, lambda row: row is None),
        (Malformation.NOT_A_LIST, lambda row: isinstance(row, dict)),
    ],
)
def test_one_malformation(malformation, is_so):
    (broken,) = [row for row in spoilt(FaultKind.MALFORMED_ROWS, malformations=(malformation,)) if row not in ROWS]
    assert is_so(broken)


def test_more_malformations_than_rows():
    assert len(spoilt(FaultKind.MALFORMED_ROWS, ROWS[:1])) == 1


# --- rows of other shapes --------------------------------------------------------------------------------------------

NEWEST_FIRST = RowShape(times=(0,), price=4, names=("time", "close"), high=2, newest_first=True, length=3600)
NEWEST = [[START - hour * 3600, *map(JsonNumber, ("1.5", "2.5", "1.75", "2.25", "10"))] for hour in range(24)]
POINTS = RowShape(times=(0,), price=1, names=("time", "price"), length=HOUR)
PRICES = [[START + hour * HOUR, JsonNumber(f"{hour + 1}.5")] for hour in range(24)]
CAPS = [[time, JsonNumber(f"{price}00")] for time, price in PRICES]


def spoilt_as(shape, rows, kind, **options):
    return spoil_rows(MetFault(Fault(kind, **options), 1, random.Random(1)), [row.copy() for row in rows], shape)


def test_an_unclosed_candle_comes_first_if_the_newest_does():
    rows = spoilt_as(NEWEST_FIRST, NEWEST, FaultKind.UNCLOSED_CANDLE)
    assert rows[1:] == NEWEST
    assert rows[0] == [START + 3600, *NEWEST[0][1:]]


def test_numbers_stay_numbers_if_the_api_writes_numbers():
    (other,) = [
        row for row in spoilt_as(NEWEST_FIRST, NEWEST, FaultKind.CONFLICTING_DUPLICATE_ROWS) if row not in NEWEST
    ]
    assert (other[4], type(other[4])) == ("2.26", JsonNumber)
    for malformation, column, number in (
        (Malformation.NEGATIVE_PRICE, 4, "-2.25"),
        (Malformation.HIGH_BELOW_LOW, 2, "0.00000001"),
    ):
        rows = spoilt_as(NEWEST_FIRST, NEWEST, FaultKind.MALFORMED_ROWS, malformations=(malformation,))
        (broken,) = [row for row in rows if row not in NEWEST]
        assert (broken[column], type(broken[column])) == (number, JsonNumber)


def test_points_get_every_malformation_except_those_of_candles():
    rows = spoilt_as(POINTS, PRICES, FaultKind.MALFORMED_ROWS)
    assert sum(row not in PRICES for row in rows) == len(Malformation) - 1


@pytest.mark.parametrize(
    "kind",
    [FaultKind.EMPTY, FaultKind.DUPLICATE_ROWS, FaultKind.WRONG_ORDER, FaultKind.UNCLOSED_CANDLE],
)
def test_tables_that_belong_together_are_changed_alike(kind):
    page = Page((PRICES, CAPS), POINTS, ("prices", "caps"))
    document = spoil_page(MetFault(Fault(kind), 1, random.Random(1)), page)
    assert document["prices"] != PRICES
    assert document["caps"] == [[time, f"{price}00"] for time, price in document["prices"]]


def test_only_rows_of_the_first_table_are_malformed():
    page = Page((PRICES, CAPS), POINTS, ("prices", "caps"))
    document = spoil_page(MetFault(Fault(FaultKind.MALFORMED_ROWS), 1, random.Random(1)), page)
    assert document["prices"] != PRICES
    assert document["caps"] == CAPS
