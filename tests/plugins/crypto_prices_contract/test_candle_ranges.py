from crypto_prices_contract.candle_ranges import fitting, joined, size_of

WHOLE = (0, 48)


def test_ranges_that_fit_stay_as_they_are_in_order():
    assert fitting({(5, 7): ["B", "A"], (0, 2): ["A"]}, WHOLE, 1000) == {(0, 2): ["A"], (5, 7): ["A", "B"]}
    assert fitting({}, WHOLE, 1000) == {}


def test_ranges_with_too_many_markets_stand_for_every_market():
    ranges = {(0, 3): ["A" * 200], (2, 5): ["B" * 200], (9, 10): ["C"]}
    assert fitting(ranges, WHOLE, 500) == {(0, 5): [], (9, 10): []}


def test_too_many_ranges_are_the_whole_window():
    assert fitting({(start, start + 1): ["A"] for start in range(0, 48, 2)}, WHOLE, 500) == {WHOLE: []}


def test_a_result_fits():
    for most_bytes in (250, 500, 1000):
        for number in range(1, 12):
            found = fitting({(3 * start, 3 * start + 1): ["BTC/USDT"] for start in range(number)}, WHOLE, most_bytes)
            assert size_of(found) <= most_bytes


def test_spans_that_touch_or_overlap_are_joined():
    assert list(joined([(5, 6), (0, 2), (2, 3), (1, 2), (8, 9)])) == [(0, 3), (5, 6), (8, 9)]
