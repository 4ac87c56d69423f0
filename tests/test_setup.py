"""``setup.sh`` in a small checkout whose environment is complete, with fake programs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
JAR_FILES = ("local_aws/glue/ivy.xml", "local_aws/glue/s3a_jars.sha256")
LOCK_FILES = ("requirements.lock", "requirements-java.lock", *JAR_FILES)

JAVA = """#!/bin/sh
for name in JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS _JAVA_OPTIONS; do
    value=$(printenv "$name") && echo "Picked up $name: $value" >&2
done
printenv JAVA_TOOL_OPTIONS | grep -q agentpath && exit 1
echo 'a line of a wrapper' >&2
echo 'openjdk version "17.0.2" 2022-01-18' >&2
echo 'OpenJDK Runtime Environment' >&2
"""


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "checkout"
    (folder / ".venv" / "java" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin").mkdir()
    (folder / "local_aws" / "glue").mkdir(parents=True)
    for name in ("setup.sh", *LOCK_FILES):
        shutil.copy(REPOSITORY / name, folder / name)
    (folder / "sql").mkdir()
    (folder / "dags").mkdir()
    (folder / "dags" / "sql").symlink_to("../sql")
    # It can do nothing but answer `python -c ''`.
    write_program(folder / ".venv" / "bin" / "python", '#!/bin/sh\n[ "$*" = "-c " ]\n')
    write_program(folder / ".venv" / "java" / "bin" / "java", JAVA)
    content = b"".join((folder / name).read_bytes() for name in ("setup.sh", *LOCK_FILES))
    checksum = subprocess.run(["cksum"], input=content, capture_output=True, check=True).stdout.decode().strip()
    (folder / ".venv" / "setup-stamp").write_text(f"{checksum}-{folder}")
    return folder


def write_program(path, text):
    path.write_text(text)
    path.chmod(0o755)


def setup(checkout, *arguments, **environment):
    return subprocess.run(
        [checkout / "setup.sh", *arguments],
        cwd=checkout.parent, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"JAVA_TOOL_OPTIONS": "-Xmx1g"},
        {"JAVA_TOOL_OPTIONS": '-Dx="version 8"', "_JAVA_OPTIONS": "-Xss1m", "JDK_JAVA_OPTIONS": "-Xint"},
        {"JAVA_TOOL_OPTIONS": "-agentpath:/nowhere"},
    ],
)
def test_a_complete_environment_is_left_as_it_is_whatever_java_prints_first(checkout, environment):
    done = setup(checkout, **environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_old_java_is_not_accepted(checkout):
    write_program(checkout / ".venv" / "java" / "bin" / "java", "#!/bin/sh\necho 'java version \"1.8.0_392\"' >&2\n")
    done = setup(checkout)
    assert done.returncode != 0
    assert "installing the packages" in done.stderr


@pytest.mark.parametrize("name", LOCK_FILES)
def test_a_changed_list_of_packages_or_jars_is_installed(checkout, name):
    (checkout / name).write_text("changed")
    done = setup(checkout)
    assert done.returncode != 0
    assert "installing the packages" in done.stderr


def test_where_the_jars_cannot_be_fetched_one_sentence_is_shown_and_the_next_setup_tries_again(checkout, tmp_path):
    write_program(
        checkout / ".venv" / "bin" / "python",
        """#!/bin/sh
        [ "$*" = "-m local_aws.glue.s3a_jars" ] || exit 0
        echo "the jars cannot be fetched: set LOCAL_AWS_S3A_JARS" >&2
        exit 1
        """,
    )
    (tmp_path / "jdk" / "bin").mkdir(parents=True)
    write_program(tmp_path / "jdk" / "bin" / "java", JAVA)
    (checkout / "local_aws" / "glue" / "ivy.xml").write_text("changed")
    for _ in range(2):
        done = setup(checkout, JAVA_HOME=str(tmp_path / "jdk"))
        assert done.returncode == 1
        _, progress, last = done.stderr.splitlines()
        assert progress.startswith("setup: fetching the jars")
        assert last == "setup: the jars cannot be fetched: set LOCAL_AWS_S3A_JARS"


def test_a_machine_where_spark_cannot_be_prepared_is_set_up_and_says_so(checkout, tmp_path):
    write_program(checkout / ".venv" / "bin" / "python", '#!/bin/sh\n[ "$*" != "-m local_aws.glue.prepare_spark" ]\n')
    (tmp_path / "jdk" / "bin").mkdir(parents=True)
    write_program(tmp_path / "jdk" / "bin" / "java", JAVA)
    (checkout / "local_aws" / "glue" / "ivy.xml").write_text("changed")
    done = setup(checkout, JAVA_HOME=str(tmp_path / "jdk"))
    assert done.returncode == 0
    assert "could not be prepared" in done.stderr
    assert setup(checkout).stderr == ""


def test_a_checkout_without_symbolic_links_is_refused_in_one_line(checkout):
    (checkout / "dags" / "sql").unlink()
    (checkout / "dags" / "sql").write_text("../sql")
    done = setup(checkout)
    assert done.returncode == 1
    assert "git config core.symlinks true" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_checkout_that_cannot_be_written_to_is_refused_in_one_line(checkout):
    shutil.rmtree(checkout / ".venv")
    (checkout / ".venv").touch()  # even root cannot create a file below it
    done = setup(checkout)
    assert done.returncode == 1
    assert f"cannot write to {checkout}/.venv" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_interpreter_is_that_of_the_environment_or_the_one_to_create_it_with(checkout):
    assert setup(checkout, "--interpreter").stdout == f"{checkout}/.venv/bin/python\n"
    shutil.rmtree(checkout / ".venv")
    found = setup(checkout, "--interpreter").stdout.strip()
    assert subprocess.run([found, "-c", "import sys; print(sys.version_info[0])"], check=True).returncode == 0
    assert not (checkout / ".venv").exists()


def test_a_user_without_a_home_gets_an_interpreter(checkout):
    shutil.rmtree(checkout / ".venv")
    environment = {name: value for name, value in os.environ.items() if name != "HOME"}
    command = [checkout / "setup.sh", "--interpreter"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
