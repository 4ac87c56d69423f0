from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
import requests
from crypto_prices.fetch.http_client import HttpClient
from werkzeug.serving import make_server

from local_exchange.faults import FaultPlan
from local_exchange.limits import RequestLimits
from local_exchange.rules import Rules
from local_exchange.server import create_exchange
from tests.support.tasks import (  # noqa: F401 - fixtures
    aws,
    catalog,
    dag,
    empty_warehouse,
    interrupted_on_kill,
    make_context,
    make_task,
    migrated_database,
    task_log,
    use_settings,
    warehouse,
)


@dataclass
class RunningExchange:
    """The local exchange on a real port."""

    base_url: str = ""
    now: datetime = datetime(2024, 6, 1, tzinfo=UTC)
    faults: FaultPlan = field(default_factory=FaultPlan)
    limits: RequestLimits = field(init=False)
    paths: list[str] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.limits = RequestLimits(lambda: datetime.now(UTC))

    @property
    def url(self) -> str:
        """The base URL of Binance's API."""
        return self.url_of("binance")

    def set_rules(self, rules: Rules) -> None:
        """Change the rules of the APIs over HTTP, as tests of other programs do."""
        requests.put(f"{self.base_url}/exchange/_rules", json=asdict(rules), timeout=5).raise_for_status()
        self.paths.clear()
        self.queries.clear()

    def url_of(self, source: str) -> str:
        """Return the base URL of an API."""
        return f"{self.base_url}/exchange/{source}"


@pytest.fixture
def exchange() -> Iterator[RunningExchange]:
    """Yield an exchange with generated candles that records its queries in ``queries``."""
    running = RunningExchange()
    application = create_exchange(None, running.faults, limits=running.limits, now=lambda: running.now)

    def recording(environ, start_response):
        pairs = environ["QUERY_STRING"].split("&")
        running.queries.append({name: unquote(value) for name, value in (pair.split("=", 1) for pair in pairs if pair)})
        running.paths.append(environ["PATH_INFO"])
        return application(environ, start_response)

    server = make_server("127.0.0.1", 0, recording, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    running.base_url = f"http://127.0.0.1:{server.port}"
    yield running
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def client() -> Iterator[HttpClient]:
    """Yield a client that never really waits."""
    with HttpClient(sleep=lambda seconds: None) as client:
        yield client
