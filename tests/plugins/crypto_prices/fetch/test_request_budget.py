from __future__ import annotations

import gzip
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from crypto_prices.fetch.http_client import HttpClient
from crypto_prices.fetch.request_budget import RequestBudget
from crypto_prices.fetch.request_retry_policy import RequestRetryPolicy
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from local_exchange.api import Source
from local_exchange.limits import RequestLimit

FOREVER = float("inf")


class FakeTime:
    """A clock that advances only when something sleeps, for one thread."""

    def __init__(self) -> None:
        self.now = 100.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock() -> FakeTime:
    return FakeTime()


def budget_at(clock: FakeTime, rate: float) -> RequestBudget:
    return RequestBudget(rate, monotonic=clock.monotonic, sleep=clock.sleep)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_pace_is_a_positive_number(rate):
    with pytest.raises(ValueError, match="requests_per_second"):
        RequestBudget(rate)


def test_requests_follow_at_an_even_pace_and_the_first_does_not_wait(clock):
    budget = budget_at(clock, 0.5)
    turns = []
    for _ in range(4):
        assert budget.wait_for_turn(FOREVER)
        turns.append(clock.now)
    assert turns == [100, 102, 104, 106]


def test_unused_time_is_not_saved_up(clock):
    budget = budget_at(clock, 1)
    budget.wait_for_turn(FOREVER)
    clock.now += 60
    for expected in (160 + 0, 161, 162):
        budget.wait_for_turn(FOREVER)
        assert clock.now == expected


def test_a_slot_after_the_deadline_is_neither_awaited_nor_reserved(clock):
    budget = budget_at(clock, 0.1)
    assert budget.wait_for_turn(FOREVER)
    assert not budget.wait_for_turn(105)
    assert clock.now == 100
    assert budget.wait_for_turn(FOREVER)
    assert clock.now == 110


def test_a_pause_holds_for_all_requests_and_the_longest_one_counts(clock):
    budget = budget_at(clock, 1)
    budget.pause(30)
    budget.pause(5)
    budget.pause(0)
    budget.wait_for_turn(FOREVER)
    assert clock.now == 130


def test_a_pause_beyond_the_deadline_is_not_awaited(clock):
    budget = budget_at(clock, 1)
    budget.pause(30)
    assert not budget.wait_for_turn(110)
    assert (clock.now, budget.pause_left()) == (100, 30)
    clock.now += 31
    assert budget.pause_left() == 0


def test_a_waiting_thread_obeys_a_later_pause():
    clock = FakeTime()

    def sleep(seconds: float) -> None:
        if clock.now == 100:
            budget.pause(30)
        clock.now += seconds

    budget = RequestBudget(1, monotonic=clock.monotonic, sleep=sleep)
    budget.wait_for_turn(FOREVER)
    budget.wait_for_turn(FOREVER)
    assert clock.now == 130


def test_threads_share_the_pace_and_a_late_one_does_not_slow_down_the_others():
    """Slots are reserved in advance: a thread that oversleeps uses its own slot and not another thread's."""
    budget = RequestBudget(200)
    began = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda _: budget.wait_for_turn(FOREVER), range(100)))
    assert time.monotonic() - began >= 99 / 200


class TestAgainstAServerThatEnforcesARate:
    RATE, REQUESTS = 20, 100

    def ask(self, exchange, threads, *, pace=None, policy=None):
        """Request a day of a market many times and return the elapsed seconds."""
        params = {"symbol": "BTCUSDT", "interval": "1h", "limit": 1}
        with (
            HttpClient(budget=RequestBudget(pace or self.RATE), max_connections=threads, retry_policy=policy) as client,
            ThreadPoolExecutor(threads) as pool,
        ):
            client.get_json(f"{exchange.url}/api/v3/klines", params=params)  # warms up the connection and the code
            exchange.limits.replace({Source.BINANCE: RequestLimit(self.RATE)})
            began = time.monotonic()
            list(
                pool.map(
                    lambda _: client.get_json(f"{exchange.url}/api/v3/klines", params=params), range(self.REQUESTS)
                )
            )
            return time.monotonic() - began

    def test_n_requests_take_n_divided_by_the_rate(self, exchange):
        """The best of three, because a short stall of the machine does not count."""
        ratios = []
        while len(ratios) < 3 and not (ratios and ratios[-1] <= 1.05):
            ratios.append(self.ask(exchange, 4) / (self.REQUESTS / self.RATE))
            counted = exchange.limits.as_json()["limits"]["binance"]
            assert (counted["allowed"], counted["refused"]) == (self.REQUESTS, 0)
        print(f"\n{self.REQUESTS} requests at {self.RATE}/s: {min(ratios):.3f} of N/R")
        assert 0.95 <= min(ratios) <= 1.05

    def test_a_server_that_allows_less_is_followed_by_its_retry_after(self, exchange):
        """At twice the allowed pace, nothing is lost, and a pause of one thread holds for all."""
        self.ask(exchange, 4, pace=2 * self.RATE, policy=RequestRetryPolicy(max_attempts=20))
        counted = exchange.limits.as_json()["limits"]["binance"]
        assert counted["allowed"] == self.REQUESTS
        assert 0 < counted["refused"] <= 4 * 8  # one per thread for every requested second


class TestTheWeightThatBinanceTells:
    @pytest.mark.parametrize(
        ("used", "seconds"), [("5699", 0), ("5700", 45.5), ("6001", 45.5), ("", 0), ("many", 0), ("-1", 0), (None, 0)]
    )
    def test_a_nearly_used_up_weight_pauses_for_the_rest_of_the_minute(self, used, seconds):
        from datetime import UTC, datetime

        from crypto_prices.fetch.sources import get_source

        headers = {} if used is None else {"X-MBX-USED-WEIGHT-1M": used}
        now = datetime(2023, 12, 19, 0, 1, 14, 500_000, tzinfo=UTC)
        assert get_source("binance").pause_seconds(headers, now) == seconds

    def test_the_client_pauses_for_all_threads(self, exchange):
        waits = []

        class Budget(RequestBudget):
            def pause(self, seconds):
                waits.append(seconds)

        with HttpClient(budget=Budget(1000), pause_seconds=lambda headers, now: 7.0) as client:
            client.get_json(f"{exchange.url}/api/v3/klines", params={"symbol": "BTCUSDT", "interval": "1h", "limit": 1})
        assert waits == [7.0]


def test_connections_are_reused_and_bounded():
    """Not with werkzeug's server, which closes every connection."""
    ports, gzipped = set(), gzip.compress(b"[]")

    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            ports.add(self.client_address[1])
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(gzipped)))
            self.end_headers()
            self.wfile.write(gzipped)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    with HttpClient(max_connections=3) as client, ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda _: client.get_json(f"http://127.0.0.1:{server.server_port}/"), range(60)))
    server.shutdown()
    thread.join()
    server.server_close()
    assert 1 <= len(ports) <= 3


def test_a_cookie_of_one_response_is_not_sent_with_the_next_request(monkeypatch):
    seen = []

    def application(environ, start_response):
        seen.append(Request(environ).headers.get("Cookie"))
        answer = Response("[]", content_type="application/json")
        answer.set_cookie("session", "1")
        return answer(environ, start_response)

    server = make_server("127.0.0.1", 0, application)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    with HttpClient() as client:
        for _ in range(2):
            client.get_json(f"http://127.0.0.1:{server.port}/")
    server.shutdown()
    thread.join()
    server.server_close()
    assert seen == [None, None]
