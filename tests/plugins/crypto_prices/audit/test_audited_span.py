from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from crypto_prices.audit.audited_span import audited_span
from crypto_prices_contract.window import Window, WindowError

MONDAY = datetime(2024, 1, 8, 6, tzinfo=UTC)


def run(data_interval_end=None, logical_date=None):
    return SimpleNamespace(data_interval_end=data_interval_end, logical_date=logical_date)


def test_the_span_of_the_params_takes_precedence():
    params = {"start": "2024-01-01", "end": "2024-01-03", "days": 35}
    assert audited_span(params, run(MONDAY)) == Window.parse("2024-01-01", "2024-01-03")


@pytest.mark.parametrize("dag_run", [run(data_interval_end=MONDAY), run(logical_date=MONDAY)])
def test_otherwise_it_is_the_days_before_the_run(dag_run):
    assert audited_span({"days": 7}, dag_run) == Window.parse("2024-01-01", "2024-01-08")


@pytest.mark.parametrize("params", [{"days": 7}, {"start": "2024-01-01", "days": 7}])
def test_a_run_without_days_is_refused(params):
    with pytest.raises(WindowError):
        audited_span(params, run())
