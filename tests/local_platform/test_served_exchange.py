"""The local AWS of this platform serves the exchange, too."""

import http.client
import json
import urllib.error
import urllib.request

import pytest


def test_the_exchange_needs_no_signature(local_aws):
    with urllib.request.urlopen(f"{local_aws.endpoint}/exchange/binance/api/v3/time") as answer:
        assert json.load(answer)["serverTime"] > 1_700_000_000_000


KLINES = "/exchange/binance/api/v3/klines?symbol=BTCUSDT&interval=1h&startTime=1702857600000&limit=24"


@pytest.fixture
def exchange_faults(local_aws):
    """Sets the exchange's faults over HTTP, and takes them back."""

    def ask(method, *faults):
        body = json.dumps({"seed": 1, "faults": faults}).encode() if faults else None
        request = urllib.request.Request(f"{local_aws.endpoint}/exchange/_faults", data=body, method=method)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    yield lambda *faults: ask("PUT", *faults)
    ask("DELETE")


def _candles(running):
    with urllib.request.urlopen(running.endpoint + KLINES) as answer:
        return json.load(answer)


def test_the_exchanges_faults_are_set_over_http(local_aws, exchange_faults):
    exchange_faults({"kind": "rate_limited", "symbol": "BTCUSDT", "times": 1, "retry_after": 7})
    with pytest.raises(urllib.error.HTTPError) as caught:
        _candles(local_aws)
    assert (caught.value.code, caught.value.headers["Retry-After"]) == (429, "7")
    assert len(_candles(local_aws)) == 24


def test_the_exchange_can_drop_the_connection(local_aws, exchange_faults):
    exchange_faults({"kind": "connection_reset", "times": 1})
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        _candles(local_aws)
    assert len(_candles(local_aws)) == 24


def test_the_exchange_can_cut_an_answer_off(local_aws, exchange_faults):
    exchange_faults({"kind": "cut_off", "times": 1})
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        _candles(local_aws)
    assert len(_candles(local_aws)) == 24
