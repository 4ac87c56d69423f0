"""The bill of materials of a release, in the format CycloneDX 1.6: https://cyclonedx.org/docs/1.6/json/."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import uuid
from collections.abc import Mapping

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from bundle.contents import REQUIREMENTS
from bundle.mwaa_image import CONSTRAINTS_FILE, pins
from dev.release.python_packages import PythonPackage, required_packages

_REQUIREMENT = re.compile(r"^(?![#\s-])\S.*$", re.MULTILINE)


def bill_of_materials(files: Mapping[str, bytes], name: str, version: str, time: dt.datetime) -> bytes:
    """Return the bill of materials: every file with its SHA-256, and the Python packages that MWAA installs.

    The same bundle always has the same bill.

    Args:
        files: The bundle.
        name: The name of the bundle.
        version: Its version.
        time: The time of the bill.

    Raises:
        PackagesError: The packages cannot be listed.
    """
    requirements = files[REQUIREMENTS].decode()
    pinned = pins(files[f"dags/{CONSTRAINTS_FILE}"].decode()) | pins(requirements)
    packages = required_packages(_REQUIREMENT.findall(requirements), pinned)
    root = Component(name=name, version=version, type=ComponentType.APPLICATION, bom_ref=f"{name}@{version}")
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in sorted(files.items())}
    identity = uuid.uuid5(uuid.NAMESPACE_URL, f"{name}@{version} {sorted(digests.items())}")
    bom = Bom(serial_number=identity, metadata=BomMetaData(component=root, timestamp=time))
    parts = {path: _file(path, digest) for path, digest in digests.items()}
    libraries = {package.name: _library(package) for package in packages}
    for component in (*parts.values(), *libraries.values()):
        bom.components.add(component)
    bom.register_dependency(root, [*parts.values(), *(libraries[required] for required in sorted(pins(requirements)))])
    for package in packages:
        bom.register_dependency(libraries[package.name], [libraries[required] for required in package.requires])
    return make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2).encode() + b"\n"


def _file(path: str, digest: str) -> Component:
    hashes = [HashType(alg=HashAlgorithm.SHA_256, content=digest)]
    return Component(name=path, type=ComponentType.FILE, bom_ref=f"file:{path}", hashes=hashes)


def _library(package: PythonPackage) -> Component:
    url = PackageURL("pypi", None, package.name, package.version)
    return Component(
        name=package.name, version=package.version, type=ComponentType.LIBRARY, purl=url, bom_ref=url.to_string()
    )
