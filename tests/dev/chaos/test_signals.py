from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

from dev.chaos.boundaries import MARTS_DAG_ID, MARTS_DAY
from dev.chaos.cases import STAYS_PREFIX
from dev.chaos.signals import Signals, fault_stays

DAY, OTHER = date(2022, 1, 1), date(2022, 1, 2)


@pytest.fixture
def signals(tmp_path):
    made = Signals(tmp_path / "signals")
    made.switch_off({})
    return made


def run(run_id=f"{STAYS_PREFIX}x", *, cleared=0, conf=None, dag_id="crypto_prices_daily"):
    logical_date = None if conf or dag_id == MARTS_DAG_ID else datetime(2022, 1, 1, tzinfo=UTC)
    return SimpleNamespace(dag_id=dag_id, run_id=run_id, clear_number=cleared, conf=conf, logical_date=logical_date)


def test_each_day_has_its_own_signals(signals):
    signals.switch_off({DAY: "fetch-order"})
    signals.fired(DAY)
    signals.left_out(DAY, "fetch-order")
    assert (signals.guard_off(DAY), signals.guard_off(OTHER)) == ("fetch-order", None)
    assert (signals.has_fired(DAY), signals.has_fired(OTHER)) == (True, False)
    assert signals.was_left_out(DAY, "fetch-order")
    assert not signals.was_left_out(DAY, "own-staging")
    assert not signals.was_left_out(OTHER, "fetch-order")


def test_a_run_retries_until_its_fault_has_fired(signals):
    assert not fault_stays(run(), signals)
    signals.fired(DAY)
    assert fault_stays(run(), signals)
    assert fault_stays(run(conf={"day": "2022-01-01"}), signals)


def test_runs_without_a_permanent_fault_retry_as_usual(signals):
    signals.fired(DAY)
    assert not fault_stays(run("once__x"), signals)
    assert not fault_stays(run(cleared=1), signals)
    assert not fault_stays(run(conf={"day": "2022-01-02"}), signals)


def test_a_refresh_of_the_marts_retries_until_the_fault_of_its_own_case_has_fired(signals):
    assert not fault_stays(run(dag_id=MARTS_DAG_ID), signals)
    signals.fired(MARTS_DAY)
    assert fault_stays(run(dag_id=MARTS_DAG_ID), signals)
    assert not fault_stays(run(), signals)
    signals.forget(MARTS_DAY)
    assert not fault_stays(run(dag_id=MARTS_DAG_ID), signals)
