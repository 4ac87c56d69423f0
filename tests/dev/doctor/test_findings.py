import os
import pwd
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from dev.doctor import leftovers, machine
from dev.doctor.command import findings, main, parse_options
from dev.doctor.finding import Finding, Grade, fine
from dev.doctor.leftovers import leftover_findings, names_a_folder
from dev.doctor.machine import disk_findings, foreign_file, locale_finding, user_findings
from dev.doctor.ports import WantedPort, port_findings
from dev.doctor.software import java_finding, java_version, link_findings, python_finding
from local_aws.ports import bound_socket
from local_platform.checkout import REPOSITORY

GIGABYTE = 10**9


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "checkout"
    (folder / ".venv" / "java" / "bin").mkdir(parents=True)
    (folder / ".venv" / "setup-stamp").touch()
    (folder / "sql").mkdir()
    (folder / "dags").mkdir()
    (folder / "dags" / "sql").symlink_to("../sql")
    return folder


def write_java(checkout, script):
    java = checkout / ".venv" / "java" / "bin" / "java"
    java.write_text(f"#!/bin/sh\n{script}\n")
    java.chmod(0o755)


def graded(found):
    return [(finding.check, finding.grade) for finding in found]


def test_a_finding_is_one_line_with_what_to_do():
    assert fine("disk", "free").line == "ok     disk       free"
    assert Finding("user", Grade.WRONG, "no name", "add one").line == "WRONG  user       no name: add one"


def test_every_check_of_a_good_machine_is_one_line(checkout, tmp_path, monkeypatch):
    write_java(checkout, "echo 'openjdk version \"17.0.2\" 2022-01-18' >&2")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    options = parse_options(["--port", "0", "--warehouse-port", "0", "--aws-port", "0", "--state-dir", str(tmp_path)])
    found = list(findings(options, checkout))
    assert [finding.check for finding in found] == ["python", "java", "disk", "user", "locale", "ports", "leftovers"]
    assert all("\n" not in finding.line for finding in found)
    assert not [finding for finding in found if finding.grade is Grade.WRONG]


def test_the_exit_code_is_1_if_something_is_wrong(monkeypatch, capsys):
    monkeypatch.setattr("dev.doctor.command.findings", lambda *_: [fine("a", "b"), Finding("c", Grade.NOTE, "d", "e")])
    assert main([]) == 0
    monkeypatch.setattr("dev.doctor.command.findings", lambda *_: [Finding("c", Grade.WRONG, "d", "e"), fine("a", "b")])
    assert main([]) == 1
    assert capsys.readouterr().out.splitlines()[-2:] == ["WRONG  c          d: e", "ok     a          b"]


