"""``python -m dev``: the entry point of every developer command."""

import subprocess
import sys

import pytest

from dev.__main__ import COMMANDS, main
from local_platform.checkout import REPOSITORY

MAKEFILE = (REPOSITORY / "Makefile").read_text()


def test_help_and_a_missing_command_list_every_command(capsys):
    for arguments in ([], ["--help"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 0
        shown = " ".join(capsys.readouterr().out.split())
        for name, what in COMMANDS.items():
            assert f" {name} {what} " in shown


def test_an_unknown_command_is_rejected_with_a_list_of_the_known_ones(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["dance"])
    assert ended.value.code == 2
    assert "dance" in (errors := capsys.readouterr().err)
    assert all(name in errors for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_its_own_help_and_a_make_target(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: python -m dev {name} " in capsys.readouterr().out
    assert f"-m dev {name}" in MAKEFILE


@pytest.mark.parametrize("name", COMMANDS)
def test_a_wrong_option_is_answered_in_two_lines(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--no-such-option"])
    assert ended.value.code == 2
    usage, error = capsys.readouterr().err.splitlines()
    assert usage == f"usage: python -m dev {name} [options]"
    assert "--no-such-option" in error


def test_every_package_of_dev_is_a_command():
    packages = {path.parent.name for path in (REPOSITORY / "dev").glob("*/__init__.py")}
    assert packages == {name.replace("-", "_") for name in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_only_the_command_that_runs_is_imported(name):
    """Checked in a separate process, because this one has imported others already."""
    code = (
        "import runpy, sys\n"
        "sys.argv = ['dev', *sys.argv[1:]]\n"
        "try:\n"
        "    runpy.run_module('dev', run_name='__main__')\n"
        "except SystemExit:\n"
        "    print('imported', *sorted({m.split('.')[1] for m in sys.modules if m.startswith('dev.')}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, name, "--help"], cwd=REPOSITORY, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": f"{REPOSITORY}:{REPOSITORY / 'plugins'}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    imported = done.stdout.splitlines()[-1].split()[1:]
    assert set(imported) - {"__main__"} == {name.replace("-", "_")}


def test_a_command_runs_without_a_pythonpath():
    done = subprocess.run(
        [sys.executable, "-m", "dev", "demo", "--symbols", "no?sense"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False, env={},
    )  # fmt: skip
    assert done.returncode == 2
    assert "SYMBOLS: 'no?sense'" in done.stderr
