"""The local Airflow gets what Terraform writes on AWS."""

from crypto_prices.form_choices import CHOICES_FILE, parse_choices

from local_platform.airflow_environment import airflow_environment, choices_file
from local_platform.running_platform import write_choices


def test_the_trigger_forms_offer_the_markets_of_the_command_line(tmp_path):
    write_choices(tmp_path, {"coinbase": ("BTC-USD",), "binance": ("BTCUSDT", "ETHUSDT")})
    assert airflow_environment(tmp_path, {})["AIRFLOW__CRYPTO_PRICES__CHOICES_FILE"] == str(choices_file(tmp_path))
    choices = parse_choices(choices_file(tmp_path).read_text())
    assert choices.sources == ["binance", "coinbase"]
    assert choices.symbols == {"BTC-USD": ["coinbase"], "BTCUSDT": ["binance"], "ETHUSDT": ["binance"]}
    assert choices_file(tmp_path).name == CHOICES_FILE
