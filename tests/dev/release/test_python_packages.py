from importlib.metadata import version

import pytest

from dev.release.python_packages import PackagesError, required_packages

PINS = {name: version(name) for name in ("requests", "charset-normalizer", "idna", "urllib3", "certifi")}


def test_a_requirement_brings_everything_that_it_requires():
    packages = {package.name: package for package in required_packages(["requests"], PINS)}
    assert set(packages) == set(PINS)
    assert packages["requests"].requires == ("certifi", "charset-normalizer", "idna", "urllib3")
    assert packages["idna"].version == PINS["idna"]


def test_an_extra_brings_its_requirements():
    with pytest.raises(PackagesError, match="pysocks has no version in MWAA's constraints"):
        required_packages(["requests[socks]"], PINS)


def test_requirements_of_other_systems_are_left_out():
    # click requires colorama on Windows only.
    assert [package.name for package in required_packages(["click"], {"click": version("click")})] == ["click"]


def test_another_version_than_mwaas_is_refused():
    with pytest.raises(PackagesError, match=r"idna is installed as .*, but MWAA has 1\.0"):
        required_packages(["requests"], PINS | {"idna": "1.0"})


def test_a_package_that_is_not_installed_is_named():
    with pytest.raises(PackagesError, match="no-such-package is not installed: run `make setup`"):
        required_packages(["no-such-package"], {"no-such-package": "1.0"})
