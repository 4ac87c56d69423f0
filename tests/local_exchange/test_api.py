from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_exchange.api import JsonNumber, dumps, parse_instant
from local_exchange.candles import MarketDataError

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(documents)
def test_documents_are_written_as_by_the_standard_library(document):
    assert dumps(document) == json.dumps(document, separators=(",", ":")).encode()


@pytest.mark.parametrize("text", ["0", "-1", "42703.79000000", "0.1500000000000000001", "1e-8", "12345678901234567890"])
def test_numbers_are_written_verbatim(text):
    assert dumps({"rows": [[1, JsonNumber(text), text]]}) == f'{{"rows":[[1,{text},"{text}"]]}}'.encode()


@pytest.mark.parametrize("text", ["", "NaN", "Infinity", "01", ".5", "5.", "+1", "1,5", " 1", "1\n", "0x1", "1\u0661"])
def test_text_that_is_not_a_json_number_is_rejected(text):
    with pytest.raises(MarketDataError):
        JsonNumber(text)


def test_nan_is_not_written():
    with pytest.raises(ValueError, match="not JSON compliant"):
        dumps([float("nan")])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("1702857600", 1702857600),
        ("2023-12-18", 1702857600),
        ("2023-12-18T00:00", 1702857600),
        ("2023-12-18T00:00:00Z", 1702857600),
        ("2023-12-18T01:30:00+01:30", 1702857600),
        ("1969-12-31T23:59:59Z", -1),
    ],
)
def test_times(text, seconds):
    assert parse_instant(text) == seconds * 1000


def test_a_time_without_a_zone_is_utc_in_every_local_time_zone(monkeypatch):
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        instant = parse_instant("2023-12-18")
    time.tzset()
    assert instant == 1702857600_000


@pytest.mark.parametrize("text", ["", "-1", "1.5", "noon", "2023-13-01", "1" * 21, "\u0661", "2023-12-18x00:00"])
def test_invalid_times_are_rejected(text):
    with pytest.raises(ValueError, match=r".*"):
        parse_instant(text)
