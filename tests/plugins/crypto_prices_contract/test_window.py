from datetime import UTC, date, datetime

import pytest
from crypto_prices_contract.window import Window, WindowError, parse_day


def test_a_window_of_one_day_has_only_that_day():
    window = Window.of_day(date(2023, 12, 31))
    assert list(window.days()) == [date(2023, 12, 31)]
    assert window.starts_at == datetime(2023, 12, 31, tzinfo=UTC)
    assert window.ends_at == datetime(2024, 1, 1, tzinfo=UTC)
    assert window.name == "20231231-20240101"


@pytest.mark.parametrize("end", ["2023-12-18", "2023-12-17"])
def test_a_window_that_does_not_end_after_its_start_is_refused(end):
    with pytest.raises(WindowError, match="must end after it starts"):
        Window.parse("2023-12-18", end)


@pytest.mark.parametrize("text", ["", "18.12.2023", "2023-12-18T00:00:00", "2023-02-30", None, 20231218])
def test_an_invalid_day_is_refused_with_an_example(text):
    with pytest.raises(WindowError, match="YYYY-MM-DD"):
        parse_day(text)


def test_a_window_has_its_bounds_in_milliseconds_and_in_json():
    window = Window.parse("2023-12-18", "2023-12-20")
    assert (window.start_ms, window.end_ms) == (1_702_857_600_000, 1_703_030_400_000)
    assert window.as_json() == {"start": "2023-12-18", "end": "2023-12-20"}
    assert Window.parse(**window.as_json()) == window
