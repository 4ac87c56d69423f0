"""Runs moto inside this process, with a state that survives restarts and ``kill -9``.

moto keeps its state in memory. Every request that changes the state is written to a journal, with the clock and the
seed of the random numbers that moto saw. The next start replays the journal under the same clock and seeds. Ids, ARNs,
version ids and timestamps come back unchanged, and nothing here depends on moto's classes.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import random
import re
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote_to_bytes

import time_machine

from local_aws.moto_backend import additions as moto_additions
from local_aws.moto_backend import budgets as moto_budgets
from local_aws.moto_backend import iam_rules as moto_iam_rules
from local_aws.moto_backend import metric_statistics as moto_metrics
from local_aws.moto_backend import partitions as moto_partitions
from local_aws.moto_backend import s3_checksums as moto_s3_checksums
from local_aws.moto_backend import snapshot as moto_snapshot
from local_aws.moto_backend.journal import START_EMPTY, Entry, Journal
from local_aws.protocol.errors import refusal
from local_aws.protocol.http_request import HttpRequest
from local_aws.protocol.http_response import HttpResponse
from local_aws.protocol.service_models import SERVICES
from local_aws.protocol.wsgi import Environ, WsgiApplication

if TYPE_CHECKING:
    from flask import Flask
    from moto.backends import SERVICE_NAMES

logger = logging.getLogger(__name__)

# Signing name -> moto's name, for the services that moto handles.
MOTO_SERVICES: Mapping[str, str] = {
    name: "cloudwatch" if name == "monitoring" else name
    for name in SERVICES
    if name not in {"airflow", "athena", "redshift-data", "redshift-serverless"}
}

_READING = re.compile(r"(Get|List|Describe|Head|BatchGet|Search|Lookup|Check|Validate|Test|Estimate|Filter)[A-Z]\w*")
_READING_BY_NAME = frozenset(
    {"Encrypt", "Decrypt", "ReEncrypt", "Sign", "Verify", "GenerateMac", "VerifyMac", "GenerateRandom"}
)
_CHANGING_BY_NAME = frozenset({"GetSessionToken", "GetFederationToken"})
_RESOLUTION = 1e-6
# Replaying this many takes about two seconds. A snapshot of ten thousand objects takes half a second.
SNAPSHOT_AFTER_CHANGES = 2000


def changes_state(operation: str) -> bool:
    """Return whether an operation may change moto's state. Operations that are not known to read count as changes."""
    if operation in _CHANGING_BY_NAME:
        return True
    return not (
        operation in _READING_BY_NAME or operation.startswith("GenerateDataKey") or _READING.fullmatch(operation)
    )


class _ReplayError(RuntimeError):
    """moto did not repeat a journaled change."""


