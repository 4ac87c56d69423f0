"""Results that tasks of an earlier bundle returned, as Airflow stores them and gives them to today's tasks."""

import json
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest
from airflow.sdk.bases.xcom import BaseXCom
from crypto_prices.backfill.rebuild import Guess, Rebuild
from crypto_prices.marts.refresh import full_refresh
from crypto_prices.templates import MACROS
from crypto_prices.xcom import task_results
from crypto_prices.xcom.curation_report import CurationReportError
from crypto_prices.xcom.fetched_source import EmptyRange, FetchedSource
from crypto_prices.xcom.parse_result import ResultError, parse_result
from crypto_prices.xcom.replay import Replay
from crypto_prices_contract.curation_report import REPORT_VERSION
from crypto_prices_contract.markets import Market
from jinja2 import Environment

from tests.support.load_records import LOAD
from tests.support.tasks import TaskInstance, batch, fetched, report

REFRESH = full_refresh(after_load=3, through_load=4, reason="the marts were never filled")
SOURCE = replace(fetched(), empty_ranges=[EmptyRange("2023-12-18 16:40:00", 440, ["BTC/USDT"])])
REPLAYING = batch(SOURCE).replaying(Replay.of_record(LOAD))
REBUILD = Rebuild(3, [Guess("2024-01-01", "2024-01-02", ["binance"], ["s3://lake/m"])])
MARKETS = [Market("BTCUSDT", "BTC", "USDT")]
RESOLVED = [{"source": "binance", "window_start": "2023-12-18", "window_end": "2023-12-20", "symbols": ["BTCUSDT"]}]


def stored(value):
    """Return a result as Airflow gives it to the task that pulls it."""
    serialized = json.dumps(BaseXCom.serialize_value(value))
    return BaseXCom.deserialize_value(SimpleNamespace(value=json.loads(serialized)))


RESULTS = [
    pytest.param(type(REFRESH), REFRESH, REFRESH.as_xcom(), id="refresh"),
    pytest.param(FetchedSource, SOURCE, asdict(SOURCE), id="fetched source"),
    pytest.param(type(REPLAYING), REPLAYING, REPLAYING.as_xcom(), id="batch"),
    pytest.param(Rebuild, REBUILD, REBUILD.as_xcom(), id="rebuild"),
    pytest.param(list[Market], MARKETS, [asdict(market) for market in MARKETS], id="markets"),
]


def with_unknown_keys(data, key=None):
    """Return the data with another key in each object that describes a dataclass, at any depth."""
    if isinstance(data, list):
        return [with_unknown_keys(item) for item in data]
    if not isinstance(data, dict) or key in ("incomplete", "rules"):
        return data
    parts = {name: with_unknown_keys(part, name) for name, part in data.items()}
    is_by_source = key in ("counts", "accepted")
    return parts if is_by_source else parts | {"removed_since": {"a": 1}}


@pytest.mark.parametrize(("kind", "value", "data"), RESULTS)
def test_a_result_survives_xcom(kind, value, data):
    assert parse_result(kind, stored(data), "the_task") == value


@pytest.mark.parametrize(("kind", "value", "data"), RESULTS)
def test_keys_that_later_code_does_not_know_are_ignored(kind, value, data):
    assert parse_result(kind, stored(with_unknown_keys(data)), "the_task") == value


def test_a_key_that_later_code_added_with_a_default_can_be_missing():
    data = stored(batch().as_xcom())
    del data["replay"], data["sources"][0]["fetched_at"], data["sources"][0]["empty_ranges"]
    assert parse_result(type(REPLAYING), data, "plan_load") == batch()


def without(data, key):
    return {name: value for name, value in data.items() if name != key}


@pytest.mark.parametrize(
    ("results", "read", "problem", "cleared"),
    [
        (
            {"plan_refresh": without(REFRESH.as_xcom(), "reason")},
            task_results.refresh,
            "reason: Field required",
            "plan_refresh",
        ),
        (
            {"plan_refresh": REFRESH.as_xcom() | {"through_load": "4"}},
            task_results.refresh,
            "through_load: Input should be a valid integer",
            "plan_refresh",
        ),
        ({"plan_load": without(REPLAYING.as_xcom(), "sources")}, task_results.batch, "sources", "plan_load"),
        (
            {"plan_load": REPLAYING.as_xcom() | {"replay": without(REPLAYING.as_xcom()["replay"], "code")}},
            task_results.batch,
            "replay.code",
            "plan_load",
        ),
        (
            {"resolve_window": RESOLVED, "fetch_prices": [without(asdict(SOURCE), "content_hash")]},
            task_results.fetched,
            "content_hash",
            "fetch_prices",
        ),
        ({"resolve_window": [without(RESOLVED[0], "window_end")]}, task_results.window, "window_end", "resolve_window"),
    ],
    ids=["refresh", "type", "batch", "replay", "fetched source", "window"],
)
def test_a_missing_or_wrong_value_is_an_error_with_the_task_to_clear(results, read, problem, cleared):
    with pytest.raises(ResultError) as error:
        read(TaskInstance(stored(results)))
    assert problem in str(error.value)
    assert str(error.value).endswith(f"Clear {cleared} with its downstream tasks")


@pytest.mark.parametrize(
    "older", [{"report_version": REPORT_VERSION - 1}, {"days": None}], ids=["older version", "wrong value"]
)
def test_a_report_of_another_version_is_an_error_with_the_task_to_clear(older):
    this = batch()
    ti = TaskInstance(stored({"plan_load": this.as_xcom(), "read_curation_report": report(this) | older}))
    with pytest.raises(CurationReportError, match="Clear curate_prices with its downstream tasks"):
        task_results.report(ti)


def test_templates_use_the_result_of_an_earlier_bundle():
    environment = Environment()
    environment.globals |= MACROS
    planned = REFRESH.as_xcom() | {"removed_since": "x"}
    ti = TaskInstance(stored({"plan_refresh": planned}))
    assert environment.from_string("{{ refresh(ti).through_load }}").render(ti=ti) == "4"
