import os
import subprocess
import sys

from local_platform.airflow_services.environment import services_environment, shell_lines
from local_platform.checkout import REPOSITORY

URL = "http://127.0.0.1:8080"
AWS = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}
DATABASE = "postgresql+psycopg://postgres@/airflow?host=/tmp/a folder"


def environment(tmp_path, **options):
    return services_environment(tmp_path, AWS, database_url=DATABASE, url=URL, **options)


def test_the_api_server_is_on_loopback(tmp_path):
    made = environment(tmp_path)
    assert made["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == f"{URL}/execution/"
    assert made["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert made["AIRFLOW__API__PORT"] == "8080"
    assert made["AWS_ENDPOINT_URL"] == AWS["AWS_ENDPOINT_URL"]


def test_the_keys_are_created_once_and_are_private(tmp_path):
    first, second = environment(tmp_path), environment(tmp_path)
    for name in ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API__SECRET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET"):
        assert first[name] == second[name]
    assert (tmp_path / "airflow" / "keys.json").stat().st_mode & 0o077 == 0


def test_loopback_bypasses_the_proxy(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "intranet")
    assert environment(tmp_path)["NO_PROXY"] == "intranet,127.0.0.1,localhost"


def test_aws_clients_sign_as_on_mwaa_whose_image_has_no_awscrt(tmp_path):
    script = "import botocore.compat; print(botocore.compat.HAS_CRT)"
    for variables, has_crt in ((environment(tmp_path), "False"), (os.environ | {"BOTO_DISABLE_CRT": ""}, "True")):
        command = [sys.executable, "-c", script]
        assert (
            subprocess.run(command, env=variables, capture_output=True, text=True, check=True).stdout.strip() == has_crt
        )


def test_airflow_cannot_import_from_the_checkout(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    command = [sys.executable, "-c", "import local_aws"]
    assert subprocess.run(command, env=os.environ, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    found = subprocess.run(
        command, env=environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "No module named 'local_aws'" in found.stderr


def test_bytecode_is_cached_even_if_the_user_disables_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in environment(tmp_path)


def test_a_second_terminal_gets_the_same_values(tmp_path):
    made = environment(tmp_path)
    lines = tmp_path / "environment.sh"
    lines.write_text(shell_lines(made))
    script = f'. "{lines}" && printf "%s" "$AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"'
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout == DATABASE
    assert "export PATH" not in lines.read_text()
