"""The JVMs of job runs. Each is started once and serves several runs in sequence.

A JVM is started directly as ``SparkSubmit`` with the jars of the installed pyspark, because Spark's shell scripts start
a second JVM only to build the command line. It opens a Py4J gateway, as for an interactive ``pyspark``, and a run's
driver (``driver.py``) connects to it. Most of a short run's time is class loading, which a JVM that has already served
a run does not repeat. Runs do not see each other: each creates its own Spark context, Spark properties, streams and
credentials, only one run uses a JVM at a time, and a JVM is kept only after a successful run.

A cache folder stores two things that are created once: the jars of S3A, and an archive of the classes that a run loads
(application class data sharing). Both depend only on the installed Spark, not on any state.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local_aws.glue.installed_spark import (
    DEFAULT_CACHE_DIR,
    inherited_environment,
    java,
    own_file,
    spark_jars,
)
from local_aws.glue.s3a_jars import s3a_jars
from local_aws.replaced_file import replacing

logger = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_ARCHIVE_SECONDS = 120
_IDLE_SECONDS = 180.0
_RUNS_EACH = 50
"""Runs per JVM. Each run leaves a little memory behind, which is freed when the JVM ends."""

_JAVA_OPTIONS = (
    "-Xmx1g",
    "-XX:TieredStopAtLevel=1",  # a run of a few seconds ends before the optimizing compiler pays off
    "-XX:+UseSerialGC",
    "-Xshare:auto",
    "-Xlog:cds=off",  # thousands of lines about classes that cannot be archived
    "-Duser.timezone=UTC",
)
# Options that bin/spark-class adds for Java 17 (org.apache.spark.launcher.JavaModuleOptions).
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


class SparkJvm:
    """A JVM with Spark's classes, in its own process group. It ends when its standard input is closed.

    Attributes:
        gateway: The file that receives the port and the secret of the JVM's gateway when it is ready.
        runs: The number of runs that have used it.
        idle_since: When it was last returned to the pool, on the monotonic clock.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], folder: Path, new_archive: tuple[Path, Path] | None = None
    ) -> None:
        self._process = process
        self._folder = folder
        self._new_archive = new_archive
        self.gateway = folder / "gateway"
        self.runs = 0
        self.idle_since = 0.0

    @property
    def exit_code(self) -> int | None:
        """The exit code, or None while it is running."""
        return self._process.poll()

    @property
    def archives_classes(self) -> bool:
        """Whether it writes a class archive when it ends normally, which takes half a minute."""
        return self._new_archive is not None

    def log(self) -> str:
        """Return its output outside runs."""
        return (self._folder / "jvm.log").read_text(encoding="utf-8", errors="replace")

    def end(self) -> None:
        """Kill the whole process group and reap it. It may have ended already."""
        kill_group(self._process.pid)
        self._process.wait()
        self._close_input()
        shutil.rmtree(self._folder, ignore_errors=True)

    def end_and_archive(self) -> None:
        """Let it end normally, and keep the class archive that it writes."""
        self._close_input()
        try:
            self._process.wait(_ARCHIVE_SECONDS)
            if self._new_archive is not None and self._process.returncode == 0:
                made, kept = self._new_archive
                if made.exists():
                    _keep(made, kept)
        except subprocess.TimeoutExpired:
            # The run succeeded, and the next emulator will try again. The exception would show the whole class path.
            logger.warning(
                "the class archive was not kept: Spark's JVM needed more than %d s to write it", _ARCHIVE_SECONDS
            )
        except OSError as failure:
            logger.warning("the class archive was not kept: %s", failure)
        finally:
            self.end()

    def _close_input(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()


class SparkJvms:
    """Starts JVMs, and keeps them for a while for later runs.

    Args:
        cache_dir: Folder for the jars of S3A and the class archive. Any number of processes may share it.
        work_dir: Folder for the JVMs' own files, which are deleted when they end. None for the system's temporary
            folder.
        idle_seconds: Seconds after which an idle JVM is ended.
    """

    def __init__(
        self,
        *,
        cache_dir: Path = DEFAULT_CACHE_DIR,
        work_dir: Path | None = None,
        idle_seconds: float = _IDLE_SECONDS,
    ) -> None:
        self.cache_dir = cache_dir
        self._work_dir = work_dir
        self._idle_seconds = idle_seconds
        self._making = threading.Lock()
        self._lock = threading.Lock()
        self._archive_begun = False
        # Linux ends a child together with the thread that started it, and a run's thread ends before its JVM.
        self._starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spark-jvms")
        self._idle: list[SparkJvm] = []
        self._archiving: dict[SparkJvm, threading.Thread] = {}

    def take(self) -> SparkJvm:
        """Return a JVM for exclusive use: an idle one, or a new one that is still starting.

        Raises:
            SparkUnavailableError: Java, Spark or the jars of S3A are missing.
        """
        with self._lock:
            while self._idle:
                jvm = self._idle.pop()
                if jvm.exit_code is None:
                    return jvm
                jvm.end()
        return self._start()

    def give_back(self, jvm: SparkJvm) -> None:
        """Take a JVM back after a successful run. It is kept for later runs or ended."""
        jvm.runs += 1
        with self._lock:
            if jvm.archives_classes:
                archivist = threading.Thread(target=self._archive_classes, args=(jvm,), daemon=True)
                self._archiving[jvm] = archivist
                archivist.start()
                return
            if jvm.exit_code is None and jvm.runs < _RUNS_EACH:
                self._idle.append(jvm)
                jvm.idle_since = time.monotonic()
                timer = threading.Timer(self._idle_seconds, self._end_idle)
                timer.daemon = True
                timer.start()
                return
        jvm.end()

    def _end_idle(self) -> None:
        with self._lock:
            longest = time.monotonic() - self._idle_seconds
            ending = [jvm for jvm in self._idle if jvm.idle_since <= longest]
            self._idle = [jvm for jvm in self._idle if jvm not in ending]
        for jvm in ending:
            jvm.end()

    def finish_archive(self) -> None:
        """Wait until the JVM that writes the class archive has finished, if there is one."""
        with self._lock:
            archiving = dict(self._archiving)
        for archivist in archiving.values():
            archivist.join()

    def close(self) -> None:
        """End the JVMs that no run uses. More can be taken afterwards."""
        with self._lock:
            idle, self._idle = self._idle, []
            archiving = dict(self._archiving)
        for jvm in [*idle, *archiving]:
            jvm.end()
        for archivist in archiving.values():
            archivist.join()

    def _class_path(self) -> list[Path]:
        # Java's own wildcard follows the order of the directory. A class archive requires the same order every time.
        return [*spark_jars(), *s3a_jars(self.cache_dir)]

    def _archive_classes(self, jvm: SparkJvm) -> None:
        jvm.end_and_archive()
        with self._lock:
            del self._archiving[jvm]

    def _start(self) -> SparkJvm:
        class_path = os.pathsep.join(map(str, self._class_path()))
        if self._work_dir is not None:
            self._work_dir.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="local-aws-spark-", dir=self._work_dir))
        try:
            return self._starter.submit(self._start_in, folder, class_path).result()
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def _start_in(self, folder: Path, class_path: str) -> SparkJvm:
        archive_options, new_archive = self._archive(folder)
        command = [
            str(java()),
            *_JAVA_OPTIONS,
            f"-Dlog4j2.configurationFile={own_file('log4j2.properties')}",
            f"-Djava.io.tmpdir={folder}",
            *archive_options,
            *_MODULE_OPTIONS,
            "-cp",
            class_path,
            "org.apache.spark.deploy.SparkSubmit",
            "pyspark-shell",
        ]
        jvm_environment = {
            **inherited_environment(),
            "SPARK_LOCAL_DIRS": str(folder),
            "SPARK_CONNECT_MODE": "0",
            "_PYSPARK_DRIVER_CONN_INFO_PATH": str(folder / "gateway"),
        }
        with (folder / "jvm.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=jvm_environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A JVM that writes the class archive would keep running for half a minute after its input is closed.
                preexec_fn=die_with_parent if sys.platform == "linux" else None,
            )
        return SparkJvm(process, folder, new_archive)

    def _archive(self, folder: Path) -> tuple[list[str], tuple[Path, Path] | None]:
        """Return the JVM's options for the class archive, and its temporary and final path if this JVM creates it."""
        # Java silently ignores an archive if the size or the modification time (in seconds) of a jar has changed since.
        # Image layers store times only in whole seconds.
        jars = [(str(jar), jar.stat().st_size, int(jar.stat().st_mtime)) for jar in self._class_path()]
        key = hashlib.sha256(f"{_java_version(java())} {jars}".encode()).hexdigest()[:16]
        self.cache_dir.mkdir(parents=True, exist_ok=True)
        kept = self.cache_dir / f"classes-{key}.jsa"
        if kept.exists():
            return [f"-XX:SharedArchiveFile={kept}"], None
        with self._making:
            if self._archive_begun:
                return [], None
            self._archive_begun = True
        made = folder / "classes.jsa"
        return [f"-XX:ArchiveClassesAtExit={made}"], (made, kept)


def _keep(made: Path, kept: Path) -> None:
    """Move a file into the cache in one step, because other processes may do the same. The disks may differ."""
    with replacing(kept) as draft:
        shutil.copyfile(made, draft)


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Make Linux kill this child when the thread that started it ends, even if its process is killed."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def kill_group(pid: int) -> None:
    """Kill a process group. Do nothing if it does not exist."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@functools.cache
def _java_version(program: Path) -> str:
    return subprocess.run(
        [str(program), "-version"], capture_output=True, text=True, check=True, env=inherited_environment()
    ).stderr