class MotoState:
    """Handles requests with moto, one at a time, and preserves moto's state.

    Only one instance may be in use in a process: moto's backends are global.

    Args:
        path: The journal's SQLite file. Its entries are replayed immediately.

    Attributes:
        replayed: The number of changes that were replayed on the start.

    Raises:
        StateVersionError: A different version of moto wrote the journal.
        RuntimeError: moto no longer accepts an entry that it accepted when it was written.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._applications: dict[str, Flask] = {}
        self._journal = Journal(path)
        self._last_moment = self._journal.last_moment()
        self._snapshot = path.with_suffix(".snapshot")
        self._entry_id = self._snapshot_entry_id = 0
        self.replayed = 0
        moto_additions.load_managed_policies_of_one_partition()
        _reset_moto(self._journal.began_at)
        try:
            self._restore()
        except BaseException:
            self._journal.close()
            raise

    def respond(self, signing_name: str, operation: str, request: HttpRequest) -> HttpResponse:
        """Handle one request with moto. A change is on disk before this returns.

        Args:
            signing_name: The signing name of the service, a key of MOTO_SERVICES.
            operation: The operation's name.
            request: The request.

        Returns:
            moto's response.

        Raises:
            AwsError: moto does not implement the operation.
        """
        with self._lock:
            application = self._application(signing_name)
            if not changes_state(operation):
                return _call(application, signing_name, operation, request)
            entry = Entry(self._next_moment(), secrets.randbits(63), signing_name, operation, request)
            with time_machine.travel(entry.at, tick=False), _seeded(entry.seed):
                response = _call(application, signing_name, operation, request)
            if response.status < 400:
                self._entry_id = self._journal.append(entry)
                if self._entry_id - self._snapshot_entry_id >= SNAPSHOT_AFTER_CHANGES:
                    self._save_snapshot()
            return response

    def standing_still(self) -> contextlib.AbstractContextManager[Any]:
        """Return a context manager that pauses moto, for reading its backends.

        The first access to a backend builds it, with random numbers that must not mix with a request's.
        """
        return self._lock

    def close(self) -> None:
        """Wait for the current request, save a snapshot of the state and close the journal."""
        with self._lock:
            self._save_snapshot()
            self._journal.close()

    def _save_snapshot(self) -> None:
        if self._entry_id > self._snapshot_entry_id:
            moto_snapshot.save(self._snapshot, began_at=self._journal.began_at, entry_id=self._entry_id)
            self._snapshot_entry_id = self._entry_id

    def _next_moment(self) -> float:
        # Never return the same time twice, because moto sorts an object's versions by time.
        self._last_moment = max(round(time.time(), 6), self._last_moment + _RESOLUTION)
        return self._last_moment

    def _restore(self) -> None:
        started = time.monotonic()
        snapshot_entry_id = moto_snapshot.load(self._snapshot, began_at=self._journal.began_at)
        try:
            self._replay(snapshot_entry_id)
        except _ReplayError as error:
            if not snapshot_entry_id:
                raise
            # An entry may depend on a state of another service that changed again before the snapshot.
            logger.warning("the snapshot does not match the journal (%s): replaying the whole journal instead", error)
            _reset_moto(self._journal.began_at)
            snapshot_entry_id = 0
            self._replay(snapshot_entry_id)
        self._snapshot_entry_id = snapshot_entry_id
        self._entry_id = self._journal.last_number()
        if self._entry_id:
            seconds = time.monotonic() - started
            logger.info("restored moto's state in %.2f s, with %d replayed changes", seconds, self.replayed)

    def _replay(self, snapshot_entry_id: int) -> None:
        self.replayed = 0
        skipped = moto_snapshot.IN_SNAPSHOT if snapshot_entry_id else ()
        with time_machine.travel(self._journal.began_at, tick=False) as clock:
            for _, entry in self._journal.entries(after=snapshot_entry_id, of_these=skipped):
                application = self._application(entry.service)
                clock.move_to(entry.at)
                with _seeded(entry.seed):
                    response = _call(application, entry.service, entry.operation, entry.request)
                if response.status >= 400:
                    raise _ReplayError(
                        f"moto returned {response.status} for {entry.service} {entry.operation}, which succeeded when "
                        f"it was written to {self._journal.path}. {START_EMPTY}"
                    )
                self.replayed += 1

    def _application(self, signing_name: str) -> Flask:
        """Return moto's application for a service. It is created on first use, because creating all takes seconds."""
        if signing_name not in self._applications:
            from moto.moto_server.werkzeug_app import create_backend_app

            if signing_name == "glue":
                moto_additions.add_glue_operations()
                moto_partitions.add_partition_operations()
            elif signing_name == "s3":
                moto_s3_checksums.add_s3_checksums()
                moto_additions.keep_bucket_policies_unevaluated()
                moto_additions.read_policies_of_log_buckets()
                moto_additions.keep_versions_when_versioning_is_suspended()
                moto_additions.refuse_unknown_multipart_uploads()
            elif signing_name == "events":
                moto_additions.add_event_operations()
            elif signing_name == "ec2":
                moto_additions.add_descriptions_of_group_rules()
            elif signing_name == "budgets":
                moto_budgets.add_budget_operations()
            elif signing_name == "iam":
                moto_iam_rules.add_iam_rules()
            elif signing_name == "sts":
                moto_iam_rules.add_sts_rules()
            elif signing_name == "kms":
                moto_additions.set_defaults_of_kms_keys()
            elif signing_name == "monitoring":
                moto_metrics.align_metric_statistics()
            self._applications[signing_name] = create_backend_app(cast("SERVICE_NAMES", MOTO_SERVICES[signing_name]))
        return self._applications[signing_name]


