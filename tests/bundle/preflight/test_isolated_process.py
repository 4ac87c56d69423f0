import pytest

from bundle.preflight import isolated_process
from bundle.preflight.isolated_process import ProbeError, run_probe

ANSWER = """
import json, os, sys
from pathlib import Path
said = {"environment": dict(os.environ), "path": sys.path, "folder": os.getcwd()}
Path(sys.argv[2]).write_text(json.dumps(said))
"""


@pytest.fixture
def probe(tmp_path, monkeypatch):
    """Write a probe of our own."""
    monkeypatch.setattr(isolated_process, "_PROBES", tmp_path)
    (tmp_path / "sandbox").mkdir()
    return lambda text: (tmp_path / "probe.py").write_text(text)


def test_nothing_of_this_process_reaches_it(tmp_path, probe, monkeypatch):
    probe(ANSWER)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "secret")
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", "/elsewhere")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    said = run_probe("probe", tmp_path / "sandbox", {"AIRFLOW_HOME": "/home"})
    assert "AWS_ACCESS_KEY_ID" not in said["environment"]
    assert [name for name in said["environment"] if name.startswith("AIRFLOW")] == ["AIRFLOW_HOME"]
    assert "/elsewhere" not in said["path"]
    assert str(tmp_path) not in said["path"]
    assert (said["environment"]["HOME"], said["folder"]) == (str(tmp_path / "sandbox"),) * 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise SystemExit('no way')", r"exit code 1 and said: no way"),
        ("pass", "exit code 0"),
    ],
)
def test_a_probe_without_an_answer_says_why(tmp_path, probe, text, reason):
    probe(text)
    with pytest.raises(ProbeError, match=reason):
        run_probe("probe", tmp_path / "sandbox")


def test_a_probe_that_does_not_end_is_ended(tmp_path, probe, monkeypatch):
    monkeypatch.setattr(isolated_process, "_TIMEOUT_SECONDS", 0.2)
    probe("import time\ntime.sleep(60)")
    with pytest.raises(ProbeError, match="did not end"):
        run_probe("probe", tmp_path / "sandbox")
