"""docker-compose.yaml, .env.example and the Dockerfiles are consistent. Needs no Docker daemon."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from local_platform.names import Names, role_name, secret_name

REPOSITORY = Path(__file__).parents[2]
TEXT = (REPOSITORY / "docker-compose.yaml").read_text()
EXAMPLE = (REPOSITORY / ".env.example").read_text()
VARIABLES = dict(re.findall(r"^(\w+)=(.*)$", EXAMPLE, re.MULTILINE))
CHOSEN = dict(re.findall(r"^#(\w+)=(.*)$", EXAMPLE, re.MULTILINE))


@pytest.fixture(scope="module")
def composition():
    return yaml.safe_load(TEXT)


def filled_in(text, **others):
    return re.sub(r"\$\{(\w+)[^}]*\}", lambda found: (VARIABLES | CHOSEN | others)[found[1]], text).replace("$$", "$")


def test_exactly_the_variables_of_the_example_are_used():
    used = set(re.findall(r"\$\{(\w+)", TEXT))
    # Compose itself reads the profiles.
    assert used | {"COMPOSE_PROFILES"} == set(VARIABLES) | set(CHOSEN)
    assert {name: re.findall(rf"\$\{{{name}:-([^}}]*)\}}", TEXT) for name in CHOSEN} == {
        name: [default] for name, default in CHOSEN.items()
    }


def test_every_group_of_variables_in_the_example_has_a_comment_or_a_heading():
    for before, group in pairwise(EXAMPLE.strip().split("\n\n")):
        assert group.startswith("#") or before.startswith("# ----"), group


def test_variables_without_a_default_are_required_with_a_message():
    with_default = set(re.findall(r"\$\{(\w+):-", TEXT))
    assert with_default == {*CHOSEN, "AIRFLOW_PORT", "WAREHOUSE_PORT", "LOCAL_AWS_PORT"}
    assert all(name == named for name, named in re.findall(r"\$\{(\w+):?\?(\w+) ", TEXT))
    used_in_airflow = TEXT[: TEXT.index("x-local-aws")]
    assert re.findall(r"\$\{(\w+)\}", used_in_airflow) == []


def test_terraforms_env_file_has_everything_except_credentials():
    from crypto_prices.fetch.sources.binance import BinanceSource

    outputs = (REPOSITORY / "terraform" / "outputs.tf").read_text()
    written = set(re.findall(r"^    ([A-Z0-9_]+) +=", outputs, re.MULTILINE))
    required = set(re.findall(r"\$\{(\w+):?\?", TEXT))
    credentials = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    assert written == required - credentials | {"COMPOSE_PROJECT_NAME", "COMPOSE_PROFILES"}
    assert f'null), "{BinanceSource.default_api_url}")' in outputs


def test_the_bundle_accepts_the_settings_of_the_example(composition):
    from crypto_prices.settings import parse_settings

    text = composition["x-airflow"]["environment"]["AIRFLOW_VAR_CRYPTO_PRICES_SETTINGS"]
    settings = parse_settings(filled_in(text))
    assert settings.s3_bucket == VARIABLES["S3_BUCKET"]
    assert settings.sources["binance"].api_url == VARIABLES["API_URL"]


def test_a_market_that_the_exchange_no_longer_lists_can_be_stated(composition):
    from crypto_prices.settings import parse_settings

    text = composition["x-airflow"]["environment"]["AIRFLOW_VAR_CRYPTO_PRICES_SETTINGS"]
    assert parse_settings(filled_in(text)).sources["binance"].markets == {}
    stated = filled_in(text, SYMBOLS='["BCCUSDT"]', MARKETS='{"BCCUSDT": "BCC/USDT"}')
    assert parse_settings(stated).sources["binance"].markets == {"BCCUSDT": "BCC/USDT"}


def test_the_secrets_backend_serves_only_connections(composition):
    from airflow.providers.amazon.aws.secrets.secrets_manager import SecretsManagerBackend

    arguments = json.loads(filled_in(composition["x-airflow"]["environment"]["AIRFLOW__SECRETS__BACKEND_KWARGS"]))
    backend = SecretsManagerBackend(**arguments)
    assert backend.connections_prefix == "airflow/connections"
    assert backend.get_variable("crypto_prices_settings") is None


def test_the_local_aws_can_create_the_resources_of_the_example(composition):
    from local_platform.__main__ import names_of, parse_options

    command = [filled_in(argument) for argument in composition["services"]["local-aws"]["command"]]
    options = parse_options(command[1:])
    assert (options.host, options.warehouse_port, options.settings) == ("0.0.0.0", 5439, False)
    assert str(options.published_warehouse_port) == VARIABLES["WAREHOUSE_PORT"]
    # A Glue run takes up to 1.5 GB, and the emulator needs memory, too.
    assert options.glue_runs_at_once * 1.5 < int(composition["services"]["local-aws"]["mem_limit"].removesuffix("g"))
    # The same names as `make local-aws`, so that the documentation fits both.
    assert names_of(options) == Names()
    assert secret_name(VARIABLES["REDSHIFT_SECRET_ARN"], VARIABLES["AWS_REGION"]) == Names().admin_secret
    assert role_name(VARIABLES["REDSHIFT_COPY_ROLE"]) == Names().copy_role


def test_each_service_can_import_its_part_of_the_bundle(composition):
    services = composition["services"]
    # Airflow adds plugins/ to sys.path itself, but this program runs before Airflow.
    assert "PYTHONPATH=/usr/local/airflow/plugins" in services["airflow-init"]["entrypoint"]
    assert "./plugins:/usr/local/airflow/plugins:ro" in services["airflow-init"]["volumes"]
    assert "PYTHONPATH=/opt/crypto-prices/plugins\n" in (REPOSITORY / "docker" / "local-aws.Dockerfile").read_text()
    contract = "crypto_prices_contract"
    assert f"./plugins/{contract}:/opt/crypto-prices/plugins/{contract}:ro" in services["local-aws"]["volumes"]
    assert services["local-aws"]["command"][0] == "local_platform"
    assert services["exchange"]["command"][0] == "local_exchange"


def test_each_image_is_built_by_one_service(composition):
    # With the containerd image store, two simultaneous builds of one name fail: the name "already exists".
    built = [service["image"] for service in composition["services"].values() if "build" in service]
    assert sorted(built) == ["crypto-prices-airflow", "crypto-prices-local-aws"]


def test_requests_to_other_services_bypass_the_proxy(composition):
    for anchor in ("x-airflow", "x-local-aws"):
        for name in ("NO_PROXY", "no_proxy"):
            direct = set(composition[anchor]["environment"][name].split(","))
            assert {"localhost", "127.0.0.1", "api-server", "local-aws", "exchange", "postgres"} <= direct


def test_images_built_here_are_never_pulled(composition):
    built = [one for one in composition["services"].values() if one["image"].startswith("crypto-prices-")]
    assert len(built) == 8
    assert {one["pull_policy"] for one in built} == {"never"}


def test_container_logs_have_a_maximum_size(composition):
    assert all(service["logging"]["options"]["max-size"] for service in composition["services"].values())


def test_ports_are_published_on_loopback_only(composition):
    published = [port for service in composition["services"].values() for port in service.get("ports", [])]
    assert len(published) == 3
    assert all(str(port).startswith("127.0.0.1:") for port in published)


def test_every_service_has_a_memory_limit_and_every_lasting_one_a_health_check(composition):
    for name, service in composition["services"].items():
        assert "mem_limit" in service, name
        assert service["restart"] == "no" or "healthcheck" in service, name


@pytest.mark.parametrize("name", ["airflow", "local-aws"])
def test_images_are_pinned_and_run_as_an_unprivileged_user(name):
    lines = (REPOSITORY / "docker" / f"{name}.Dockerfile").read_text().splitlines()
    image = next(line for line in lines if line.startswith("ARG")).partition("=")[2]
    assert re.search(r":.*\d+\.\d+", image)
    assert f":-{image}}}" in TEXT
    assert [line for line in lines if line.startswith("USER")][-1].split()[1].isdigit()
    assert [line for line in lines if line.startswith("USER")][-1] != "USER 0"
