from __future__ import annotations

import gzip
import logging
import random
import socketserver
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from crypto_prices.fetch.errors import FatalSourceError, RetryableSourceError
from crypto_prices.fetch.http_client import USER_AGENT, HttpClient
from crypto_prices.fetch.request_retry_policy import RequestRetryPolicy
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.serving import make_server

from local_exchange.faults import Fault, FaultKind, FaultPlan
from local_exchange.server import create_exchange

NOW = datetime(2023, 12, 19, 0, 5, tzinfo=UTC)
FAST = {"connect_timeout_seconds": 2.0, "read_timeout_seconds": 2.0}


class FakeTime:
    """A clock that advances only when something sleeps."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.waits: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.elapsed += seconds

    def monotonic(self) -> float:
        return self.elapsed

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.elapsed)


def client_at(clock: FakeTime, **options) -> HttpClient:
    options = {**FAST, "rng": random.Random(1), **options}
    return HttpClient(sleep=clock.sleep, monotonic=clock.monotonic, now=clock.now, **options)


@pytest.fixture
def clock() -> FakeTime:
    return FakeTime()


@pytest.fixture
def faults() -> FaultPlan:
    return FaultPlan()


@pytest.fixture
def klines_url(faults: FaultPlan) -> Iterator[str]:
    """A real server with the local exchange. It serves one day of BTCUSDT, 2023-12-18."""
    server = make_server("127.0.0.1", 0, create_exchange(None, faults, now=lambda: NOW), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield (
        f"http://127.0.0.1:{server.port}/exchange/binance/api/v3/klines"
        "?symbol=BTCUSDT&interval=1h&startTime=1702857600000&endTime=1702943999999"
    )
    server.shutdown()
    thread.join()
    server.server_close()


class ScriptedServer:
    """Sends the given responses to each connection, one after the other, and repeats the last one."""

    def __init__(self, *answers: bytes | Callable[[str], bytes]) -> None:
        self.requests: list[str] = []
        self.connections = 0
        script = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                script.connections += 1
                while line := self.rfile.readline():
                    head = line
                    while (line := self.rfile.readline()).strip():
                        head += line
                    answer = answers[min(len(script.requests), len(answers) - 1)]
                    script.requests.append(head.decode())
                    self.wfile.write(answer(script.url) if callable(answer) else answer)
                    if b"Connection: keep-alive" not in (answer if isinstance(answer, bytes) else b""):
                        return

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/candles"

    @contextmanager
    def running(self) -> Iterator[ScriptedServer]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


def answer(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    if "Connection: keep-alive" not in headers:
        headers = (*headers, "Connection: close")
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(head).encode() + body


# --- success ---------------------------------------------------------------------------------------------------------


def test_body_is_the_bytes_that_were_sent_and_no_price_is_a_float(clock):
    body = b'[ [1702857600000, "42.10", 42.10, 1e-7] ]\n'
    with ScriptedServer(answer(gzip.compress(body), "Content-Encoding: gzip")).running() as server:
        response = client_at(clock).get_json(server.url, params={"symbol": "BTCUSDT"})
    assert response.body == body
    assert response.json == [[1702857600000, "42.10", "42.10", "1e-7"]]
    assert (response.status, response.fetched_at) == (200, NOW)
    assert response.url == server.url + "?symbol=BTCUSDT"
    assert clock.waits == []


def test_one_connection_serves_many_requests_with_a_user_agent(clock):
    with ScriptedServer(answer(b"[]", "Connection: keep-alive")).running() as server, client_at(clock) as client:
        for _ in range(3):
            client.get_json(server.url, headers={"x-cg-demo-api-key": "hunter2"})
        assert (server.connections, len(server.requests)) == (1, 3)
    assert f"User-Agent: {USER_AGENT}" in server.requests[0]
    assert "x-cg-demo-api-key: hunter2" in server.requests[0]


# --- faults of the exchange ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "waits"),
    [
        (Fault(FaultKind.RATE_LIMITED, times=2, retry_after=7), [7, 7]),
        (Fault(FaultKind.RATE_LIMITED, times=3, retry_after=2, banned_after=1), [2, 2, 2]),
        (Fault(FaultKind.RATE_LIMITED, retry_after=90, retry_after_date=True), [90]),
        (Fault(FaultKind.SERVER_ERROR, status=503, retry_after=11), [11]),
    ],
)
def test_a_requested_pause_is_kept_to_the_second(klines_url, clock, faults, fault, waits):
    faults.replace([fault])
    assert len(client_at(clock).get_json(klines_url).json) == 24
    assert clock.waits == pytest.approx(waits)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault(FaultKind.RATE_LIMITED, times=2), "rate limit is reached (HTTP 429, code -1003"),
        (Fault(FaultKind.RATE_LIMITED, times=2, retry_after=0), "rate limit is reached"),
        (Fault(FaultKind.SERVER_ERROR, times=2, status=500), "HTTP 500"),
        (Fault(FaultKind.SERVER_ERROR, times=2, status=502), "HTTP 502"),
        (Fault(FaultKind.CONNECTION_RESET, times=2), "the connection failed"),
        (Fault(FaultKind.CUT_OFF, times=2), "the body was cut off"),
        (Fault(FaultKind.NOT_JSON, times=2), "the body is not JSON"),
        (Fault(FaultKind.TRUNCATED_JSON, times=2), "the body is not JSON"),
    ],
)
def test_a_transient_fault_is_retried_with_growing_jitter(klines_url, clock, faults, caplog, fault, reason):
    faults.replace([fault])
    with caplog.at_level(logging.WARNING, "crypto_prices.fetch.http_client"):
        assert len(client_at(clock).get_json(klines_url).json) == 24
    assert len(clock.waits) == 2
    assert 0 <= clock.waits[0] <= 1
    assert 0 <= clock.waits[1] <= 2
    lines = [record.getMessage() for record in caplog.records if record.name == "crypto_prices.fetch.http_client"]
    assert len(lines) == 2
    assert lines[0].startswith("Attempt 1 of 6 failed: ")
    assert reason in lines[0]
    assert f"Retrying in {clock.waits[0]:.1f} s" in lines[0]


def test_a_slow_response_times_out_and_is_retried(klines_url, clock, faults):
    faults.replace([Fault(FaultKind.TIMEOUT, delay_seconds=0.3)])
    response = client_at(clock, read_timeout_seconds=0.1).get_json(klines_url)
    assert len(response.json) == 24
    assert len(clock.waits) == 1


@pytest.mark.parametrize("kind", [FaultKind.SERVER_ERROR, FaultKind.CUT_OFF, FaultKind.NOT_JSON])
def test_attempts_are_bounded(klines_url, clock, faults, kind):
    faults.replace([Fault(kind, times=None)])
    with pytest.raises(RetryableSourceError, match="gave up after attempt 4") as caught:
        client_at(clock, retry_policy=RequestRetryPolicy(max_attempts=4)).get_json(klines_url)
    assert faults.as_json()["faults"][0]["happened"] == 4
    assert len(clock.waits) == 3
    assert klines_url in str(caught.value)


def test_no_attempt_is_awaited_beyond_the_deadline(klines_url, clock, faults):
    faults.replace([Fault(FaultKind.RATE_LIMITED, times=None, retry_after=40)])
    policy = RequestRetryPolicy(max_attempts=50, deadline_seconds=100)
    with pytest.raises(RetryableSourceError, match="gave up after attempt 3"):
        client_at(clock, retry_policy=policy).get_json(klines_url)
    assert clock.waits == [40, 40]


def test_a_longer_pause_than_allowed_fails_immediately(klines_url, clock, faults):
    faults.replace([Fault(FaultKind.RATE_LIMITED, times=None, retry_after=121, banned_after=1)])
    with pytest.raises(RetryableSourceError, match=r"requests a wait of 121 s, longer than the 120 s") as caught:
        client_at(clock).get_json(klines_url)
    assert caught.value.status == 429
    assert clock.waits == []


def test_a_rejected_request_fails_immediately_with_the_exchanges_message(klines_url, clock):
    with pytest.raises(FatalSourceError, match=r"HTTP 400, code -1121: Invalid symbol\.") as caught:
        client_at(clock).get_json(klines_url.replace("BTCUSDT", "NOSUCHUSDT"))
    assert (caught.value.exchange_code, caught.value.status) == (-1121, 400)
    assert clock.waits == []


# --- broken and hostile servers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[7]\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n[7]",
        answer(b"[7]", length=100),
        answer(b"[1]", "Content-Encoding: gzip"),
        answer(gzip.compress(b"[" + b"1," * 500 + b"1]")[:-30], "Content-Encoding: gzip"),
        answer(b'[["NaN", NaN]]'),
        answer(b"[" * 100_000),
        answer('["é"]'.encode("latin-1")),
        answer(b""),
        b"not HTTP at all\r\n\r\n",
        b"",
    ],
    ids=["chunk end", "chunk", "length", "no gzip", "half gzip", "NaN", "deep", "latin-1", "nothing", "noise", "close"],
)
def test_a_broken_body_is_never_accepted(clock, broken):
    # The truncated bodies are valid JSON. Only the transfer shows that something is missing.
    with ScriptedServer(broken, answer(b"[1]")).running() as server:
        assert client_at(clock).get_json(server.url).body == b"[1]"
    assert len(clock.waits) == 1


def test_a_decompression_bomb_is_refused_before_it_expands(clock):
    bomb = gzip.compress(b"[" + b" " * 20_000_000 + b"]")
    with ScriptedServer(answer(bomb, "Content-Encoding: gzip")).running() as server:
        client = client_at(clock, max_body_bytes=1_000_000)
        tracemalloc.start()
        try:
            with pytest.raises(FatalSourceError, match="longer than 1000000 bytes"):
                client.get_json(server.url)
            most_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert most_bytes < 5_000_000
    assert clock.waits == []


@pytest.mark.parametrize(("size", "fits"), [(100, True), (101, False)])
def test_the_size_limit_is_exact(clock, size, fits):
    body = b"[" + b" " * (size - 2) + b"]"
    with ScriptedServer(answer(body)).running() as server:
        client = client_at(clock, max_body_bytes=100)
        if fits:
            assert client.get_json(server.url).body == body
        else:
            with pytest.raises(FatalSourceError):
                client.get_json(server.url)


def test_a_slow_body_ends_at_the_deadline(clock):
    class Dripping(FakeTime):
        def monotonic(self) -> float:
            self.elapsed += 1.0
            return self.elapsed

    with (
        ScriptedServer(answer(b"[" + b" " * 1_000_000 + b"]")).running() as server,
        pytest.raises(RetryableSourceError, match="did not respond in time"),
    ):
        client_at(Dripping(), retry_policy=RequestRetryPolicy(deadline_seconds=3)).get_json(server.url)


def test_connection_refused(clock):
    with ScriptedServer(b"").running() as server:
        url = server.url
    with pytest.raises(RetryableSourceError, match=r"the connection failed: .*refused"):
        client_at(clock, retry_policy=RequestRetryPolicy(max_attempts=2)).get_json(url)


def test_a_redirect_on_the_same_host_is_followed(clock):
    moved = answer(b"", "Location: /new", status="301 Moved")
    with ScriptedServer(moved, answer(b"[1]")).running() as server:
        response = client_at(clock).get_json(server.url)
    assert response.json == [1]
    assert response.url.endswith("/new")


def test_a_redirect_to_another_host_is_refused(clock):
    moved = answer(b"", "Location: https://elsewhere.example/?token=abcdef", status="302 Found")
    with (
        ScriptedServer(moved).running() as server,
        pytest.raises(FatalSourceError, match=r"redirects to another host, https://elsewhere\.example/\?token=\*\*\*"),
    ):
        client_at(clock).get_json(server.url)
    assert len(server.requests) == 1


def test_a_redirect_to_an_invalid_address_is_refused(clock):
    with (
        ScriptedServer(answer(b"", "Location: http://[half", status="302 Found")).running() as server,
        pytest.raises(FatalSourceError, match=r"redirects to an invalid address \(Invalid IPv6 URL\)"),
    ):
        client_at(clock).get_json(server.url)


def test_endless_redirects_are_refused(clock):
    with (
        ScriptedServer(answer(b"", "Location: /again", status="302 Found")).running() as server,
        pytest.raises(FatalSourceError, match="redirected more than 3 times"),
    ):
        client_at(clock).get_json(server.url)
    assert len(server.requests) == 4


@pytest.mark.parametrize("url", ["ftp://host/x", "candles", "http://[half", "http:///nohost"])
def test_an_invalid_address_is_refused(clock, url):
    with pytest.raises(FatalSourceError, match="Check the api_url"):
        client_at(clock).get_json(url)


# --- pure decisions --------------------------------------------------------------------------------------------------


@given(
    attempts=st.integers(1, 30),
    base=st.floats(0.01, 100),
    cap=st.floats(0.01, 100),
    deadline=st.floats(0.01, 1000),
    seed=st.integers(),
    asked=st.lists(st.none() | st.integers(0, 300), min_size=30, max_size=30),
)
def test_waits_are_bounded_for_any_retry_after(attempts, base, cap, deadline, seed, asked):
    clock = FakeTime()
    policy = RequestRetryPolicy(attempts, deadline, base, cap, max_retry_after_seconds=120)
    client = client_at(clock, retry_policy=policy, rng=random.Random(seed))
    tries: list[int | None] = []

    def always_limited(*_args):
        tries.append(asked[len(tries)])
        return 429, {} if tries[-1] is None else {"Retry-After": str(tries[-1])}, b""

    client._exchange = always_limited
    with pytest.raises(RetryableSourceError):
        client.get_json("http://exchange.example/")
    assert len(tries) <= attempts
    assert len(clock.waits) == len(tries) - 1
    assert sum(clock.waits) < deadline
    for number, (wait, retry_after) in enumerate(zip(clock.waits, tries, strict=False), start=1):
        if retry_after:
            assert wait == retry_after <= 120
        else:
            assert 0 <= wait <= min(cap, base * 2 ** (number - 1))


# --- secrets ---------------------------------------------------------------------------------------------------------


def test_no_secret_reaches_errors_chains_or_logs(clock, caplog):
    leak = b'{"msg":"the key hunter2hunter2 and topsecret are wrong"}'
    answers = [b"", answer(leak, status="500 X"), answer(leak, status="400 X")]
    with (
        caplog.at_level(logging.WARNING, "crypto_prices"),
        ScriptedServer(*answers).running() as server,
        pytest.raises(FatalSourceError) as caught,
    ):
        client_at(clock).get_json(
            server.url, params={"api_key": "topsecret"}, headers={"x-cg-demo-api-key": "hunter2hunter2"}
        )
    assert "topsecret" in server.requests[0]  # it was sent
    everything = caplog.text + str(caught.value) + repr(caught.value)
    assert "the key *** and *** are wrong" in everything
    assert "topsecret" not in everything
    assert "hunter2hunter2" not in everything
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
