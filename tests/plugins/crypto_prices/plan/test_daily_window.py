from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from crypto_prices.plan.daily_window import daily_window
from crypto_prices_contract.window import Window, WindowError


@pytest.mark.parametrize(
    ("logical_date", "day", "expected"),
    [
        (datetime(2023, 12, 18, tzinfo=UTC), None, date(2023, 12, 18)),
        (datetime(2023, 12, 18, 14, 30, tzinfo=UTC), "", date(2023, 12, 18)),
        # 23:30 in New York is the next day in UTC, and days are in UTC.
        (datetime(2023, 12, 17, 23, 30, tzinfo=timezone(timedelta(hours=-5))), None, date(2023, 12, 18)),
        (datetime(2023, 12, 18, tzinfo=UTC), "2024-02-29", date(2024, 2, 29)),
        (None, "2024-02-29", date(2024, 2, 29)),
    ],
)
def test_a_daily_run_uses_the_param_or_the_utc_day_of_its_logical_date(logical_date, day, expected):
    assert daily_window(logical_date, day) == Window.of_day(expected)


def test_a_run_with_neither_date_nor_param_is_refused_with_advice():
    with pytest.raises(WindowError, match=r'\{"day": "YYYY-MM-DD"\}'):
        daily_window(None, None)
