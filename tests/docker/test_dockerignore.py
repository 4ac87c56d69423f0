""".dockerignore admits each file that a Dockerfile copies. It leaves out everything that it does not list."""

from pathlib import Path, PurePosixPath

import pytest

REPOSITORY = Path(__file__).parents[2]
ADMITTED = [
    PurePosixPath(line.removeprefix("!"))
    for line in (REPOSITORY / ".dockerignore").read_text().splitlines()
    if line.startswith("!")
]
COPIED = [
    (dockerfile.name, source)
    for dockerfile in sorted((REPOSITORY / "docker").glob("*.Dockerfile"))
    for line in dockerfile.read_text().splitlines()
    if line.startswith("COPY ") and "--from=" not in line
    for source in [word for word in line.split()[1:-1] if not word.startswith("--")]
]


def test_dockerfiles_copy_something():
    assert {name for name, _ in COPIED} == {"airflow.Dockerfile", "local-aws.Dockerfile"}


@pytest.mark.parametrize(("dockerfile", "source"), COPIED)
def test_copied_files_are_in_the_build_context(dockerfile, source):
    path = PurePosixPath(source)
    assert (REPOSITORY / path).exists(), f"{dockerfile} copies {source}, which does not exist"
    assert any(path == admitted or admitted in path.parents for admitted in ADMITTED), (
        f"{dockerfile} copies {source}, but .dockerignore leaves it out"
    )
