"""The choices of the trigger forms."""

import json
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from crypto_prices.fetch.sources import known_sources
from crypto_prices.form_choices import CHOICES_FILE, Choices, parse_choices, read_choices

DAGS = Path(__file__).parents[3] / "dags"
TEXT = json.dumps({"coinbase": ["BTC-USD"], "binance": ["ETHUSDT", "BTCUSDT"], "otherex": ["BTCUSDT"]})


def test_the_form_offers_the_sources_and_symbols_of_the_file(tmp_path):
    (tmp_path / CHOICES_FILE).write_text(TEXT)
    choices = read_choices(tmp_path)
    sources, symbols = choices.sources_param("Sources"), choices.symbols_param("Symbols")
    assert sources.schema["examples"] == ["binance", "coinbase", "otherex"]
    assert symbols.schema["examples"] == ["BTC-USD", "BTCUSDT", "ETHUSDT"]
    assert symbols.schema["values_display"] == {
        "BTC-USD": "BTC-USD (coinbase)",
        "BTCUSDT": "BTCUSDT (binance, otherex)",
        "ETHUSDT": "ETHUSDT (binance)",
    }


def test_a_symbol_that_the_file_does_not_have_is_accepted(tmp_path):
    """The settings may be newer than the file. Tasks check the params against the settings."""
    (tmp_path / CHOICES_FILE).write_text(TEXT)
    assert read_choices(tmp_path).symbols_param("Symbols").resolve(["SOLUSDT"]) == ["SOLUSDT"]


@pytest.mark.parametrize("text", [None, "", "[]", '{"binance": "BTCUSDT"}', '{"binance": [1]}', "{"])
def test_without_a_valid_file_all_sources_are_offered_and_symbols_are_typed(tmp_path, text):
    if text is not None:
        (tmp_path / CHOICES_FILE).write_text(text)
    choices = read_choices(tmp_path)
    assert choices == Choices(known_sources(), {})
    assert "examples" not in choices.symbols_param("Symbols").schema


def test_a_file_with_another_form_is_named():
    with pytest.raises(ValueError, match="list of symbols by source"):
        parse_choices('{"binance": "BTCUSDT"}')


def test_the_option_of_airflow_names_another_file(tmp_path, monkeypatch):
    (tmp_path / "other.json").write_text(TEXT)
    monkeypatch.setenv("AIRFLOW__CRYPTO_PRICES__CHOICES_FILE", str(tmp_path / "other.json"))
    assert read_choices(Path("/nowhere")) == parse_choices(TEXT)


@pytest.fixture
def dags(tmp_path, monkeypatch):
    (tmp_path / "choices.json").write_text(TEXT)
    monkeypatch.setenv("AIRFLOW__CRYPTO_PRICES__CHOICES_FILE", str(tmp_path / "choices.json"))
    return DagBag(dag_folder=DAGS).dags


def test_each_list_of_sources_symbols_and_reasons_is_a_choice(dags):
    offered = {
        (dag_id, name): dag.params.get_param(name).schema.get("examples")
        for dag_id, dag in dags.items()
        for name in dag.params
        # A rebuild writes the manifests, not a person.
        if "array" in dag.params.get_param(name).schema.get("type", ()) and name != "raw_manifests"
    }
    assert {name for _, name in offered} == {"sources", "symbols", "accepted_sources", "ask_again"}
    assert all(offered.values())
    assert offered["crypto_prices_backfill", "symbols"] == ["BTC-USD", "BTCUSDT", "ETHUSDT"]


def test_the_form_of_a_backfill_begins_with_the_dry_run(dags):
    assert next(iter(dags["crypto_prices_backfill"].params)) == "dry_run"
