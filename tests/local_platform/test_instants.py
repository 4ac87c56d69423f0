from datetime import UTC, datetime

import pytest

from local_platform.instants import instant_text, read_instant


@pytest.mark.parametrize("text", ["2024-01-02 03:04:05", "2024-01-02T03:04:05+00:00", "2024-01-02T03:04:05Z"])
def test_instants_are_read_as_utc_with_or_without_a_time_zone(text):
    assert read_instant(text) == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_none_stays_none():
    assert read_instant(None) is None
    assert instant_text(None) is None


def test_a_written_instant_can_be_read_again():
    instant = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert read_instant(instant_text(instant)) == instant


def test_an_instant_without_a_time_zone_is_rejected():
    with pytest.raises(ValueError, match="time zone"):
        instant_text(datetime(2024, 1, 2))  # noqa: DTZ001
