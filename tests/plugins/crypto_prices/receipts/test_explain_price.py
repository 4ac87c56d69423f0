"""The task explain_price: prints a receipt and writes it to the lake, or refuses the question."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.common.compat.sdk import AirflowFailException
from crypto_prices.plan.check_params import ParamError
from crypto_prices_contract.s3_keys import split_s3_uri

from tests.support.data_api import BUCKET, ROLE
from tests.support.receipt_world import DAY

DAGS = Path(__file__).parents[4] / "dags"
SETTINGS = SimpleNamespace(candle_interval="1h", s3_bucket=BUCKET, redshift_copy_role_arn=ROLE)


@pytest.fixture(scope="module")
def dag():
    return DagBag(dag_folder=DAGS / "crypto_prices_explain.py").dags["crypto_prices_explain"]


def run(dag, conf=None, world=None, **fields):
    task = dag.get_task("explain_price").prepare_for_execution()
    given = {"market": "ETH/USDT", "source": "binance", "at": f"{DAY}T13:00", "candle_interval": ""}
    for name, value in ({"mart": "", "day": "", "as_of": ""} | given | fields).items():
        setattr(task, name, value)
    task.__dict__["settings"] = SETTINGS
    if world is not None:
        task.__dict__ |= {"warehouse": world.data, "s3_client": world.s3}
    return task.execute({"dag_run": SimpleNamespace(conf=conf or {}), "dag": dag})


def test_the_receipt_is_in_the_log_and_in_the_lake(world, dag, task_log):
    uri = run(dag, world=world)
    assert "VERDICT intact (8 of 8)" in task_log.text
    assert "[ok] row read back by COPY: all 16 columns equal the fact" in task_log.text
    bucket, key = split_s3_uri(uri)
    assert (bucket, key.startswith("receipts/crypto_prices/source=binance/symbol=ETH/quote=USDT/")) == (BUCKET, True)
    document = json.loads(world.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    assert document["verdict"] == "intact (8 of 8)"
    assert document["checked_at"]


def test_a_repeated_task_writes_the_same_object(world, dag):
    assert run(dag, world=world) == run(dag, world=world)


def test_a_row_of_a_mart_has_a_receipt_too(world, dag, task_log):
    run(dag, world=world, at="", mart="daily", day=DAY)
    # No refresh has calculated the marts yet.
    assert "[not shown] the marts lack load 5" in task_log.text


def test_an_invalid_question_is_refused_without_a_retry(dag):
    with pytest.raises(AirflowFailException, match="MARKET 'ETH' is not a market"):
        run(dag, market="ETH")


def test_an_unknown_param_is_refused(dag):
    with pytest.raises(ParamError, match="unknown params: tiem"):
        run(dag, conf={"tiem": "13:00"})
