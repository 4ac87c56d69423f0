import pytest
from crypto_prices.once_per_try import once_per_try


def test_a_value_is_read_once_per_try():
    reads = []
    read = once_per_try(lambda ti: reads.append(ti) or len(reads))
    first, second = object(), object()
    assert [read(first), read(first), read(second), read(second)] == [1, 1, 2, 2]


def test_values_of_different_reads_are_separate():
    ti = object()
    one, two = once_per_try(lambda ti: "one"), once_per_try(lambda ti: "two")
    assert [one(ti), two(ti), one(ti)] == ["one", "two", "one"]


def test_a_read_that_fails_is_repeated():
    outcomes = iter([LookupError("no result"), "value"])

    @once_per_try
    def read(ti):
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    ti = object()
    with pytest.raises(LookupError):
        read(ti)
    assert read(ti) == read(ti) == "value"
