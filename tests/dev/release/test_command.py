import datetime as dt
import hashlib
import io
import json
import subprocess
import zipfile
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from bundle.build import read_bundle, write_bundle
from bundle.contents import bundle_files
from bundle.label import CHECKSUMS, labelled
from dev.release.command import ReleaseError, main, release_files
from tests.support.sha256sum import needs_sha256sum

REPOSITORY = Path(__file__).parents[3]
TIME = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def bundle():
    return labelled(bundle_files(REPOSITORY), "1.2.3")


@pytest.fixture(scope="module")
def released(bundle):
    return release_files(bundle, TIME, "1.2.3")


@pytest.fixture(scope="module")
def bill(released):
    return json.loads(released["crypto-prices-1.2.3.cdx.json"])


def test_a_release_has_a_zip_file_a_bill_of_materials_and_checksums(released):
    assert list(released) == ["crypto-prices-1.2.3.cdx.json", "crypto-prices-1.2.3.zip", CHECKSUMS]


def test_the_zip_file_unpacks_to_the_bundle(released, bundle):
    with zipfile.ZipFile(io.BytesIO(released["crypto-prices-1.2.3.zip"])) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == bundle


def test_the_same_commit_always_has_the_same_release(released, bundle):
    assert release_files(dict(reversed(bundle.items())), TIME) == released


def test_the_bill_is_valid_cyclonedx(released):
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    assert validator.validate_str(released["crypto-prices-1.2.3.cdx.json"].decode()) is None
    assert validator.validate_str('{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{}]}') is not None


def test_the_bill_lists_each_file_with_its_checksum(bill, bundle):
    listed = {part["name"]: part["hashes"] for part in bill["components"] if part["type"] == "file"}
    assert listed == {
        path: [{"alg": "SHA-256", "content": hashlib.sha256(content).hexdigest()}] for path, content in bundle.items()
    }


def test_the_bill_lists_each_package_that_mwaa_installs(bill):
    urls = {part["purl"] for part in bill["components"] if part["type"] == "library"}
    assert {"pkg:pypi/requests@2.34.2", "pkg:pypi/apache-airflow-providers-amazon@9.34.0"} <= urls
    # They are required by the two above.
    assert {"pkg:pypi/boto3@1.43.56", "pkg:pypi/apache-airflow@3.3.1"} <= urls
    # They are for this machine only.
    assert not any(url.startswith(("pkg:pypi/moto@", "pkg:pypi/pytest@", "pkg:pypi/pyspark@")) for url in urls)


def test_the_bill_shows_why_a_package_is_there(bill):
    required = {entry["ref"]: entry.get("dependsOn", []) for entry in bill["dependencies"]}
    assert "pkg:pypi/requests@2.34.2" in required["crypto-prices@1.2.3"]
    assert "pkg:pypi/boto3@1.43.56" not in required["crypto-prices@1.2.3"]
    assert "pkg:pypi/boto3@1.43.56" in required["pkg:pypi/apache-airflow-providers-amazon@9.34.0"]


@pytest.mark.parametrize("version", ["1.2.4", "1.2.3+1.gabcdef0"])
def test_a_bundle_of_another_version_or_commit_is_not_released(version):
    files = labelled({"plugins.zip": b""}, version)
    with pytest.raises(ReleaseError, match=r"expected the version 1\.2\.3, found "):
        release_files(files, TIME, "1.2.3")


def test_a_changed_bundle_is_not_released():
    files = labelled({"plugins.zip": b""}, "1.2.3") | {"plugins.zip": b"changed"}
    with pytest.raises(ReleaseError, match=r"plugins\.zip: its contents differ from its checksum"):
        release_files(files, TIME)


@needs_sha256sum
def test_the_command_writes_files_that_sha256sum_verifies(tmp_path, capsys, bundle):
    write_bundle(bundle, tmp_path / "dist")
    arguments = ["--dist", str(tmp_path / "dist"), "--output", str(tmp_path / "release")]
    assert main([*arguments, "--version", "1.2.3"]) == 0
    assert f"{tmp_path}/release/crypto-prices-1.2.3.zip" in capsys.readouterr().out
    subprocess.run(["sha256sum", "--check", "--quiet", CHECKSUMS], cwd=tmp_path / "release", check=True)
    write_bundle(labelled(bundle_files(REPOSITORY), "1.2.4"), tmp_path / "dist")
    assert main(arguments) == 0
    assert sorted(read_bundle(tmp_path / "release")) == [
        CHECKSUMS,
        "crypto-prices-1.2.4.cdx.json",
        "crypto-prices-1.2.4.zip",
    ]
    assert main([*arguments, "--version", "1.2.3"]) == 1
    assert "expected the version 1.2.3, found 1.2.4" in capsys.readouterr().err


def test_a_folder_with_other_files_is_never_replaced(tmp_path, capsys, bundle):
    write_bundle(bundle, tmp_path / "dist")
    (tmp_path / "release").mkdir()
    (tmp_path / "release" / "thesis.txt").write_text("years of work")
    assert main(["--dist", str(tmp_path / "dist"), "--output", str(tmp_path / "release")]) == 1
    assert "contains thesis.txt" in capsys.readouterr().err
    assert (tmp_path / "release" / "thesis.txt").exists()
