import re
import subprocess
import sys
from pathlib import Path

import pytest

from bundle.__main__ import main, report
from bundle.build import read_bundle, write_bundle
from bundle.label import VERSION, unlabelled
from bundle.preflight.checks import CHECKS, CURRENT, Result
from bundle.preflight.finding import Finding

REPOSITORY = Path(__file__).parents[2]


def test_a_built_bundle_passes_every_check(tmp_path, capsys, built):
    dist = tmp_path / "dist"
    assert main(["build", "--dist", str(dist)]) == 0
    shown = capsys.readouterr().out
    written = read_bundle(dist)
    assert unlabelled(written) == built
    version = written[VERSION].decode().strip()
    assert f"{len(built) + 2} files in {dist}, version {version}" in shown
    (row,) = [line.split() for line in shown.splitlines() if line.startswith("plugins.zip ")]
    assert row[1] == f"{len(built['plugins.zip']):,}"
    assert len(row[2]) == 12

    assert main(["preflight", "--dist", str(dist)]) == 0
    shown = capsys.readouterr().out
    assert "PROBLEM" not in shown
    assert [line.split("  ")[0] for line in shown.splitlines() if " passed " in line] == [*CHECKS, CURRENT]


def test_a_folder_that_is_not_a_checkout_is_named(tmp_path, capsys):
    assert main(["build", "--checkout", str(tmp_path), "--dist", str(tmp_path / "dist")]) == 1
    assert f"{tmp_path}/dags is not a folder" in capsys.readouterr().err
    assert not (tmp_path / "dist").exists()


def test_a_missing_bundle_is_reported(tmp_path, capsys):
    assert main(["preflight", "--dist", str(tmp_path / "dist")]) == 1
    assert "make bundle" in capsys.readouterr().err


def test_every_problem_is_shown_and_fails(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("bundle.preflight.checks.CHECKS", {"sizes": CHECKS["sizes"], "complete": CHECKS["complete"]})
    write_bundle({"plugins.zip": b"no zip", "catalog_table.json": b"{}"}, tmp_path / "dist")
    arguments = ["preflight", "--dist", str(tmp_path / "dist")]
    assert main([*arguments, "--no-checkout"]) == 1
    shown = capsys.readouterr().out
    assert "PROBLEM (complete) requirements.txt\n    it is missing\n    -> " in shown
    assert "PROBLEM (complete) plugins.zip\n    it is not a readable zip file" in shown
    assert CURRENT not in shown
    assert main(arguments) == 1
    assert re.search(rf"and \d+ more \({CURRENT}\), most likely with the same cause", capsys.readouterr().out)
    monkeypatch.setattr("bundle.__main__.MOST_SHOWN", 1000)
    assert main(arguments) == 1
    assert f"PROBLEM ({CURRENT}) requirements.txt\n    stale" in capsys.readouterr().out


def test_a_python_without_the_needed_packages_is_the_only_error(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("bundle.__main__.LOADED_WITH", ("airflow", "no_such_module"))
    assert main(["preflight", "--dist", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"{sys.executable} cannot import no_such_module: run `make preflight`" in shown.err


def test_a_warning_is_shown_and_passes():
    results = [Result("sizes", (Finding("x", "large", "look at it", warning=True),)), Result("complete", ())]
    assert not any(result.failed for result in results)
    shown = report(results)
    assert "warning (sizes) x\n    large\n    -> look at it" in shown
    assert [line.split() for line in shown.splitlines()[-2:]] == [
        ["sizes", "passed", "0", "1"], ["complete", "passed", "0", "0"],
    ]  # fmt: skip


@pytest.mark.parametrize("arguments", [["--help"], ["build", "--help"], ["preflight", "--help"]])
def test_help_needs_only_the_standard_library(arguments):
    done = subprocess.run(
        [sys.executable, "-S", "-m", "bundle", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert "usage: python -m bundle" in done.stdout
