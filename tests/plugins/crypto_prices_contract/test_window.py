from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from crypto_prices_contract.window import Window, WindowError, daily_window, parse_day


def test_a_window_of_one_day_holds_that_day_alone():
    window = Window.of_day(date(2023, 12, 31))
    assert list(window.days()) == [date(2023, 12, 31)]
    assert window.starts_at == datetime(2023, 12, 31, tzinfo=UTC)
    assert window.ends_at == datetime(2024, 1, 1, tzinfo=UTC)
    assert window.name == "20231231-20240101"


@pytest.mark.parametrize("end", ["2023-12-18", "2023-12-17"])
def test_a_window_that_does_not_end_after_its_start_is_refused(end):
    with pytest.raises(WindowError, match="ends after it starts"):
        Window.parse("2023-12-18", end)


@pytest.mark.parametrize("text", ["", "18.12.2023", "2023-12-18T00:00:00", "2023-02-30", None, 20231218])
def test_what_is_not_an_iso_day_is_refused_with_an_example(text):
    with pytest.raises(WindowError, match="YYYY-MM-DD"):
        parse_day(text)


@pytest.mark.parametrize(
    ("logical_date", "day", "expected"),
    [
        (datetime(2023, 12, 18, tzinfo=UTC), None, date(2023, 12, 18)),
        (datetime(2023, 12, 18, 14, 30, tzinfo=UTC), "", date(2023, 12, 18)),
        # 23:30 in New York is the next day in UTC, and days are UTC's.
        (datetime(2023, 12, 17, 23, 30, tzinfo=timezone(timedelta(hours=-5))), None, date(2023, 12, 18)),
        (datetime(2023, 12, 18, tzinfo=UTC), "2024-02-29", date(2024, 2, 29)),
        (None, "2024-02-29", date(2024, 2, 29)),
    ],
)
def test_a_daily_run_takes_the_param_and_else_the_utc_day_of_its_logical_date(logical_date, day, expected):
    assert daily_window(logical_date, day) == Window.of_day(expected)


def test_a_run_with_neither_date_nor_param_is_refused_and_told_what_to_give():
    with pytest.raises(WindowError, match=r'\{"day": "YYYY-MM-DD"\}'):
        daily_window(None, None)


def test_the_partition_expression_of_a_day_names_that_day():
    assert Window.of_day(date(2023, 12, 8)).partition_expression() == "(year = '2023' AND month = '12' AND day = '08')"


def test_the_partition_expression_of_a_long_window_is_grouped_by_month_and_fits_glues_limit():
    expression = Window.parse("2023-12-30", "2024-02-02").partition_expression()
    assert expression == (
        "(year = '2023' AND month = '12' AND day >= '30' AND day <= '31')"
        " OR (year = '2024' AND month = '01' AND day >= '01' AND day <= '31')"
        " OR (year = '2024' AND month = '02' AND day = '01')"
    )
    assert len(Window.parse("2023-01-01", "2024-12-31").partition_expression()) < 2048


def test_a_window_that_glue_takes_no_expression_for_is_refused():
    assert len(Window.parse("2020-01-01", "2022-07-01").partition_expression()) == 2036
    with pytest.raises(
        WindowError, match=r"\[2020-01-01, 2022-07-03\) is too long: .* 31 months has 2104. Load it in parts"
    ):
        Window.parse("2020-01-01", "2022-07-03").partition_expression()
