"""The processes of a job run: a Python driver and a Spark JVM with S3 behind s3://, which end together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from local_aws.glue.installed_spark import inherited_environment, own_file
from local_aws.glue.spark_jvm import SparkJvm, SparkJvms, die_with_parent, kill_group

_COMMITTERS = "org.apache.hadoop.fs.s3a.commit.S3ACommitterFactory"

SPARK_SETTINGS: Mapping[str, str] = {
    "spark.master": "local[2]",
    "spark.sql.ansi.enabled": "true",  # Glue 6.0's default
    "spark.sql.session.timeZone": "UTC",
    "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
    # The magic committer: a task's files become visible when the job commits, and nothing is renamed.
    # https://hadoop.apache.org/docs/r3.4.2/hadoop-aws/tools/hadoop-aws/committers.html
    "spark.hadoop.fs.s3a.committer.name": "magic",
    "spark.hadoop.mapreduce.outputcommitter.factory.scheme.s3": _COMMITTERS,
    "spark.hadoop.mapreduce.outputcommitter.factory.scheme.s3a": _COMMITTERS,
    "spark.sql.sources.commitProtocolClass": "org.apache.spark.internal.io.cloud.PathOutputCommitProtocol",
    "spark.sql.parquet.output.committer.class": "org.apache.spark.internal.io.cloud.BindingParquetOutputCommitter",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.log.level": "WARN",  # INFO writes hundreds of lines per run, which hide the script's own
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    # The data here is small. AQE would coalesce 200 shuffle partitions, but they would have to be written first.
    "spark.sql.shuffle.partitions": "4",
    # Compiling Java code for each plan takes more than half of the CPU time of a run with a few thousand rows. The
    # results are the same: Spark's own tests run its expressions in both ways.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
"""Settings that differ from a Glue worker's, or that ensure the same value. A run's ``--conf`` overrides them."""


@dataclass(frozen=True)
class RunFiles:
    """The files of a run, all on the local disk.

    Attributes:
        run_id: The job run's id. It marks the process, so that the process can be found again after a crash.
        folder: The run's working folder.
        script: The job's script.
        py_files: The packages and modules that the script imports.
        output: File for standard output.
        errors: File for standard error.
    """

    run_id: str
    folder: Path
    script: Path
    py_files: Sequence[Path]
    output: Path
    errors: Path

    @property
    def outcome(self) -> Path:
        """The file where the driver records how the script ended."""
        return self.folder / "outcome.json"


class SparkProcess:
    """A running job run: the Python driver in its own process group, and the JVM that it uses exclusively.

    Args:
        driver: The driver's process.
        files: The run's files.
        jvm: The JVM.
        jvms: The pool that the JVM is returned to.
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
        """The id of the driver's process and of its process group."""
        return self._driver.pid

    def wait(self, seconds: float) -> bool:
        """Wait for the end for at most ``seconds``, and return whether the run has ended."""
        try:
            self._driver.wait(seconds)
        except subprocess.TimeoutExpired:
            # If the JVM did not start, the driver waits for its gateway forever.
            return self._jvm is None or self._jvm.exit_code is not None
        return True

    def end(self) -> None:
        """Kill the driver's process group and reap it. Also end the JVM, unless the run succeeded."""
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
        """Return why the run failed, or None if it succeeded. Call this only after the end."""
        outcome = self._outcome()
        if outcome:
            error: str | None = outcome["error"]
            return error
        if self._jvm_ended_with is not None:
            return f"Spark's JVM ended with exit code {self._jvm_ended_with}: {self._jvm_log[-1000:].strip()}"
        return f"the driver ended with exit code {self._driver.returncode} and no outcome; see {self._files.output}"

    def _outcome(self) -> dict[str, str | None]:
        try:
            outcome: dict[str, str | None] = json.loads(self._files.outcome.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        return outcome


class SparkRuntime:
    """Starts job runs with Spark.

    Args:
        jvms: The pool of JVMs; by default one that uses the cache folder of this virtual environment.
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
        """Start a run's script.

        Call this from a thread that outlives the process, because Linux ends a child together with the thread that
        started it.

        Args:
            files: The run's files.
            arguments: The script's ``sys.argv[1:]``.
            spark_settings: Settings of this run, which override SPARK_SETTINGS.
            environment: Endpoint, region and credentials: AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and so on.

        Raises:
            SparkUnavailableError: Java, Spark or the jars of S3A are missing.
        """
        settings = {
            "spark.app.name": files.script.stem,
            **SPARK_SETTINGS,
            **s3_settings(environment),
            **spark_settings,
            "spark.submit.deployMode": "client",
            "spark.submit.pyFiles": ",".join(map(str, files.py_files)),
            "spark.pyspark.python": sys.executable,
            "spark.sql.warehouse.dir": str(files.folder / "spark-warehouse"),
            "spark.hadoop.fs.s3a.buffer.dir": str(files.folder / "s3a"),
            # A worker on Glue has these in its own environment.
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
                                "output": str(files.output),
                                "errors": str(files.errors),
                            }
                        ),
                    },
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,  # like spark-submit, where the error log is the JVM's
                    start_new_session=True,
                    preexec_fn=die_with_parent if sys.platform == "linux" else None,
                )
        except BaseException:
            jvm.end()
            raise
        return SparkProcess(driver, files, jvm, self.jvms)

    def close(self) -> None:
        """End the JVMs that are kept for later runs."""
        self.jvms.close()


def s3_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the Spark settings with S3A's endpoint and credentials, which a worker on Glue finds by itself.

    Args:
        environment: The variables AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and so on.
    """
    settings = {
        "endpoint": environment.get("AWS_ENDPOINT_URL"),
        "endpoint.region": environment.get("AWS_REGION"),
        "access.key": environment.get("AWS_ACCESS_KEY_ID"),
        "secret.key": environment.get("AWS_SECRET_ACCESS_KEY"),
        "session.token": environment.get("AWS_SESSION_TOKEN"),
        "path.style.access": "true",
        "aws.credentials.provider": "org.apache.hadoop.fs.s3a."
        + ("TemporaryAWSCredentialsProvider" if "AWS_SESSION_TOKEN" in environment else "SimpleAWSCredentialsProvider"),
    }
    return {f"spark.hadoop.fs.s3a.{name}": value for name, value in settings.items() if value is not None}


def end_orphan(pid: int, run_id: str) -> bool:
    """End the process group that a crashed emulator left behind, and return whether there was one.

    Another process may have the id by now, so only a process with the run's id in its environment is ended. Without
    /proc (macOS) the environment cannot be read, and nothing is ended.
    """
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return False
    if f"LOCAL_AWS_JOB_RUN_ID={run_id}".encode() not in environment.split(b"\0"):
        return False
    kill_group(pid)
    return True
