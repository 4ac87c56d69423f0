"""The Python packages that MWAA installs for a bundle: its requirements, and everything they require."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement

from bundle.mwaa_image import PYTHON_VERSION, normalized

# https://packaging.python.org/en/latest/specifications/dependency-specifiers/#environment-markers
_MWAA: Mapping[str, str] = {
    "implementation_name": "cpython",
    "implementation_version": f"{PYTHON_VERSION[0]}.{PYTHON_VERSION[1]}.0",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_release": "",
    "platform_system": "Linux",
    "platform_version": "",
    "python_full_version": f"{PYTHON_VERSION[0]}.{PYTHON_VERSION[1]}.0",
    "python_version": f"{PYTHON_VERSION[0]}.{PYTHON_VERSION[1]}",
    "sys_platform": "linux",
}


class PackagesError(Exception):
    """The packages cannot be listed. The message has the package and the remedy."""


@dataclass(frozen=True)
class PythonPackage:
    """A package.

    Attributes:
        name: The normalized name.
        version: The version on MWAA.
        requires: The names of the packages that it requires, sorted.
    """

    name: str
    version: str
    requires: tuple[str, ...]


def required_packages(requirements: Sequence[str], pins: Mapping[str, str]) -> list[PythonPackage]:
    """Return the required packages and everything they require on MWAA, sorted by name.

    The versions are those of the pins. What each package requires comes from its metadata in this environment, which
    has the same versions.

    Args:
        requirements: The requirements, such as ``requests==2.34.2``.
        pins: The versions of all packages on MWAA, by normalized name.

    Raises:
        PackagesError: A package has no pin, or this environment has a different version or none.
    """
    waiting = [Requirement(requirement) for requirement in requirements]
    seen: set[tuple[str, str]] = set()
    found: dict[str, set[str]] = {}
    while waiting:
        requirement = waiting.pop()
        name = normalized(requirement.name)
        for extra in ("", *sorted(requirement.extras)):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            required = _requirements_of(name, extra, pins)
            found.setdefault(name, set()).update(normalized(each.name) for each in required)
            waiting += required
    return [PythonPackage(name, pins[name], tuple(sorted(found[name] - {name}))) for name in sorted(found)]


def _requirements_of(name: str, extra: str, pins: Mapping[str, str]) -> list[Requirement]:
    if name not in pins:
        raise PackagesError(f"{name} has no version in MWAA's constraints: add it to requirements.txt with a version")
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        raise PackagesError(f"{name} is not installed: run `make setup`") from None
    if installed.version != pins[name]:
        raise PackagesError(
            f"{name} is installed as {installed.version}, but MWAA has {pins[name]}: run `make lock`, then `make setup`"
        )
    requirements = [Requirement(text) for text in installed.requires or ()]
    environment: dict[str, str] = {**_MWAA, "extra": extra}
    return [each for each in requirements if each.marker is None or each.marker.evaluate(environment)]
