"""``python -m local_aws.glue.s3a_jars``: fetches the jars with which Spark reads and writes S3, and checks them.

Hadoop's S3A and the modules of the AWS SDK that it needs are not part of pyspark. The Ivy in pyspark fetches what
``ivy.xml`` lists from Maven Central, once for each virtual environment.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from local_aws.glue.installed_spark import (
    DEFAULT_CACHE_DIR,
    SparkUnavailableError,
    inherited_environment,
    java,
    own_file,
    spark_jars,
)

FOLDER_VARIABLE = "LOCAL_AWS_S3A_JARS"
"""Environment variable with a folder that has the jars. Without it, Ivy fetches them."""

_FETCH_SECONDS = 600


def s3a_jars(cache_dir: Path) -> list[Path]:
    """Return the jars in a fixed order. They are fetched first if the cache does not have them.

    Args:
        cache_dir: Folder of the cache. Any number of processes may share it.

    Raises:
        SparkUnavailableError: Maven Central cannot be reached, or a jar differs from its checksum.
    """
    sums = _checksums()
    given = os.environ.get(FOLDER_VARIABLE)
    if given:
        _check(Path(given), sums)
        return [Path(given) / name for name in sums]
    listed = own_file("ivy.xml").read_bytes() + own_file("s3a_jars.sha256").read_bytes()
    kept = cache_dir / f"s3a-{hashlib.sha256(listed).hexdigest()[:16]}"
    if not kept.is_dir():
        _fetch(kept, sums)
    return [kept / name for name in sums]


def _fetch(kept: Path, sums: Mapping[str, str]) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="s3a-new-", dir=kept.parent))
    try:
        (ivy,) = (jar for jar in spark_jars() if jar.name.startswith("ivy-"))
        command = [str(java()), "-jar", str(ivy), "-ivy", str(own_file("ivy.xml"))]
        command += ["-retrieve", str(folder / "[artifact]-[revision].[ext]")]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=_FETCH_SECONDS,
                check=False,
                env=inherited_environment(),
            )
        except subprocess.TimeoutExpired:
            raise _unreachable(f"no end within {_FETCH_SECONDS} s") from None
        if done.returncode:
            raise _unreachable(next(iter(done.stderr.strip().splitlines()[-1:]), f"exit code {done.returncode}"))
        _check(folder, sums)
        try:
            folder.rename(kept)
        except OSError:
            if not kept.is_dir():  # otherwise another process has fetched them in the meantime
                raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unreachable(reason: str) -> SparkUnavailableError:
    return SparkUnavailableError(
        f"the jars of Hadoop's S3A cannot be fetched from Maven Central ({reason}): run this again with a connection, "
        f"or set {FOLDER_VARIABLE} to a folder with the {len(_checksums())} jars of {own_file('s3a_jars.sha256')}"
    )


def _checksums() -> dict[str, str]:
    """Return the SHA-256 of each jar by its name, sorted by name."""
    lines = own_file("s3a_jars.sha256").read_text(encoding="ascii").splitlines()
    return dict(sorted((name, digest) for digest, name in (line.split() for line in lines)))


def _check(folder: Path, sums: Mapping[str, str]) -> None:
    for name, digest in sums.items():
        jar = folder / name
        if not jar.is_file():
            raise SparkUnavailableError(f"{folder} has no {name}, which Spark needs to read S3: copy it there")
        if hashlib.sha256(jar.read_bytes()).hexdigest() != digest:
            raise SparkUnavailableError(
                f"{jar} is not the file whose checksum is in s3a_jars.sha256: delete it and fetch it again"
            )


def main(cache_dir: Path) -> int:
    """Fetch the jars and return 1 if that failed."""
    try:
        s3a_jars(cache_dir)
    except SparkUnavailableError as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(DEFAULT_CACHE_DIR))
