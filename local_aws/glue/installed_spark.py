"""What this machine has for Spark: Java, the installed pyspark, and the environment that its processes get."""

from __future__ import annotations

import functools
import os
import shutil
import sys
from importlib import metadata, resources
from pathlib import Path

import local_aws.glue

DEFAULT_CACHE_DIR = Path(sys.prefix) / "local_aws_spark"
"""It is in the virtual environment so that it is deleted together with the Spark that it was created for."""


class SparkUnavailableError(RuntimeError):
    """Spark cannot be started on this machine. The message names the missing part."""


def java() -> Path:
    """Return the Java that runs Spark: the one that setup.sh found or installed, JAVA_HOME's, or the one on PATH.

    Raises:
        SparkUnavailableError: No Java was found.
    """
    # setup.sh checked that this one is new enough. JAVA_HOME may be any version.
    program = Path(sys.prefix) / "java" / "bin" / "java"
    if program.exists():
        return program
    home = os.environ.get("JAVA_HOME")
    if home:
        program = Path(home) / "bin" / "java"
        if not program.exists():
            raise SparkUnavailableError(f"JAVA_HOME is {home}, which has no bin/java: set it to a Java 17 or 21")
        return program
    found = shutil.which("java")
    if found is None:
        raise SparkUnavailableError("no java on PATH, and JAVA_HOME is not set: Spark 4.1 needs Java 17 or 21")
    return Path(found)


def inherited_environment() -> dict[str, str]:
    """Return the part of the environment that a run may see: no credentials, endpoints or other settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return kept | {
        # A JVM decodes its arguments and the names of files with the locale. In the locale C, it finds no file whose
        # path has a non-ASCII letter. macOS has no C.UTF-8. https://openjdk.org/jeps/400 (sun.jnu.encoding)
        "LC_ALL": "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8",
        "PYTHONUTF8": "1",
        "PYTHONPATH": str(own_file("shims")),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "SPARK_HOME": str(spark_home()),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "TZ": "UTC",
    }


def own_file(name: str) -> Path:
    """Return the path of a file in this package."""
    return Path(str(resources.files(local_aws.glue).joinpath(name)))


@functools.cache
def spark_home() -> Path:
    """Return the folder of the installed pyspark.

    Raises:
        SparkUnavailableError: It is not installed.
    """
    try:
        location = metadata.distribution("pyspark").locate_file("pyspark")
    except metadata.PackageNotFoundError:
        raise SparkUnavailableError("pyspark is not installed: run ./setup.sh") from None
    return Path(str(location))


def spark_jars() -> list[Path]:
    """Return the jars of the installed Spark, sorted by name."""
    return sorted((spark_home() / "jars").glob("*.jar"))
