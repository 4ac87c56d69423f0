from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from crypto_prices.http_client import HttpClient
from werkzeug.serving import make_server

from local_aws.exchange.faults import FaultPlan
from local_aws.exchange.server import create_exchange


@dataclass
class RunningExchange:
    """The laptop's exchange on a real port."""

    url: str = ""
    now: datetime = datetime(2024, 6, 1, tzinfo=UTC)
    faults: FaultPlan = field(default_factory=FaultPlan)
    queries: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture
def exchange() -> Iterator[RunningExchange]:
    """Give the exchange with generated candles; what is asked of it is noted in ``queries``."""
    running = RunningExchange()
    application = create_exchange(None, running.faults, now=lambda: running.now)

    def recording(environ, start_response):
        pairs = environ["QUERY_STRING"].split("&")
        running.queries.append(dict(pair.split("=", 1) for pair in pairs if pair))
        return application(environ, start_response)

    server = make_server("127.0.0.1", 0, recording, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    running.url = f"http://127.0.0.1:{server.port}/exchange/binance"
    yield running
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client() -> Iterator[HttpClient]:
    """Give a client that never waits for real."""
    with HttpClient(sleep=lambda seconds: None) as client:
        yield client
