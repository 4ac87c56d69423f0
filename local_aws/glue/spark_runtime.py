"""The process of a job run: Spark's JVM, Python in it, S3 behind s3://, and all of it ended together.

The JVM is started directly as ``SparkSubmit`` with the jars of the installed pyspark: the shell scripts around it start
a second JVM only to build the command line. Two things are made once and kept in a cache folder: the jar of
``S3FileSystem.scala``, and an archive of the classes that a run loads (application class data sharing), because most of
a short run's time is the loading of classes. Both depend on the installed Spark only, not on any state.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path

import local_aws.glue

_PR_SET_PDEATHSIG = 1
_COMPILE_SECONDS = 180

DEFAULT_CACHE_DIR = Path(sys.prefix) / "local_aws_spark"
"""In the virtual environment: it goes when the Spark goes that its content was made for."""

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

_JAVA_OPTIONS = (
    "-Xmx1g",
    "-XX:TieredStopAtLevel=1",  # a run of seconds does not live to see what the optimising compiler would gain
    "-XX:+UseSerialGC",
    "-Xshare:auto",
    "-Xlog:cds=off",  # thousands of lines about classes that cannot be archived
    "-Duser.timezone=UTC",
)
# What bin/spark-class adds for Java 17 (org.apache.spark.launcher.JavaModuleOptions).
_MODULE_OPTIONS = (
    "-XX:+IgnoreUnrecognizedVMOptions",
    "--add-modules=jdk.incubator.vector",
    *(
        f"--add-opens=java.base/{package}=ALL-UNNAMED"
        for package in (
            "java.lang",
            "java.lang.invoke",
            "java.lang.reflect",
            "java.io",
            "java.net",
            "java.nio",
            "java.util",
            "java.util.concurrent",
            "java.util.concurrent.atomic",
            "jdk.internal.ref",
            "sun.nio.ch",
            "sun.nio.cs",
            "sun.security.action",
            "sun.util.calendar",
        )
    ),
    "-Djdk.reflect.useDirectMethodHandle=false",
    "-Dio.netty.tryReflectionSetAccessible=true",
)


class SparkUnavailableError(RuntimeError):
    """Spark cannot be started on this machine; the message says what is missing."""


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
    """A running job run: the JVM, the Python driver and its workers, in one process group."""

    def __init__(
        self, process: subprocess.Popen[bytes], files: RunFiles, new_archive: tuple[Path, Path] | None
    ) -> None:
        self._process = process
        self._files = files
        self._new_archive = new_archive

    @property
    def pid(self) -> int:
        """The id of the process and of its group."""
        return self._process.pid

    def wait(self, seconds: float) -> bool:
        """Wait for the end, at most some seconds; return whether it has come."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    @property
    def archives_classes(self) -> bool:
        """Whether the JVM writes a class archive after a script that succeeded, which takes it half a minute."""
        return self._new_archive is not None

    def has_outcome(self) -> bool:
        """Return whether the script is done; the JVM may still be ending."""
        return self._files.outcome.exists()

    def end(self) -> None:
        """End the whole process group at once and collect it. Harmless when it has already ended."""
        kill_group(self.pid)
        self._process.wait()
        if self._new_archive is not None and self._process.returncode == 0:
            made, kept = self._new_archive
            if made.exists():
                _keep(made, kept)

    def error(self) -> str | None:
        """Return why the run failed, or None if it succeeded. Only meaningful after the end, or with an outcome."""
        try:
            outcome = json.loads(self._files.outcome.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return f"Spark ended with exit code {self._process.returncode} before the script; see {self._files.errors}"
        error: str | None = outcome["error"]
        return error


class SparkRuntime:
    """Starts job runs with Spark.

    Args:
        cache_dir: Folder for what is made once: the file system's jar and the class archive. Any number of processes
            may share it.
        class_archive: Whether to keep and use a class archive.
    """

    def __init__(self, *, cache_dir: Path = DEFAULT_CACHE_DIR, class_archive: bool = True) -> None:
        self.cache_dir = cache_dir
        self._class_archive = class_archive
        self._making = threading.Lock()

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
        settings = {**SPARK_SETTINGS, **spark_settings, "spark.pyspark.python": sys.executable}
        settings["spark.sql.warehouse.dir"] = str(files.folder / "spark-warehouse")
        archive_options, new_archive = self._archive(files)
        command = [
            str(java()),
            *_JAVA_OPTIONS,
            *archive_options,
            *_MODULE_OPTIONS,
            "-cp",
            os.pathsep.join(map(str, self._class_path())),
            "org.apache.spark.deploy.SparkSubmit",
            *(word for name, value in settings.items() for word in ("--conf", f"{name}={value}")),
            *(("--py-files", ",".join(map(str, files.py_files))) if files.py_files else ()),
            str(_own_file("driver.py")),
            str(files.outcome),
            str(files.script),
            *arguments,
        ]
        with files.output.open("ab") as output, files.errors.open("ab") as errors:
            process = subprocess.Popen(
                command,
                cwd=files.folder,
                env={
                    **_inherited_environment(),
                    **environment,
                    "SPARK_LOCAL_DIRS": str(files.folder / "spark-local"),
                    "LOCAL_AWS_JOB_RUN_ID": files.run_id,
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        return SparkProcess(process, files, new_archive)

    def file_system_jar(self) -> Path:
        """Return the jar of ``S3FileSystem.scala``, compiled now if it is not there for this source and this Spark."""
        source = _own_file("S3FileSystem.scala")
        key = hashlib.sha256(source.read_bytes() + metadata.version("pyspark").encode()).hexdigest()[:16]
        jar = self.cache_dir / f"s3fs-{key}.jar"
        with self._making:
            if not jar.exists():
                self._compile(source, jar)
        return jar

    def _compile(self, source: Path, jar: Path) -> None:
        self.cache_dir.mkdir(parents=True, exist_ok=True)
        made = _draft(jar)
        command = [str(java()), "-XX:TieredStopAtLevel=1", "-cp", f"{_spark_home() / 'jars'}/*"]
        command += ["scala.tools.nsc.Main", "-usejavacp", "-d", str(made), str(source)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_COMPILE_SECONDS, check=False)
            if done.returncode:
                raise SparkUnavailableError(f"S3FileSystem.scala does not compile:\n{done.stdout}{done.stderr}")
            os.replace(made, jar)
        finally:
            made.unlink(missing_ok=True)

    def _class_path(self) -> list[Path]:
        # Java's own wildcard follows the order of the directory; a class archive wants the same order every time.
        return [self.file_system_jar(), *sorted((_spark_home() / "jars").glob("*.jar"))]

    def _archive(self, files: RunFiles) -> tuple[list[str], tuple[Path, Path] | None]:
        """Return the JVM's options for the class archive, and where this run makes one if there is none yet."""
        if not self._class_archive:
            return [], None
        # Java ignores, without a word, an archive of jars that have been replaced since.
        jars = [(str(jar), jar.stat().st_size, jar.stat().st_mtime_ns) for jar in self._class_path()]
        key = hashlib.sha256(f"{_java_version(java())} {jars}".encode()).hexdigest()[:16]
        kept = self.cache_dir / f"classes-{key}.jsa"
        if kept.exists():
            return [f"-XX:SharedArchiveFile={kept}"], None
        made = files.folder / "classes.jsa"
        return [f"-XX:ArchiveClassesAtExit={made}"], (made, kept)


def java() -> Path:
    """Return the Java that runs Spark: the one that setup.sh found or installed, JAVA_HOME's, or the one on the PATH.

    Raises:
        SparkUnavailableError: There is none.
    """
    # setup.sh looked for one that is new enough; JAVA_HOME may name any.
    program = Path(sys.prefix) / "java" / "bin" / "java"
    if program.exists():
        return program
    home = os.environ.get("JAVA_HOME")
    if home:
        program = Path(home) / "bin" / "java"
        if not program.exists():
            raise SparkUnavailableError(f"JAVA_HOME is {home}, which has no bin/java; Spark 4.1 needs Java 17 or 21")
        return program
    found = shutil.which("java")
    if found is None:
        raise SparkUnavailableError("there is no java on the PATH and no JAVA_HOME; Spark 4.1 needs Java 17 or 21")
    return Path(found)


def _draft(path: Path) -> Path:
    """Return a name beside a file that nobody else uses."""
    return path.with_name(f".{secrets.token_hex(8)}-{path.name}")


def _keep(made: Path, kept: Path) -> None:
    """Bring a file into the cache in one step, as two processes may do it at once; it may be on another disk."""
    draft = _draft(kept)
    try:
        shutil.copyfile(made, draft)
        os.replace(draft, kept)
    finally:
        draft.unlink(missing_ok=True)


def kill_group(pid: int) -> None:
    """End a process group at once; nothing happens if it does not exist."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


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


def _inherited_environment() -> dict[str, str]:
    """Return the little of our environment that a run may see: no credentials, endpoints or Airflow settings."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR") if name in os.environ}
    return kept | {
        "PYTHONPATH": str(_own_file("shims")),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "SPARK_HOME": str(_spark_home()),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "TZ": "UTC",
    }


def _own_file(name: str) -> Path:
    return Path(str(resources.files(local_aws.glue).joinpath(name)))


@functools.cache
def _spark_home() -> Path:
    try:
        location = metadata.distribution("pyspark").locate_file("pyspark")
    except metadata.PackageNotFoundError:
        raise SparkUnavailableError("pyspark is not installed: run ./setup.sh") from None
    return Path(str(location))


@functools.cache
def _java_version(program: Path) -> str:
    return subprocess.run([str(program), "-version"], capture_output=True, text=True, check=True).stderr


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with_parent() -> None:
    """Ask Linux to end this child when its parent dies, even by SIGKILL."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
