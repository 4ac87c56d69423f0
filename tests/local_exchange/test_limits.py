from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from local_exchange.api import Source
from local_exchange.limits import LimitError, RequestLimit, RequestLimits


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2023, 12, 20, 12, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def limited(clock, **options) -> RequestLimits:
    return RequestLimits(clock, {Source.BINANCE: RequestLimit(**options)})


def passed(limits: RequestLimits, requests: int) -> int:
    return sum(not limits.take(Source.BINANCE) for _ in range(requests))


def test_without_a_limit_every_request_passes(clock):
    limits = limited(clock, requests_per_second=1)
    assert not any(limits.take(Source.COINBASE) for _ in range(100))


def test_as_many_requests_pass_as_a_second_allows(clock):
    limits = limited(clock, requests_per_second=10)
    assert passed(limits, 15) == 10
    clock.wait(0.5)
    assert passed(limits, 15) == 5
    clock.wait(60)
    assert passed(limits, 15) == 10


def test_a_burst_limits_the_requests_after_a_pause(clock):
    limits = limited(clock, requests_per_second=10, burst=15)
    assert passed(limits, 20) == 15
    clock.wait(1)
    assert passed(limits, 20) == 10
    paced = limited(clock, requests_per_second=10, burst=1)
    assert passed(paced, 2) == 1


def test_a_client_that_keeps_to_the_rate_is_never_refused(clock):
    limits = limited(clock, requests_per_second=3, burst=1)
    for _ in range(1000):
        assert limits.take(Source.BINANCE) == 0
        clock.wait(1 / 3)


def test_a_refused_request_takes_no_token(clock):
    limits = limited(clock, requests_per_second=1)
    assert passed(limits, 100) == 1
    clock.wait(1)
    assert passed(limits, 1) == 1


@pytest.mark.parametrize(("rate", "seconds"), [(10, 1), (1, 1), (0.5, 2), (0.1, 10)])
def test_the_wait_until_the_next_request_is_returned(clock, rate, seconds):
    limits = limited(clock, requests_per_second=rate)
    passed(limits, max(1, int(rate)))
    assert limits.take(Source.BINANCE) == seconds
    clock.wait(seconds)
    assert limits.take(Source.BINANCE) == 0


def test_no_tokens_are_lost_when_the_clock_is_set_back(clock):
    limits = limited(clock, requests_per_second=2)
    assert passed(limits, 1) == 1
    clock.wait(-3600)
    assert passed(limits, 2) == 1


def test_allowed_and_refused_requests_are_counted(clock):
    limits = limited(clock, requests_per_second=2)
    passed(limits, 5)
    expected = {"requests_per_second": 2, "burst": None, "allowed": 2, "refused": 3}
    assert limits.as_json() == {"limits": {"binance": expected}}
    limits.clear()
    assert limits.as_json() == {"limits": {}}
    assert passed(limits, 5) == 5


def test_threads_get_no_more_than_the_burst(clock):
    limits = limited(clock, requests_per_second=1, burst=500)
    counts = []
    threads = [threading.Thread(target=lambda: counts.append(passed(limits, 200))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 500


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "expected an object such as"),
        ({}, "expected an object such as"),
        ({"limits": []}, "expected an object such as"),
        ({"limits": {}, "seed": 1}, "expected an object such as"),
        (
            {"limits": {"kraken": {"requests_per_second": 1}}},
            "unknown source kraken; known sources: binance, bitfinex, bitstamp, coinbase",
        ),
        ({"limits": {"binance": 10}}, "a limit must be an object"),
        ({"limits": {"binance": {"burst": 1}}}, "a limit must be an object"),
        ({"limits": {"binance": {"requests_per_second": 1, "per": "ip"}}}, "a limit must be an object"),
        ({"limits": {"binance": {"requests_per_second": 0}}}, "requests_per_second is 0"),
        ({"limits": {"binance": {"requests_per_second": True}}}, "requests_per_second is True"),
        ({"limits": {"binance": {"requests_per_second": "1"}}}, "requests_per_second is '1'"),
        ({"limits": {"binance": {"requests_per_second": float("nan")}}}, "requests_per_second is nan"),
        ({"limits": {"binance": {"requests_per_second": float("inf")}}}, "requests_per_second is inf"),
        ({"limits": {"binance": {"requests_per_second": 1, "burst": 0}}}, "burst is 0"),
        ({"limits": {"binance": {"requests_per_second": 1, "burst": 1.5}}}, "burst is 1.5"),
    ],
)
def test_an_invalid_document_is_rejected_and_changes_nothing(clock, document, message):
    limits = limited(clock, requests_per_second=1)
    passed(limits, 1)
    with pytest.raises(LimitError, match=message):
        limits.replace_json(document)
    assert limits.as_json()["limits"]["binance"]["allowed"] == 1