def test_it_needs_the_standard_library_only():
    """-S leaves out site-packages, as before make setup."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "dev", "doctor", "--help"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'plugins'}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "usage: python -m dev doctor" in done.stdout


def test_an_unfinished_setup_is_a_note(checkout):
    assert python_finding(checkout).grade is Grade.FINE
    (checkout / ".venv" / "setup-stamp").unlink()
    assert python_finding(checkout).grade is Grade.NOTE
    assert java_finding(checkout).grade is Grade.NOTE


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ('openjdk version "21.0.5" 2024-10-15', 21),
        ('Picked up JAVA_TOOL_OPTIONS: -Dx="version 8"\nopenjdk version "17.0.2" 2022-01-18\nOpenJDK …', 17),
        ('java version "1.8.0_392"', 1),
        ("Error: could not create the Java Virtual Machine", None),
    ],
)
def test_the_version_of_java_is_found_after_other_lines(output, version):
    assert java_version(output) == version


def test_an_old_or_broken_java_is_wrong_and_tool_options_are_not(checkout, monkeypatch):
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-agentpath:/nowhere")
    write_java(checkout, '[ -z "$JAVA_TOOL_OPTIONS" ] && echo \'openjdk version "17.0.2"\' >&2')
    assert java_finding(checkout).grade is Grade.FINE
    write_java(checkout, "echo 'java version \"11.0.2\"' >&2")
    assert java_finding(checkout).grade is Grade.WRONG
    write_java(checkout, "exit 1")
    assert java_finding(checkout).grade is Grade.WRONG
    (checkout / ".venv" / "java" / "bin" / "java").chmod(0o644)
    assert java_finding(checkout).grade is Grade.WRONG


def test_a_link_that_git_wrote_as_a_file_is_wrong(checkout):
    assert list(link_findings(checkout)) == []
    (checkout / "dags" / "sql").unlink()
    (checkout / "dags" / "sql").write_text("../sql")
    (finding,) = link_findings(checkout)
    assert finding.grade is Grade.WRONG
    assert "core.symlinks" in finding.todo


def test_a_full_disk_is_wrong_and_names_the_variable(checkout, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=GIGABYTE * 9))
    assert graded(disk_findings(checkout, tmp_path / "new" / "state")) == [("disk", Grade.FINE)]
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=GIGABYTE * 6 // 10))
    (finding,) = disk_findings(checkout, tmp_path / "new" / "state")
    assert finding.grade is Grade.WRONG
    assert "0.6 GB free and needs 1.0 GB" in finding.what
    assert "STATE=<folder>" in finding.todo


def test_a_disk_that_takes_no_file_is_wrong(checkout, tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "unwritable_reason", lambda folder: "Read-only file system")
    found = list(disk_findings(checkout, tmp_path))
    assert {finding.grade for finding in found} == {Grade.WRONG}
    assert "Read-only file system" in found[0].what


def test_a_user_without_a_name_is_wrong(checkout, tmp_path, monkeypatch):
    assert graded(user_findings(checkout, tmp_path)) == [("user", Grade.FINE)]
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)
    (finding,) = user_findings(checkout, tmp_path)
    assert finding.grade is Grade.WRONG
    assert "/etc/passwd" in finding.what


def test_files_that_belong_to_another_user_are_found(checkout, tmp_path, monkeypatch):
    """As after ``sudo make demo``."""
    state = tmp_path / "state"
    (state / "warehouse").mkdir(parents=True)
    (state / "warehouse" / "PG_VERSION").touch()
    assert foreign_file(state) is None
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    monkeypatch.setattr(pwd, "getpwuid", lambda user: SimpleNamespace(pw_name="me" if user == 4242 else "other"))
    found = list(user_findings(checkout, state))
    assert {finding.grade for finding in found} == {Grade.WRONG}
    assert f"{state} belongs to other, and you are me" in found[0].what
    assert found[0].todo == f"sudo chown -R me {state}"


def test_an_encoding_without_every_character_is_wrong_for_such_paths_only(monkeypatch):
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "ascii")
    assert locale_finding(Path("/plain"), Path("/plain/.local")).grade is not Grade.WRONG
    finding = locale_finding(Path("/für"), Path("/für/.local"))
    assert finding.grade is Grade.WRONG
    assert "LC_ALL=" in finding.todo


def test_a_port_of_another_program_is_wrong_and_names_the_variable():
    with bound_socket(0) as taken:
        taken.listen()
        port = taken.getsockname()[1]
        wanted = [WantedPort("PORT", port, "Airflow's UI", "make airflow")]
        (finding,) = port_findings(wanted, {})
        assert finding.grade is Grade.WRONG
        assert finding.todo == "make airflow PORT=<another port>"
        (finding,) = port_findings(wanted, {port: 12})
        assert finding.grade is Grade.FINE
        assert "process 12 of this platform" in finding.what


WAITING = "import time; time.sleep(60)"


@contextmanager
def running(*command):
    """Run a program until the end of the test, and wait until it shows its own command line."""
    process = subprocess.Popen([*map(str, command)])
    try:
        deadline = time.monotonic() + 10
        while leftovers.processes().get(process.pid, "").split("\0")[-1] != str(command[-1]):
            assert time.monotonic() < deadline
        yield process.pid
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def supervisor(tmp_path):
    """A program with the name of one that the local AWS starts."""
    script = tmp_path / "postgres_supervisor.py"
    script.write_text(WAITING)
    return script


@pytest.fixture
def state(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


def test_a_process_that_was_left_behind_is_found_unless_the_platform_runs(state, tmp_path, supervisor):
    with running(sys.executable, supervisor, "supervise", state / "warehouse") as left:
        (finding,) = leftover_findings(state, tmp_path, frozenset())
        assert (finding.grade, finding.todo) == (Grade.WRONG, f"kill {left}")
        assert graded(leftover_findings(state, tmp_path, frozenset({1}))) == [("leftovers", Grade.FINE)]


def test_a_program_of_the_user_is_not_left_behind(state, tmp_path):
    """An editor or a pager has the path of a log on its command line."""
    with running(sys.executable, "-c", WAITING, state / "logs" / "demo-airflow.log"):
        assert graded(leftover_findings(state, tmp_path, frozenset())) == [("leftovers", Grade.FINE)]


def test_a_local_aws_that_is_starting_is_not_left_behind(state, tmp_path, supervisor):
    locking = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); from pathlib import Path; "
    locking += "from local_aws.folder_lock import only_process_in\n"
    locking += f"with only_process_in(Path(sys.argv[1])): {WAITING}"
    with (
        running(sys.executable, "-c", locking, state) as starting,
        running(sys.executable, supervisor, "supervise", state / "warehouse"),
    ):
        deadline = time.monotonic() + 10
        while leftovers.lock_holder(state) != starting:
            assert time.monotonic() < deadline
        (finding,) = leftover_findings(state, tmp_path, frozenset())
        assert finding.grade is Grade.NOTE
        assert f"process {starting} uses {state}" in finding.what


@pytest.mark.parametrize(
    ("command", "ours"),
    [
        ("/v/bin/python\0-I\0-S\0/c/local_aws/redshift/postgres_supervisor.py\0supervise\0x", True),
        ("/v/bin/python3.12\0-I\0-S\0/c/local_platform/airflow_services/component_keeper.py\0/s/status", True),
        ("/v/bin/postgres\0-D\0/s/warehouse/data", True),
        ("/v/java/bin/java\0-cp\0x\0org.apache.spark.deploy.SparkSubmit\0pyspark-shell", True),
        ("/opt/idea/jbr/bin/java\0-Djava.io.tmpdir=/s/tmp\0com.intellij.idea.Main", False),
        ("vim\0/c/local_aws/redshift/postgres_supervisor.py\0/s/warehouse/postgres.log", False),
        ("less\0/s/warehouse/postgres.log", False),
        ("", False),
    ],
)
def test_programs_that_the_platform_starts(command, ours):
    assert leftovers.is_started_program(command) is ours


def test_the_started_programs_have_the_names_that_are_looked_for():
    found = {path.name for folder in ("local_aws", "local_platform") for path in (REPOSITORY / folder).rglob("*.py")}
    assert set(leftovers._PYTHON_PROGRAMS) <= found


def test_folders_that_no_process_uses_are_a_note(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    assert graded(leftover_findings(tmp_path / "state", tmp_path, frozenset())) == [("leftovers", Grade.FINE)]
    (tmp_path / "local-aws-spark-abc").mkdir()
    (tmp_path / ".dist-abc").mkdir()
    (tmp_path / "chaos-of-another-program").mkdir()
    (finding,) = leftover_findings(tmp_path / "state", tmp_path, frozenset())
    assert (finding.grade, finding.todo) == (Grade.NOTE, f"rm -r {tmp_path}/.dist-abc {tmp_path}/local-aws-spark-abc")
    used = {7: f"java\0-Djava.io.tmpdir={tmp_path}/local-aws-spark-abc\0-cp\0{tmp_path}/.dist-abc/x"}
    monkeypatch.setattr(leftovers, "processes", lambda: used)
    assert names_a_folder("x\0/a/state/warehouse", Path("/a/state"))
    assert not names_a_folder("x\0/a/state-2", Path("/a/state"))
