"""moto, inside this process, with a state that survives restarts and a kill -9.

moto keeps its state in memory. Every request that changes it is journaled with the clock and the seed of the random numbers
that moto saw, and on the next start the journal is replayed under the same clock and seeds: ids, ARNs, version ids and
timestamps come back as they were, without knowing anything of moto's classes.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import random
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import time_machine

from local_aws.moto_journal import Entry, Journal
from local_aws.operation_names import SERVICES
from local_aws.wire import Answer, AwsError, Environ, WsgiApplication, raw_path, refusal

if TYPE_CHECKING:
    from flask import Flask
    from moto.backends import SERVICE_NAMES

logger = logging.getLogger(__name__)

# moto reads these when it is imported. No page of a browser has any business here; AMIs are for instances, which are
# refused, and cost a second; AWS's managed policies are attached by roles and cost 0.03 s.
os.environ.setdefault("MOTO_DISABLE_GLOBAL_CORS", "true")
os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")

# Signing name -> moto's name, for the services that moto answers.
MOTO_SERVICES: Mapping[str, str] = {
    name: "cloudwatch" if name == "monitoring" else name
    for name in SERVICES
    if name not in {"airflow", "redshift-data", "redshift-serverless"}
}

_READING = re.compile(r"(Get|List|Describe|Head|BatchGet|Search|Lookup|Check|Validate|Test|Estimate|Filter|Simulate)[A-Z0-9]?\w*")
_READING_BY_NAME = frozenset({"Encrypt", "Decrypt", "ReEncrypt", "Sign", "Verify", "GenerateMac", "VerifyMac", "GenerateRandom"})
_CHANGING_BY_NAME = frozenset({"GetSessionToken", "GetFederationToken"})
_RESOLUTION = 1e-6


def changes_state(operation: str) -> bool:
    """Tell whether an operation may change moto's state; what is not known to read is taken to change."""
    if operation in _CHANGING_BY_NAME:
        return True
    return not (operation in _READING_BY_NAME or operation.startswith("GenerateDataKey") or _READING.fullmatch(operation))


class _RepeatableRandom(threading.local):
    """os.urandom for moto: from a seeded generator inside a journaled request, from the system everywhere else.

    moto takes most random numbers from its own generator, but multipart upload ids, session tokens, key material and uuids
    from os.urandom. The generator belongs to one thread, so that the rest of the process neither gets nor uses up its
    numbers.
    """

    generator: random.Random | None = None

    def __init__(self, system_urandom: Callable[[int], bytes]) -> None:
        self._system_urandom = system_urandom

    def urandom(self, size: int) -> bytes:
        return self._system_urandom(size) if self.generator is None else self.generator.randbytes(size)


_repeatable = _RepeatableRandom(os.urandom)
os.urandom = _repeatable.urandom


class MotoState:
    """Answers requests with moto, one at a time, and keeps its state.

    Only one instance may be in use in a process: moto's backends are global.

    Args:
        path: The journal's SQLite file. Its entries are replayed at once.

    Raises:
        StateVersionError: Another version of moto wrote the journal.
        RuntimeError: moto no longer accepts an entry that it accepted when it was written.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._applications: dict[str, Flask] = {}
        self._last_moment = 0.0
        self._journal = Journal(path)
        self.replayed = 0
        try:
            self._replay()
        except BaseException:
            self._journal.close()
            raise

    def answer(self, signing_name: str, operation: str, environ: Environ, body: bytes) -> Answer:
        """Answer one request with moto; a change is on disk before this returns.

        Args:
            signing_name: The signing name of the service, a key of MOTO_SERVICES.
            operation: The operation's name.
            environ: The WSGI environment.
            body: The request's whole body.

        Returns:
            moto's answer.

        Raises:
            AwsError: moto does not implement the operation.
        """
        with self._lock:
            if not changes_state(operation):
                return self._ask(signing_name, operation, environ, body)
            entry = Entry(
                at=self._next_moment(),
                seed=secrets.randbits(63),
                service=signing_name,
                operation=operation,
                method=environ["REQUEST_METHOD"],
                raw_path=raw_path(environ),
                query=environ.get("QUERY_STRING", ""),
                headers=tuple(_headers_of(environ)),
                body=body,
            )
            with time_machine.travel(entry.at, tick=False), _seeded(entry.seed):
                answer = self._ask(signing_name, operation, _environ_of(entry), body)
            if answer.status < 400:
                self._journal.append(entry)
            return answer

    def close(self) -> None:
        """Wait for the request that is being answered, then close the journal."""
        with self._lock:
            self._journal.close()

    def _next_moment(self) -> float:
        # Never the same moment twice: moto orders an object's versions by their time.
        self._last_moment = max(round(time.time(), 6), self._last_moment + _RESOLUTION)
        return self._last_moment

    def _replay(self) -> None:
        started = time.monotonic()
        with time_machine.travel(0, tick=False) as clock:
            for entry in self._journal:
                clock.move_to(entry.at)
                with _seeded(entry.seed):
                    answer = self._ask(entry.service, entry.operation, _environ_of(entry), entry.body)
                if answer.status >= 400:
                    raise RuntimeError(
                        f"moto answered {answer.status} to {entry.service} {entry.operation}, which it had carried out when "
                        f"it was journaled in {self._journal.path}; run `make clean` to begin with an empty state."
                    )
                self._last_moment = entry.at
                self.replayed += 1
        if self.replayed:
            logger.info("replayed %d changes of moto's state in %.2f s", self.replayed, time.monotonic() - started)

    def _ask(self, signing_name: str, operation: str, environ: Environ, body: bytes) -> Answer:
        environ = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        try:
            return _collect(self._application(signing_name), environ)
        except NotImplementedError as error:
            logger.info("moto does not implement %s %s: %s", signing_name, operation, error)
            raise refusal(signing_name, operation) from error

    def _application(self, signing_name: str) -> Flask:
        """Return moto's application for a service, imported and built on its first use: all of them cost seconds."""
        if signing_name not in self._applications:
            from moto.moto_server.werkzeug_app import create_backend_app

            self._applications[signing_name] = create_backend_app(cast("SERVICE_NAMES", MOTO_SERVICES[signing_name]))
        return self._applications[signing_name]


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Make everything random that moto does in this thread a function of the seed."""
    from moto.moto_api._internal import mock_random

    mock_random.seed(seed)
    _repeatable.generator = random.Random(seed)  # noqa: S311 - repeatable is the point, and nothing here is a secret of AWS
    try:
        yield
    finally:
        _repeatable.generator = None


def _collect(application: WsgiApplication | Flask, environ: Environ) -> Answer:
    status, headers = 0, list[tuple[str, str]]()

    def start_response(line: str, pairs: list[tuple[str, str]], _exc_info: Any = None) -> Callable[[bytes], object]:
        nonlocal status, headers
        status, headers = int(line.split(" ", 1)[0]), pairs
        return lambda _data: None

    chunks = cast("WsgiApplication", application)(environ, start_response)
    try:
        body = b"".join(chunks)
    finally:
        getattr(chunks, "close", lambda: None)()
    return Answer(status, headers, body)
