"""The image of local-aws contains every package that its programs import, including imports inside functions."""

import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import grimp
import pytest

REPOSITORY = Path(__file__).parents[2]
DOCKERFILE = (REPOSITORY / "docker" / "local-aws.Dockerfile").read_text()
FOLDERS = [
    Path(folder).name for folder in re.findall(r"^COPY (\S+) \./", DOCKERFILE, re.MULTILINE) if "." not in folder
]
PROGRAMS = (
    "local_platform.__main__",
    "local_platform.psql",
    "local_exchange.__main__",
    "local_aws.glue.prepare_spark",
    "local_aws.glue.driver",
    "local_aws.redshift.postgres_supervisor",
)


@pytest.fixture(scope="module")
def imports():
    return grimp.build_graph(
        *FOLDERS, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
    )


def test_the_image_has_the_repositorys_packages():
    assert FOLDERS == ["bundle", "local_aws", "local_exchange", "local_platform", "crypto_prices_contract"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_import_of_a_program_is_in_the_image(imports, program):
    locked = set(re.findall(r"^([a-z0-9-]+)==", (REPOSITORY / "requirements-local-aws.lock").read_text(), re.MULTILINE))
    distributions = packages_distributions()
    found = imports.find_upstream_modules(program) | {program}
    others = {name for name in found if name.partition(".")[0] not in FOLDERS} - sys.stdlib_module_names
    missing = {
        f"{name}, imported by {sorted(imports.find_modules_that_directly_import(name) & found)}"
        for name in others
        if not locked.intersection(re.sub(r"[._]", "-", package).lower() for package in distributions.get(name, []))
    }
    assert missing == set(), "requirements-local-aws.lock does not have them, and the Dockerfile does not copy them"
