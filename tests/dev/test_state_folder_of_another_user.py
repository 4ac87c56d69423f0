"""Every command explains in one sentence that it cannot use a state folder. The folder's mode is 0700."""

import errno
import io
import os
import subprocess
import sys

import pytest

from dev.doctor.command import findings, parse_options
from dev.doctor.finding import Grade
from dev.doctor.machine import nearest_existing
from local_aws.state_folder import StateFolderError
from local_platform.airflow_services.local_airflow import running_airflow
from local_platform.checkout import REPOSITORY
from local_platform.local_aws_health import running_local_aws


@pytest.fixture
def closed(tmp_path, monkeypatch):
    """A folder of another user. The tests may run as root, who can enter every folder."""
    folder = tmp_path / "closed"
    folder.mkdir()

    def refusing(call, *, itself=True):
        def refuse(path, *arguments, **options):
            text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else ""
            if text.startswith(f"{folder}/") or (itself and text == str(folder)):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
            return call(path, *arguments, **options)

        return refuse

    monkeypatch.setattr(io, "open", refusing(io.open))
    monkeypatch.setattr(os, "open", refusing(os.open))
    monkeypatch.setattr(os, "stat", refusing(os.stat, itself=False))
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    monkeypatch.setattr("local_aws.state_folder.user_name", lambda user: "you" if user == 4242 else "alice")
    return folder


@pytest.mark.parametrize("look", [running_local_aws, running_airflow])
def test_a_closed_folder_names_its_owner(closed, look):
    with pytest.raises(StateFolderError, match=rf"{closed} belongs to alice, and you are you\.$"):
        look(closed)


def test_the_doctor_reports_a_closed_folder(closed, tmp_path, monkeypatch):
    assert nearest_existing(closed / "state" / "logs") == closed
    monkeypatch.setattr("dev.doctor.command.user_findings", lambda *_: ())  # the fixture's user has no name
    options = parse_options(["--port", "0", "--warehouse-port", "0", "--aws-port", "0", "--state-dir", str(closed)])
    wrong = [finding for finding in findings(options, tmp_path) if finding.grade is Grade.WRONG]
    assert ("disk", f"the state folder {closed} cannot be written to (Permission denied)") in [
        (finding.check, finding.what) for finding in wrong
    ]


@pytest.mark.parametrize(
    "command",
    [
        ("dev", "sql", "--sql", "SELECT 1"),
        ("dev", "airflow"),
        ("dev", "backfill", "--from", "2024-01-01", "--to", "2024-01-02"),
        ("local_platform.psql",),
    ],
)
def test_a_file_in_the_place_of_the_folder_is_explained_without_a_traceback(tmp_path, command):
    module, *arguments = command
    (tmp_path / "file").touch()
    ended = subprocess.run(
        [sys.executable, "-m", module, *arguments, "--state-dir", str(tmp_path / "file")],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert f"{tmp_path}/file is not a folder." in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr
