import pytest

from bundle.preflight import isolated_process
from bundle.preflight.isolated_process import ProbeError, run_probe

ANSWER = """
import json, os, sys
from pathlib import Path
result = {"environment": dict(os.environ), "path": sys.path, "folder": os.getcwd()}
Path(sys.argv[2]).write_text(json.dumps(result))
"""


@pytest.fixture
def probe(tmp_path, monkeypatch):
    """Write the test's own probe."""
    monkeypatch.setattr(isolated_process, "_PROBES", tmp_path)
    (tmp_path / "sandbox").mkdir()
    return lambda text: (tmp_path / "probe.py").write_text(text)


def test_the_probe_does_not_inherit_this_process(tmp_path, probe, monkeypatch):
    probe(ANSWER)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "secret")
    monkeypatch.setenv("AIRFLOW__CORE__DAGS_FOLDER", "/elsewhere")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    result = run_probe("probe", tmp_path / "sandbox", {"AIRFLOW_HOME": "/home"})
    assert "AWS_ACCESS_KEY_ID" not in result["environment"]
    assert [name for name in result["environment"] if name.startswith("AIRFLOW")] == ["AIRFLOW_HOME"]
    assert "/elsewhere" not in result["path"]
    assert str(tmp_path) not in result["path"]
    assert (result["environment"]["HOME"], result["folder"]) == (str(tmp_path / "sandbox"),) * 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise SystemExit('no way')", "exit code 1 .*: no way"),
        ("pass", "exit code 0"),
    ],
)
def test_a_probe_without_a_result_is_an_error(tmp_path, probe, text, reason):
    probe(text)
    with pytest.raises(ProbeError, match=reason):
        run_probe("probe", tmp_path / "sandbox")


def test_a_probe_is_ended_after_the_timeout(tmp_path, probe, monkeypatch):
    monkeypatch.setattr(isolated_process, "_TIMEOUT_SECONDS", 0.2)
    probe("import time\ntime.sleep(60)")
    with pytest.raises(ProbeError, match="did not end"):
        run_probe("probe", tmp_path / "sandbox")
