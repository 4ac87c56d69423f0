"""The image's versions, which must match all versions that are named in the repository."""

import re
from pathlib import Path

import pytest

from bundle.mwaa_image import AIRFLOW_VERSION, CONSTRAINTS_URL, PYTHON_VERSION, constraints, installed, normalized, pins

REPOSITORY = Path(__file__).parents[2]
# The image has other versions of them, for its own type checks. The constraints do not contain them.
STUBS = {"boto3-stubs", "botocore-stubs", "types-s3transfer"}
LOCKED = pins((REPOSITORY / "requirements.lock").read_text())


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ("apache-airflow", "3.3.1"),
        ("apache-airflow-core", "3.3.1"),
        ("apache-airflow-providers-amazon", "9.34.0"),
        ("boto3", "1.43.56"),
        ("botocore", "1.43.56"),
        ("requests", "2.34.2"),
        ("tenacity", "9.1.4"),
        ("aiobotocore", "3.9.0"),
    ],
)
def test_the_image_has_the_packages_that_the_bundle_uses(package, version):
    assert installed()[package] == version


@pytest.mark.parametrize(("package", "version"), [("pandas", "3.0.5"), ("pyarrow", "25.0.0"), ("numpy", "2.5.1")])
def test_some_constrained_packages_are_not_in_the_image(package, version):
    assert constraints()[package] == version
    assert package not in installed()


def test_the_lists_are_complete():
    assert len(installed()) == 215
    assert len(constraints()) > 450
    assert not installed().keys() & constraints().keys()
    assert all(name == normalized(name) for name in [*installed(), *constraints()])


def test_the_lock_file_has_the_versions_of_the_image_and_the_constraints():
    known = installed() | constraints()
    assert {
        name: version for name, version in LOCKED.items() if known.get(name, version) != version and name not in STUBS
    } == {}
    assert len(LOCKED.keys() & installed().keys()) > 150


def test_all_files_name_the_same_constraints():
    assert f"constraints-{AIRFLOW_VERSION}/constraints-{'.'.join(map(str, PYTHON_VERSION))}.txt" in CONSTRAINTS_URL
    for path in ("Makefile", "requirements.txt"):
        assert re.findall(r"https://\S+/constraints-\S+", (REPOSITORY / path).read_text()) == [CONSTRAINTS_URL], path


def test_pins_are_parsed_as_pip_writes_them():
    text = "# x==1\nFlask_Login==0.6.3\nboto3==1.2 \\\n    --hash=sha256:aa==\nrequests == 2\n"
    assert pins(text) == {"flask-login": "0.6.3", "boto3": "1.2"}
