"""Runs a job's script as Glue's driver does, and records how it ended. Started by ``spark_runtime``.

The command line is ``driver.py <outcome file> <script> <argument>…``. The environment variable ``LOCAL_AWS_SPARK`` is a
JSON object with the file of the JVM's gateway and the run's Spark properties and files. The outcome file is
the JSON object ``{"error": text or null}``. If it is missing afterwards, the process was ended from outside.
"""

from __future__ import annotations

import json
import os
import runpy
import struct
import sys
import time
import traceback
from pathlib import Path
from typing import Any


def main() -> int:
    """Run the script and return the process's exit code."""
    outcome, script, *arguments = sys.argv[1:]
    sys.argv = [script, *arguments]
    run = json.loads(os.environ.pop("LOCAL_AWS_SPARK"))
    jvm = _connect(Path(run["gateway"]))
    streams = _take_over(jvm, run)
    error = _run(script)
    _leave(jvm, streams)
    unfinished = Path(f"{outcome}.new")  # not with replaced_file.py: a job's process cannot import the emulator
    unfinished.write_text(json.dumps({"error": error}), encoding="utf-8")
    os.replace(unfinished, outcome)
    return 0 if error is None else 1


def _connect(gateway: Path) -> Any:
    """Wait until the JVM is ready, connect this process's Spark to it, and return it."""
    from pyspark import SparkContext

    while not gateway.exists():  # the parent watches the JVM, and ends this process if the JVM does not start
        time.sleep(0.02)
    port, length = struct.unpack_from(">ii", told := gateway.read_bytes())
    os.environ["PYSPARK_GATEWAY_PORT"] = str(port)
    os.environ["PYSPARK_GATEWAY_SECRET"] = told[8 : 8 + length].decode()
    SparkContext._ensure_initialized()
    del os.environ["PYSPARK_GATEWAY_PORT"], os.environ["PYSPARK_GATEWAY_SECRET"]
    return SparkContext._jvm


def _take_over(jvm: Any, run: dict[str, Any]) -> list[Any]:
    """Pass this run's properties, credentials and streams to the JVM, and remove those left by earlier runs."""
    system = jvm.java.lang.System
    for name in list(system.getProperties().stringPropertyNames()):
        if name.startswith("spark."):
            system.clearProperty(name)
    for name, value in run["properties"].items():
        system.setProperty(name, value)
    jvm.org.apache.hadoop.fs.FileSystem.closeAll()
    streams = [
        jvm.java.io.PrintStream(jvm.java.io.FileOutputStream(run[name], True), True) for name in ("output", "errors")
    ]
    system.setOut(streams[0])
    system.setErr(streams[1])
    return streams


def _run(script: str) -> str | None:
    """Run the script and return its error, or None if it succeeded."""
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as ending:
        # Glue treats sys.exit() and sys.exit(0) as success and everything else as failure.
        return None if ending.code in (None, 0) else f"SystemExit: {ending.code}"
    except BaseException as failure:  # noqa: BLE001 - anything that ends the script becomes the run's error message
        traceback.print_exc()
        return f"{type(failure).__name__}: {failure}"
    return None


def _leave(jvm: Any, streams: list[Any]) -> None:
    """Stop everything that the script left running in the JVM. If that fails, the run ends without an outcome."""
    from pyspark import SparkContext

    context = SparkContext._active_spark_context
    if context is not None:
        context.stop()
    jvm.org.apache.spark.sql.classic.SparkSession.clearActiveSession()
    jvm.org.apache.spark.sql.classic.SparkSession.clearDefaultSession()
    jvm.org.apache.hadoop.fs.FileSystem.closeAll()
    descriptors = jvm.java.io.FileDescriptor
    for name, stream in zip(("out", "err"), streams, strict=True):
        own = jvm.java.io.PrintStream(jvm.java.io.FileOutputStream(getattr(descriptors, name)), True)
        getattr(jvm.java.lang.System, f"set{name.capitalize()}")(own)
        stream.close()


if __name__ == "__main__":
    sys.exit(main())
