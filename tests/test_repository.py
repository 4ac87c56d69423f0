"""The README, the Makefile, the lock file and CI are consistent."""

import ast
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text()


def dry_run(*command: str) -> str:
    """Return the commands that make would run."""
    return subprocess.run(
        ["make", "--dry-run", *command], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout


def locked(file: str = "requirements.lock") -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^ \\]+)", (REPOSITORY / file).read_text(), re.MULTILINE))


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\bmake ([a-z-]+)", README))))
def test_every_target_in_the_readme_exists(target):
    dry_run(target)


def test_make_without_a_target_lists_every_target():
    listed = subprocess.run(["make"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    for target in re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE):
        assert f"make {target} " in listed


def test_the_list_of_targets_is_grouped_by_purpose_and_has_their_options():
    listed = subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    _, *groups = listed.split("\n\n")
    targets = {group.splitlines()[0]: re.findall(r"^  make ([a-z-]+) ", group, re.MULTILINE) for group in groups}
    assert targets["Break it on purpose"] == ["chaos"]
    assert targets["Deploy"] == ["bundle", "preflight", "release", "prove"]
    assert re.search(r"make local-aws .*\n +WAREHOUSE_PORT=5440 +another port for psql\n +STATE= AWS_PORT= ", listed)


@pytest.mark.parametrize(
    "command", [("backfill", "DRYRUN=1"), ("demo", "DAY=2024-01-01"), ("backfill", "DATE=2024-01-01")]
)
def test_a_variable_that_a_target_does_not_have_is_refused(command):
    target, variable = command
    done = subprocess.run(
        ["make", "--no-print-directory", "--dry-run", target, variable],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert variable.partition("=")[0] in done.stderr
    assert "SYMBOLS" in done.stderr
    assert not done.stdout


def test_makes_variables_become_options_of_the_demo():
    command = dry_run("demo", "DATE=2023-12-18", "SYMBOLS=BTCUSDT,ETHUSDT", "MARKET_DATA=some folder", "RELOAD=1")
    words = command.replace("\\\n", " ").split("-m dev demo")[1]
    for option in ("--date '2023-12-18'", "--symbols 'BTCUSDT,ETHUSDT'", "--market-data 'some folder'", "--reload"):
        assert option in words
    assert "--live" not in words
    assert "--live" in dry_run("demo", "LIVE=1")
    assert "--live" not in dry_run("demo", "LIVE=0")


def test_makes_variables_become_options_of_the_backfill():
    options = ("FROM=2024-01-01", "TO=2024-01-07", "MAX_ACTIVE_RUNS=2", "REPROCESS=failed", "BACKWARDS=1", "DRY_RUN=1")
    words = dry_run("backfill", *options, "SYMBOLS=BTCUSDT").replace("\\\n", " ").split("-m dev backfill")[1]
    for option in ("--from '2024-01-01'", "--to '2024-01-07'", "--max-active-runs '2'", "--reprocess 'failed'"):
        assert option in words
    assert "--backwards" in words
    assert "--symbols 'BTCUSDT'" in words
    assert "--backwards" not in dry_run("backfill", "FROM=2024-01-01", "TO=2024-01-07", "BACKWARDS=0")


def test_makes_variables_become_options_of_airflow():
    words = dry_run("airflow", "PORT=8081", "SYMBOLS=BTCUSDT").split("-m dev airflow")[1]
    assert "--port '8081'" in words
    assert "--symbols 'BTCUSDT'" in words


@pytest.mark.parametrize("target", ["demo", "airflow", "backfill", "sql", "report", "explain", "doctor", "local-aws"])
def test_state_and_port_of_the_local_aws_reach_every_program(target):
    words = dry_run(target, "STATE=some folder", "AWS_PORT=4567").replace("\\\n", " ")
    assert "--state-dir 'some folder'" in words
    assert re.search(r"--(aws-)?port '4567'", words)
    default = dry_run(target, *(f"{name}=" for name in ("STATE", "AWS_PORT")))
    assert "--state-dir" not in default
    assert "4567" not in default


def test_the_report_is_written_to_the_chosen_file():
    assert "--out 'some folder/page.html'" in dry_run("report", "OUT=some folder/page.html")
    assert "--out" not in dry_run("report")


def test_the_state_folder_reaches_the_chaos_bench():
    assert "--state-dir 'some folder'" in dry_run("chaos", "STATE=some folder")


STATEMENTS = ("SELECT '$1', \"a\" FROM t WHERE x = '$(shell date)' -- $$", "SELECT 1\nFROM t", "")


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_statement_reaches_the_program_as_it_was_typed(tmp_path, statement):
    program = tmp_path / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nprintf %s "$SQL_STATEMENT" > statement; printf "%s " "$@" > arguments\n')
    (tmp_path / "setup.sh").write_text("#!/bin/sh\n")
    for script in (program, tmp_path / "setup.sh"):
        script.chmod(0o755)
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    command = ["make", "--silent", "sql", f"SQL={statement}", "FORMAT=csv"]
    subprocess.run(command, cwd=tmp_path, check=True)
    assert (tmp_path / "statement").read_text() == statement
    assert (tmp_path / "arguments").read_text().strip() == "-m dev sql --format csv"


def test_the_question_reaches_the_program_without_being_run(tmp_path):
    program = tmp_path / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nprintf "%s|" "$@" > arguments\n')
    (tmp_path / "setup.sh").write_text("#!/bin/sh\n")
    for script in (program, tmp_path / "setup.sh"):
        script.chmod(0o755)
    shutil.copy(REPOSITORY / "Makefile", tmp_path)
    market = "BTC'; touch x; `touch y`; \""
    command = ["make", "--silent", "explain", f"MARKET={market}", "SOURCE=binance", "AT=2024-01-05T13:00"]
    subprocess.run(command, cwd=tmp_path, check=True)
    options = f"--market|{market}|--source|binance|--at|2024-01-05T13:00|"
    assert (tmp_path / "arguments").read_text() == f"-m|dev|explain|{options}"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".venv", "Makefile", "arguments", "setup.sh"]


def test_clean_deletes_only_state_folders(tmp_path):
    def clean(*arguments):
        return subprocess.run(
            ["make", "--silent", "--file", REPOSITORY / "Makefile", "clean", *arguments],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip

    for folder in (".local", "other", "state/moto"):
        (tmp_path / folder).mkdir(parents=True)
    refused = clean("STATE=other")
    assert refused.returncode != 0
    assert "STATE=other is not a state folder" in refused.stderr
    assert clean("STATE=state").returncode == clean("STATE=nowhere").returncode - 2 == 0
    assert clean().returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_hooks_of_pre_commit_run_commands_of_make_lint():
    hooks = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert len(hooks) >= 5
    commands = dry_run("lint")
    for hook in hooks:
        command = hook["entry"].removeprefix("env ")
        assert re.search(rf"(^|echo ){re.escape(command)}( |$)", commands, re.MULTILINE), f"not in make lint: {command}"


def test_a_clone_has_the_line_endings_of_the_repository_whatever_git_is_configured_to_do(tmp_path):
    """With core.autocrlf=true, git would write scripts that no shell starts: 'bash\\r' not found."""

    def git(*arguments):
        options = ["-c", "core.autocrlf=true", "-c", "user.name=t", "-c", "user.email=t@example.com"]
        subprocess.run(["git", *options, *arguments], check=True, capture_output=True, timeout=60)

    original, clone = tmp_path / "original", tmp_path / "clone"
    original.mkdir()
    names = (".gitattributes", "setup.sh", "Makefile", "sql/plan/find_current_loads.sql", "docker/make_keys.sh")
    for name in names:
        (original / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, original / name)
    git("-C", str(original), "init")
    git("-C", str(original), "add", ".")
    git("-C", str(original), "commit", "-m", "files")
    git("clone", str(original), str(clone))
    assert [name for name in names if (clone / name).read_bytes() != (REPOSITORY / name).read_bytes()] == []


def test_every_shell_script_is_linted():
    """Scripts that tests write are in strings, and have no file."""
    found = subprocess.run(
        ["git", "grep", "--untracked", "-lE", r"^#!.*\b(ba)?sh\b", "--", ".", ":!tests", ":!*.py", ":!*.md"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    (command,) = re.findall(r"^\S*shellcheck (.*)$", dry_run("lint"), re.MULTILINE)
    assert {"setup.sh", ".github/scripts/fetch-release"} <= set(found)
    assert set(found) == set(command.split())


def run_ci(tmp_path, *, market_data_beside=False, **environment):
    """Run .ci/run in a checkout with a fake make that only records its arguments and MARKET_DATA."""
    checkout = tmp_path / "checkout"
    (checkout / ".ci").mkdir(parents=True)
    shutil.copy(REPOSITORY / ".ci" / "run", checkout / ".ci" / "run")
    shutil.copy(REPOSITORY / "README.md", checkout)
    if market_data_beside:
        (tmp_path / "shared" / "market-data" / "binance-1h").mkdir(parents=True)
    make = tmp_path / "bin" / "make"
    make.parent.mkdir()
    make.write_text(f'#!/bin/sh\necho "make $* MARKET_DATA=$MARKET_DATA" >> {tmp_path}/calls\n')
    make.chmod(0o755)
    inherited = {name: value for name, value in os.environ.items() if name != "MARKET_DATA"}
    path = f"{make.parent}:{os.environ['PATH']}"
    subprocess.run([checkout / ".ci" / "run"], check=True, env=inherited | {"PATH": path} | environment)
    return (tmp_path / "calls").read_text().splitlines()


def test_ci_runs_lint_the_sql_examples_and_the_test_command_of_the_readme(tmp_path):
    calls = run_ci(tmp_path)
    expected = ["make lint", "make test-compose", "make conformance PART=sql", "make test"]
    assert [call.partition(" MARKET_DATA=")[0] for call in calls] == expected


def test_ci_uses_the_market_data_beside_the_checkout_unless_market_data_is_set(tmp_path):
    beside = tmp_path / "a" / "shared" / "market-data" / "binance-1h"
    found = run_ci(tmp_path / "a", market_data_beside=True)[-1].partition("MARKET_DATA=")[2]
    assert Path(found).resolve() == beside
    assert run_ci(tmp_path / "b", market_data_beside=True, MARKET_DATA="/mine")[-1] == "make test MARKET_DATA=/mine"
    assert run_ci(tmp_path / "c")[-1] == "make test MARKET_DATA="


def test_the_lock_file_pins_the_spark_version_of_glue():
    assert locked()["pyspark"] == "4.1.1"


def test_mwaas_requirements_match_the_lock_file():
    required = re.findall(r"^([a-z-]+)==(\S+)$", (REPOSITORY / "requirements.txt").read_text(), re.MULTILINE)
    assert required
    for package, version in required:
        assert locked()[package] == version


def test_every_dependency_is_locked_with_hashes():
    text = (REPOSITORY / "requirements.lock").read_text()
    assert len(re.findall(r"^[a-z0-9-]+==", text, re.MULTILINE)) > 200
    for block in re.split(r"\n(?=[a-z0-9])", text.strip()):
        assert "--hash=sha256:" in block, block.splitlines()[0]
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    for name, group in project["dependency-groups"].items():
        # checkov's pins conflict with ours. Go and Java are installed only where there is none.
        known = locked(f"requirements-{name}.lock" if name in ("checkov", "go", "java") else "requirements.lock")
        for dependency in group:
            assert re.split(r"[\[=<>]", dependency)[0] in known, dependency


def imported_modules(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            found |= {f"{origin}.{name.name}" for name in node.names}
    return found


def test_tests_share_code_only_through_tests_support():
    shared = {
        f"{path.relative_to(REPOSITORY)} imports {module}"
        for path in (REPOSITORY / "tests").rglob("*.py")
        for module in imported_modules(path)
        if module.startswith((".", "tests", "conftest", "test_")) and not module.startswith("tests.support.")
    }
    assert shared == set()


def test_the_tests_of_the_emulator_know_nothing_of_this_platform():
    """local_aws and its tests could become a repository of their own."""
    roots = ("bundle", "crypto_prices", "dev", "local_exchange", "local_platform")
    waiting = list((REPOSITORY / "tests" / "local_aws").rglob("*.py"))
    seen = set()
    while waiting:
        path = waiting.pop()
        modules = imported_modules(path)
        assert [module for module in modules if module.startswith(roots)] == [], path
        seen.add(path)
        support = {
            REPOSITORY / f"tests/support/{module.split('.')[2]}.py" for module in modules if "support." in module
        }
        waiting += support - seen
    assert REPOSITORY / "tests/support/programs.py" in seen


def test_marks_come_from_fixtures_and_never_from_a_test():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    marks = {line.partition(":")[0] for line in project["tool"]["pytest"]["ini_options"]["markers"]}
    fixtures = set(re.findall(r"^def starts_(\w+)\(", (REPOSITORY / "tests" / "conftest.py").read_text(), re.MULTILINE))
    assert marks == fixtures
    written = re.compile(rf"\bmark\.({'|'.join(marks)})\b")
    assert [path for path in (REPOSITORY / "tests").rglob("*.py") if written.search(path.read_text())] == []


def test_the_fast_tests_are_those_without_a_mark():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    marks = [line.partition(":")[0] for line in project["tool"]["pytest"]["ini_options"]["markers"]]
    assert f"-m 'not ({' or '.join(marks)})'" in dry_run("test-fast")
