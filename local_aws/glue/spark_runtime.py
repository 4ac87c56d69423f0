"""The process of a job run: the Python driver in a Spark JVM, S3 behind s3://, and all of it ended together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local_aws.glue.spark_jvm import SparkJvm, SparkJvms, die_with_parent, inherited_environment, kill_group, own_file

SPARK_SETTINGS: Mapping[str, str] = {
    "spark.master": "local[2]",
    "spark.sql.ansi.enabled": "true",  # Glue 6.0's default
    "spark.sql.session.timeZone": "UTC",
    "spark.hadoop.fs.s3.impl": "localaws.S3FileSystem",
    "spark.hadoop.fs.s3a.impl": "localaws.S3FileSystem",
    # Files go to their place when a task commits, not when the job does: a rename is a copy here, and one is enough.
    "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.log.level": "WARN",  # INFO is hundreds of lines a run, between which the script's own get lost
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    # A day's partitions are tiny; AQE would coalesce 200 shuffle partitions, but first they have to be written.
    "spark.sql.shuffle.partitions": "4",
}
"""What differs from a Glue worker, or is said so that it does not. A run's ``--conf`` comes after it and wins."""


@dataclass(frozen=True)
class RunFiles:
    """What a run's process needs, all of it on the local disk.

    Attributes:
        run_id: The job run's id; marks the process so that it is found again after a crash.
        folder: The run's own working folder.
        script: The job's script.
        py_files: The packages and modules that go with it.
        output: Where standard output goes.
        errors: Where standard error goes.
    """

    run_id: str
    folder: Path
    script: Path
    py_files: Sequence[Path]
    output: Path
    errors: Path

    @property
    def outcome(self) -> Path:
        """Where the driver writes how the script ended."""
        return self.folder / "outcome.json"


class SparkProcess:
    """A running job run: the Python driver in a process group of its own, and the JVM that it uses alone.

    Args:
        driver: The driver's process.
        files: The run's files.
        jvm: The JVM.
        jvms: Gets the JVM back.
    """

    def __init__(self, driver: subprocess.Popen[bytes], files: RunFiles, jvm: SparkJvm, jvms: SparkJvms) -> None:
        self._driver = driver
        self._files = files
        self._jvm: SparkJvm | None = jvm
        self._jvms = jvms
        self._jvm_ended_with: int | None = None
        self._jvm_log = ""

    @property
    def pid(self) -> int:
        """The id of the driver and of its process group."""
        return self._driver.pid

    def wait(self, seconds: float) -> bool:
        """Wait for the end, at most some seconds; return whether it has come."""
        try:
            self._driver.wait(seconds)
        except subprocess.TimeoutExpired:
            # A driver waits for ever for the gateway of a JVM that did not start.
            return self._jvm is None or self._jvm.exit_code is not None
        return True

    def end(self) -> None:
        """End the driver's process group at once and collect it, and the JVM too unless the run was a good one."""
        kill_group(self.pid)
        self._driver.wait()
        jvm, self._jvm = self._jvm, None
        if jvm is None:
            return
        self._jvm_ended_with = jvm.exit_code
        if self._jvm_ended_with is None and self._driver.returncode == 0 and self._outcome().get("error", "") is None:
            self._jvms.give_back(jvm)
            return
        self._jvm_log = jvm.log()
        jvm.end()

    def error(self) -> str | None:
        """Return why the run failed, or None if it succeeded. Only meaningful after the end."""
        outcome = self._outcome()
        if outcome:
            error: str | None = outcome["error"]
            return error
        if self._jvm_ended_with is not None:
            return f"Spark's JVM ended with exit code {self._jvm_ended_with}: {self._jvm_log[-1000:].strip()}"
        return f"the driver ended with exit code {self._driver.returncode} and said nothing; see {self._files.output}"

    def _outcome(self) -> dict[str, str | None]:
        try:
            outcome: dict[str, str | None] = json.loads(self._files.outcome.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return outcome


class SparkRuntime:
    """Starts job runs with Spark.

    Args:
        jvms: Where the JVMs come from; by default with the cache folder of this virtual environment.
    """

    def __init__(self, jvms: SparkJvms | None = None) -> None:
        self.jvms = jvms or SparkJvms()

    def start(
        self,
        files: RunFiles,
        *,
        arguments: Sequence[str],
        spark_settings: Mapping[str, str],
        environment: Mapping[str, str],
    ) -> SparkProcess:
        """Start the script of a run.

        Call it from a thread that outlives the process: Linux ends a child when the thread that started it ends.

        Args:
            files: The run's files.
            arguments: What the script finds in ``sys.argv[1:]``.
            spark_settings: Settings of this run, which win over those of the laptop.
            environment: Where AWS is, and as whom: AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and so on.

        Raises:
            SparkUnavailableError: Java or Spark is missing, or the file system does not compile.
        """
        settings = {
            "spark.app.name": files.script.stem,
            **SPARK_SETTINGS,
            **spark_settings,
            "spark.submit.deployMode": "client",
            "spark.submit.pyFiles": ",".join(map(str, files.py_files)),
            "spark.pyspark.python": sys.executable,
            "spark.sql.warehouse.dir": str(files.folder / "spark-warehouse"),
            # What a worker on Glue finds in its own environment.
            **{f"spark.executorEnv.{name}": value for name, value in environment.items()},
        }
        inherited = inherited_environment()
        modules = [str(file if file.suffix != ".py" else file.parent) for file in files.py_files]
        jvm = self.jvms.take()
        try:
            files.errors.touch()
            with files.output.open("ab") as output:
                driver = subprocess.Popen(
                    [sys.executable, str(own_file("driver.py")), str(files.outcome), str(files.script), *arguments],
                    cwd=files.folder,
                    env={
                        **inherited,
                        **environment,
                        "PYTHONPATH": os.pathsep.join([inherited["PYTHONPATH"], *modules]),
                        "LOCAL_AWS_JOB_RUN_ID": files.run_id,
                        "LOCAL_AWS_SPARK": json.dumps(
                            {
                                "gateway": str(jvm.gateway),
                                "properties": settings,
                                "environment": dict(environment),
                                "output": str(files.output),
                                "errors": str(files.errors),
                            }
                        ),
                    },
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,  # as spark-submit has it: the error log is the JVM's
                    start_new_session=True,
                    preexec_fn=die_with_parent if sys.platform == "linux" else None,
                )
        except BaseException:
            jvm.end()
            raise
        return SparkProcess(driver, files, jvm, self.jvms)

    def close(self) -> None:
        """End what is kept for the runs to come."""
        self.jvms.close()


def end_orphan(pid: int, run_id: str) -> bool:
    """End the process group that a crashed server left behind; return whether there was one.

    The id may by now belong to a stranger: only a process that carries the run's id in its environment is ended.
    Without /proc (macOS) that cannot be told, and nothing is ended.
    """
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    if f"LOCAL_AWS_JOB_RUN_ID={run_id}".encode() not in environment.split(b"\0"):
        return False
    kill_group(pid)
    return True
