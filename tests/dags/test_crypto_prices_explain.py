"""The DAG of receipts: one task, and params that are data."""

from datetime import timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from crypto_prices.fetch.sources import known_sources

DAGS = Path(__file__).parents[2] / "dags"


@pytest.fixture(scope="module")
def dag():
    return DagBag(dag_folder=DAGS / "crypto_prices_explain.py").dags["crypto_prices_explain"]


def test_it_has_one_task_which_takes_the_params(dag):
    (task,) = dag.tasks
    assert task.task_id == "explain_price"
    given = {"market": "BTC/USDT", "source": "binance", "at": None, "interval": None, "as_of": None, "mart": "daily"}
    fields = {name: task.render_template(getattr(task, name), {"params": given | {"day": "2024-01-05"}})
              for name in ("market", "source", "at", "candle_interval", "mart", "day", "as_of")}  # fmt: skip
    assert fields == {
        "market": "BTC/USDT", "source": "binance", "at": "", "candle_interval": "", "mart": "daily",
        "day": "2024-01-05", "as_of": "",
    }  # fmt: skip


def test_it_runs_only_on_request(dag):
    assert dag.schedule is None
    assert dag.is_paused_upon_creation is False
    assert dag.doc_md
    assert dag.description


def test_the_form_offers_the_sources(dag):
    assert dag.params.get_param("source").schema["enum"] == known_sources()


def test_its_task_has_docs_an_owner_and_a_timeout(dag):
    (task,) = dag.tasks
    assert (task.owner, bool(task.doc_md)) == ("data-platform", True)
    assert task.execution_timeout <= timedelta(minutes=20)
    assert dag.dagrun_timeout == timedelta(hours=1)
