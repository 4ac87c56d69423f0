"""Checks requirements.txt, which MWAA reads before pip does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bundle.contents import PLUGINS, REQUIREMENTS
from bundle.mwaa_image import (
    AIRFLOW_VERSION,
    CONSTRAINT_LINE,
    CONSTRAINTS_URL,
    DEPLOYED_FOLDER,
    PYTHON_VERSION,
    constraints,
    installed,
    normalized,
    pins,
)
from bundle.preflight.bundle import Bundle
from bundle.preflight.finding import Finding

_PYTHON = ".".join(map(str, PYTHON_VERSION))
_OFFICIAL = re.compile(r".*/constraints-(?P<airflow>[^/]+)/constraints-(?P<python>[\d.]+)\.txt")
_OPTION = re.compile(r"(-c|--constraint)(?P<joint>[\s=]+)(?P<target>\S.*)")
_REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?P<extras>\[[^\]]*\])?\s*(?P<version>[^;]*?)\s*(;.*)?"
)
# Options about the location of packages. --requirement and --editable name files that MWAA does not have.
_HARMLESS_OPTIONS = ("--find-links", "-f ", "--no-index", "--index-url", "-i ", "--extra-index-url", "--prefer-binary")


@dataclass(frozen=True)
class Line:
    """A logical line of requirements.txt, without its comment.

    Attributes:
        number: The number of the first physical line, from 1.
        text: The text that pip reads.
    """

    number: int
    text: str

    @property
    def where(self) -> str:
        """Its location in the bundle."""
        return f"{REQUIREMENTS}:{self.number}"


def logical_lines(text: str) -> Iterator[Line]:
    """Yield the non-empty lines as pip splits the file: with continued lines joined and without comments."""
    number, pending = 1, ""
    for index, line in enumerate(text.splitlines(), start=1):
        if not pending:
            number = index
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            pending += line[:-1] + " "
            continue
        joined, pending = pending + line, ""
        if said := re.sub(r"(^|\s)#.*", "", joined).strip():
            yield Line(number, said)
    if said := re.sub(r"(^|\s)#.*", "", pending).strip():
        yield Line(number, said)


def check_requirements(bundle: Bundle) -> list[Finding]:
    """Check that the constraints match the environment's Airflow and Python, and that pip can install the packages."""
    content = bundle.files.get(REQUIREMENTS)
    if content is None:
        return []  # check_complete reports it
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return [Finding(REQUIREMENTS, f"it is not UTF-8: {error}", "save it as UTF-8")]
    lines = list(logical_lines(text))
    options = [(line, match) for line in lines if (match := _OPTION.fullmatch(line.text))]
    findings = _no_constraint(text) if not options else []
    for line, match in options:
        findings += _constraint(bundle, line, match)
    for line in lines:
        if _OPTION.fullmatch(line.text) is None:
            findings += _requirement(line)
    return findings


def _no_constraint(text: str) -> list[Finding]:
    todo = f"add the line `--constraint {CONSTRAINTS_URL}`"
    for number, line in enumerate(text.splitlines(), start=1):
        if CONSTRAINT_LINE.search(line):
            # In MWAA, such a line means "no constraints", and it is easily written by accident.
            what = (
                f"there is no constraint, but MWAA mistakes this line ({line.strip()!r}) for one and installs without "
                "constraints: pip may change the versions of Airflow's own packages"
            )
            return [Finding(f"{REQUIREMENTS}:{number}", what, todo)]
    what = "it has no --constraint line, so the bundle does not determine the versions that pip installs on MWAA"
    return [Finding(REQUIREMENTS, what, todo)]


def _constraint(bundle: Bundle, line: Line, match: re.Match[str]) -> list[Finding]:
    if "=" in match["joint"]:
        what = "MWAA looks for `--constraint ` with a space, does not find this one, and also applies its own"
        return [Finding(line.where, what, f"write `--constraint {CONSTRAINTS_URL}`")]
    target = match["target"].strip().strip("\"'")
    for folder, files, where in (("dags", bundle.dags, "dags"), ("plugins", bundle.plugins.files, PLUGINS)):
        prefix = f"{DEPLOYED_FOLDER}/{folder}/"
        if target.startswith(prefix):
            path = target.removeprefix(prefix)
            if path in files:
                return _constraints_file(f"{where}/{path}", files[path].decode(errors="replace"))
            what = f"the bundle has no {where}/{path}, so pip on MWAA will not find {target}"
            return [Finding(line.where, what, f"add the file, or write `--constraint {CONSTRAINTS_URL}`")]
    official = _OFFICIAL.fullmatch(target)
    if official is None:
        what = f"{target!r} does not name the Airflow and Python versions of its constraints"
        todo = f"write `--constraint {CONSTRAINTS_URL}`, or a file below {DEPLOYED_FOLDER}/dags/"
        return [Finding(line.where, what, todo)]
    if (official["airflow"], official["python"]) != (AIRFLOW_VERSION, _PYTHON):
        what = (
            f"the constraints are for Airflow {official['airflow']} on Python {official['python']}, but the "
            f"environment has Airflow {AIRFLOW_VERSION} on Python {_PYTHON}"
        )
        return [Finding(line.where, what, f"write `--constraint {CONSTRAINTS_URL}`")]
    return []


def _constraints_file(where: str, text: str) -> list[Finding]:
    image = installed()
    different = {name: version for name, version in pins(text).items() if image.get(name, version) != version}
    airflow = sorted(name for name in different if name in ("apache-airflow", "apache-airflow-core"))
    if airflow:
        what = f"it has the constraints of Airflow {different[airflow[0]]}, but the environment has {AIRFLOW_VERSION}"
        return [Finding(where, what, f"start from {CONSTRAINTS_URL}")]
    return [
        Finding(where, f"it allows {name} {version}, but the image has {image[name]}", "check that it works", True)
        for name, version in sorted(different.items())
    ]


def _requirement(line: Line) -> list[Finding]:
    if line.text.startswith(_HARMLESS_OPTIONS):
        return []
    match = _REQUIREMENT.fullmatch(re.sub(r"\s--hash[=\s]\S+", "", line.text))
    if match is None or line.text.startswith("-"):
        what = f"{line.text!r} is not a requirement that MWAA can install"
        return [Finding(line.where, what, "write `name==version`")]
    name, version = normalized(match["name"]), match["version"]
    image, allowed = installed(), constraints()
    known = image.get(name) or allowed.get(name)
    pinned = re.fullmatch(r"==\s*([^\s,*<>=!~]+)", version)
    if pinned is None:
        todo = f"write `{name}=={known}`" if known else f"write `{name}==` and a version"
        what = f"{line.text!r} is not pinned with ==, so the next update may install another version"
        return [Finding(line.where, what, todo)]
    if known is not None and pinned[1] != known:
        holder = "MWAA's image has" if name in image else "Airflow's constraints allow"
        what = f"{name} {pinned[1]} conflicts: {holder} {known}, so pip would install no package at all"
        return [Finding(line.where, what, f"write `{name}=={known}`")]
    findings = []
    if name not in image:
        what = f"{name} {pinned[1]} is not in MWAA's image, so each container installs it when it starts"
        findings.append(Finding(line.where, what, "remove it if nothing imports it", True))
    if match["extras"]:
        what = f"{name}{match['extras']} may add packages that MWAA's image lacks, and each container installs those"
        findings.append(Finding(line.where, what, "remove the extra if nothing needs it", True))
    return findings