def _call(application: Flask, signing_name: str, operation: str, request: HttpRequest) -> HttpResponse:
    status, headers = 0, list[tuple[str, str]]()

    def start_response(line: str, pairs: list[tuple[str, str]], _exc_info: Any = None) -> Callable[[bytes], object]:
        nonlocal status, headers
        status, headers = int(line.split(" ", 1)[0]), pairs
        return lambda _data: None

    try:
        chunks = cast("WsgiApplication", application)(_environ_of(request), start_response)
        body = b"".join(chunks)
    except NotImplementedError as error:
        logger.info("moto does not implement %s %s: %s", signing_name, operation, error)
        raise refusal(signing_name, operation) from error
    return HttpResponse(status, [(name, value) for name, value in headers if name.lower() != "connection"], body)


def _environ_of(request: HttpRequest) -> Environ:
    from moto.core.request import PRESERVED_HEADER_NAMES_ENVIRON_KEY, should_preserve_original_header_name

    headers: dict[str, str] = {}
    preserved: dict[str, str] = {}
    for name, value in request.headers:
        key = "HTTP_" + name.upper().replace("-", "_")
        headers[key] = f"{headers[key]},{value}" if key in headers else value
        if should_preserve_original_header_name(name):
            preserved[key] = name
    content_type = headers.pop("HTTP_CONTENT_TYPE", None)
    for framing in ("HTTP_CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING", "HTTP_EXPECT"):
        headers.pop(framing, None)
    host, _, port = headers.get("HTTP_HOST", "127.0.0.1").partition(":")
    return {
        **headers,
        **({} if content_type is None else {"CONTENT_TYPE": content_type}),
        PRESERVED_HEADER_NAMES_ENVIRON_KEY: preserved,
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.raw_path).decode("latin-1"),
        "RAW_URI": request.raw_path,
        "QUERY_STRING": request.query,
        "CONTENT_LENGTH": str(len(request.body)),
        "SERVER_NAME": host,
        "SERVER_PORT": port or "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }


# ---------------------------------------------------------------------------------------------------- repeatability


class _RepeatableUrandom(threading.local):
    """os.urandom for moto: seeded while a journaled request runs, the system's otherwise.

    moto takes most random numbers from its own generator, but takes multipart upload ids, session tokens, key material
    and UUIDs from os.urandom. The generator belongs to one thread, so the rest of the process neither receives its
    numbers nor consumes them.
    """

    generator: random.Random | None = None
    system_urandom = staticmethod(os.urandom)

    def __call__(self, size: int) -> bytes:
        return self.system_urandom(size) if self.generator is None else self.generator.randbytes(size)


_urandom = _RepeatableUrandom()


@contextlib.contextmanager
def _seeded(seed: int | str) -> Iterator[None]:
    """Derive all of moto's random numbers in this thread from the seed, and restore the previous state afterwards."""
    from moto.moto_api._internal import mock_random

    before = mock_random.getstate(), _urandom.generator
    mock_random.seed(seed)
    _urandom.generator = random.Random(seed)  # noqa: S311 - it must be repeatable
    try:
        yield
    finally:
        mock_random.setstate(before[0])
        _urandom.generator = before[1]


def _reset_moto(began_at: float) -> None:
    """Empty moto, and from now on make it build each backend the same way, independent of caller and time.

    EC2's backend creates a default VPC, and EventBridge's backend creates a default bus with a creation time. The call
    that builds a backend may be a read, which is not in the journal.
    """
    from moto.core.base_backend import AccountSpecificBackend, BackendDict

    os.urandom = _urandom
    BackendDict.reset()
    get_region = _ORIGINALS.setdefault("region", AccountSpecificBackend.__getitem__)
    create_account = _ORIGINALS.setdefault("account", BackendDict._create_account_specific_backend)

    def region_backend(self: Any, region: str) -> Any:
        if region in self.keys():
            return get_region(self, region)
        with time_machine.travel(began_at, tick=False), _seeded(f"{self.service_name}/{self.account_id}/{region}"):
            return get_region(self, region)

    def account_backends(self: Any, account_id: str) -> None:
        if account_id not in self.keys():
            with _seeded(f"{self.service_name}/{account_id}"):
                create_account(self, account_id)

    AccountSpecificBackend.__getitem__ = region_backend  # type: ignore[method-assign]
    BackendDict._create_account_specific_backend = account_backends  # type: ignore[method-assign]


_ORIGINALS: dict[str, Callable[..., Any]] = {}
