import base64
import stat
import subprocess

from tests.support.docker_scripts import DOCKER


def make_keys(tmp_path):
    folders = [tmp_path / "airflow", tmp_path / "postgres"]
    for folder in folders:
        folder.mkdir(exist_ok=True)
    done = subprocess.run([DOCKER / "make_keys.sh", *folders], capture_output=True, text=True, check=True)
    assert [path.name for path in folders[1].iterdir()] == ["postgres_password"]
    return done.stdout.split("\n")[:-1], {path.name: path.read_text() for path in tmp_path.rglob("*_*")}


def test_keys_are_created_once_in_the_format_that_airflow_expects(tmp_path):
    lines, keys = make_keys(tmp_path)
    names = ("fernet_key", "api_secret_key", "jwt_secret", "postgres_password", "database_url")
    assert [line.split()[-1] for line in lines] == list(names)
    assert len(base64.urlsafe_b64decode(keys["fernet_key"].strip())) == 32
    hexadecimal = {keys[name] for name in ("api_secret_key", "jwt_secret", "postgres_password")}
    assert {len(bytes.fromhex(key)) for key in hexadecimal} == {32}
    assert len(hexadecimal) == 3
    assert keys["database_url"] == f"postgresql+psycopg2://airflow:{keys['postgres_password']}@postgres/airflow"
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*_*")} == {0o640}
    assert make_keys(tmp_path) == ([], keys)


def test_an_empty_key_file_is_written_again(tmp_path):
    _, keys = make_keys(tmp_path)
    (tmp_path / "airflow" / "jwt_secret").write_text("")
    lines, again = make_keys(tmp_path)
    assert [line.split()[-1] for line in lines] == ["jwt_secret"]
    assert again["jwt_secret"]
    assert again["fernet_key"] == keys["fernet_key"]
