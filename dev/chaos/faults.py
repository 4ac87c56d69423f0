"""Faults at the boundaries of a day's load, and the interceptors that cause them."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Literal

from dev.chaos.boundaries import Boundaries, Effect, statement_name, task_of
from local_aws.front.server import Call
from local_aws.protocol.errors import AwsError
from local_aws.protocol.http_response import HttpResponse
from local_aws.redshift.execution import StatementFailedError
from local_aws.redshift.statement_store import StatementRecord

logger = logging.getLogger(__name__)

CLIENT_SECONDS = 60
"""The timeout of botocore and of most calls of S3A, after which they retry. S3A waits 15 minutes for an upload
(fs.s3a.connection.part.upload.timeout), so a slow upload is only late."""
TASK_SECONDS = 90
"""The timeout of a task under the harness. Only ``curate_prices`` has a longer one."""


class Kind(StrEnum):
    """The kinds of fault."""

    REFUSED = "refused"
    """The call fails without an effect."""
    LOST = "lost"
    """The effect happens, but the response is lost."""
    KILLED = "killed"
    """The effect happens, and the calling process is killed with SIGKILL before it receives the response."""
    SLOW = "slow"
    """The effect happens late, after the client has timed out and retried, or after the task has timed out."""
    TAMPERED = "tampered"
    """Something else changes just before the effect. The effect itself is not broken. Only for happenings."""


@dataclass
class Fault:
    """One armed fault.

    Attributes:
        day: The day of the load.
        boundary: The effect's name; ``#n`` is the n-th object with an equal effect in one scope.
        kind: The kind of fault.
        times: How often it fires; None means until it is disarmed.
        on_fire: Called when it fires: before the effect is broken, or after the process was killed.
        fired: How often it has fired.
    """

    day: date
    boundary: str
    kind: Kind
    times: int | None = 1
    on_fire: Callable[[], None] | None = None
    fired: int = 0

    @property
    def spent(self) -> bool:
        """Whether it has fired as often as it should."""
        return self.times is not None and self.fired >= self.times


class Faults:
    """Arms faults and fires them through the two interceptors of the local AWS. Thread-safe.

    Args:
        boundaries: Names effects.
        slow_seconds: Delay of a slow boundary, in seconds; longer than the timeouts of client and task.
        on_fire: Called with the day of each fault that fires.
    """

    def __init__(
        self, boundaries: Boundaries, *, slow_seconds: float, on_fire: Callable[[date], None] = lambda _: None
    ) -> None:
        self._boundaries = boundaries
        self._slow_seconds = slow_seconds
        self._on_fire = on_fire
        self._lock = threading.Lock()
        self._armed: dict[date, Fault] = {}
        self._seen: dict[date, list[str]] = {}
        self._objects: dict[tuple[date, str, str], dict[str, int]] = {}
        self._serialization_failures: Counter[date] = Counter()
        self._counted: set[str] = set()

    def arm(self, fault: Fault) -> None:
        """Break a boundary from now on. A day has at most one fault."""
        with self._lock:
            self._armed[fault.day] = fault

    def disarm(self, day: date) -> None:
        """Stop breaking a day's load."""
        with self._lock:
            self._armed.pop(day, None)

    def seen(self, day: date) -> list[str]:
        """Return the boundaries of a day's load in the order that they were reached."""
        with self._lock:
            return list(self._seen.get(day, ()))

    def serialization_failures(self, day: date) -> int:
        """Return the number of statements of a day's loads that failed with error 1023."""
        with self._lock:
            return self._serialization_failures[day]

    def intercept_call(self, call: Call, moment: Literal["before", "after"], answer: HttpResponse | None) -> None:
        """Break a call if a fault is armed for it."""
        if answer is not None:
            self._boundaries.learn(call, answer)
            if call.operation == "DescribeStatement" and b"1023 DETAIL" in answer.body:
                self._count_serialization_failure(answer.body.decode())
        effect = self._boundaries.effect(call)
        if effect is None:
            return
        name = self._numbered(effect)
        if moment == "before":
            self._note(effect.day, name)
        if moment == "after" and answer is not None and answer.status >= 400:
            return  # the call had no effect
        fault = self._firing(effect.day, name, moment)
        if fault is None:
            return
        logger.info("%s: %s at %s", effect.day, fault.kind, name)
        if fault.kind != Kind.KILLED:
            self._signal(fault)
        match fault.kind:
            case Kind.REFUSED:
                raise AwsError("AccessDeniedException", f"chaos: {name} of {effect.day} is refused", 400)
            case Kind.TAMPERED:
                pass
            case Kind.SLOW:
                time.sleep(self._slow_seconds)
            case Kind.LOST:
                raise ConnectionResetError(f"chaos: the response of {name} is lost")
            case Kind.KILLED:
                self._kill(fault, process_of(call.client_port))
                raise ConnectionResetError(f"chaos: the caller of {name} was killed")

    def intercept_statements(
        self, records: Sequence[StatementRecord], number: int, moment: Literal["before", "committed"]
    ) -> None:
        """Fail a statement inside its transaction or after its commit, or only tamper before it."""
        if len(records) == 1:
            return  # a single statement is broken as a call
        statements = [record.query for record in records]
        day, task = self._boundaries.day_of_text("\n".join(statements)), task_of(statements)
        if day is None or task is None:
            return
        name = f"{task}: commit"
        if moment == "before":
            # A guard that is switched off is replaced by a statement without a name.
            name = f"{task}: statement {statement_name(statements[number]) or number + 1}"
        self._note(day, name)
        fault = self._armed_fault(day)
        if fault is None or fault.boundary != name or not self._count(fault):
            return
        logger.info("%s: %s at %s", day, fault.kind, name)
        self._signal(fault)
        if fault.kind != Kind.TAMPERED:
            raise StatementFailedError(f"ERROR: chaos: {name} of {day} failed")

    def _kill(self, fault: Fault, pid: int | None) -> None:
        try:
            if pid is None:
                raise ProcessLookupError
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            # No process was killed, so the response is only lost. That is a different fault, so this one did not fire.
            with self._lock:
                fault.fired -= 1
        else:
            self._signal(fault)

    def _count_serialization_failure(self, description: str) -> None:
        found = json.loads(description)
        texts = [found.get("QueryString", ""), *(sub["QueryString"] for sub in found.get("SubStatements", []))]
        day = self._boundaries.day_of_text("\n".join(texts))
        with self._lock:
            if day is not None and found["Id"] not in self._counted:
                self._counted.add(found["Id"])
                self._serialization_failures[day] += 1

    def _numbered(self, effect: Effect) -> str:
        """Number the objects instead of the calls, so that a client's retry for the same object hits the same fault.

        Only effects on objects have a scope, which comes from the object's path.
        """
        if not effect.scope:
            return effect.name
        with self._lock:
            objects = self._objects.setdefault((effect.day, effect.name, effect.scope), {})
            return f"{effect.name} #{objects.setdefault(effect.target, len(objects) + 1)}"

    def _note(self, day: date, name: str) -> None:
        with self._lock:
            self._seen.setdefault(day, []).append(name)

    def _armed_fault(self, day: date) -> Fault | None:
        with self._lock:
            fault = self._armed.get(day)
            return None if fault is None or fault.spent else fault

    def _firing(self, day: date, name: str, moment: str) -> Fault | None:
        fault = self._armed_fault(day)
        before = fault is not None and fault.kind in (Kind.REFUSED, Kind.SLOW, Kind.TAMPERED)
        if fault is None or fault.boundary != name or (moment == "before") != before:
            return None
        return fault if self._count(fault) else None

    def _count(self, fault: Fault) -> bool:
        """Count that a fault fires. Return False if it has fired often enough."""
        with self._lock:
            if fault.spent:
                return False
            fault.fired += 1
        return True

    def _signal(self, fault: Fault) -> None:
        self._on_fire(fault.day)
        if fault.on_fire is not None:
            fault.on_fire()


def process_of(client_port: int | None) -> int | None:
    """Return the process on this machine that holds the client's end of a connection (Linux)."""
    if client_port is None:
        return None
    # Java uses IPv6 sockets with IPv4-mapped addresses.
    wanted = {f"0100007F:{client_port:04X}", f"0000000000000000FFFF00000100007F:{client_port:04X}"}
    inode = None
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1] in wanted and fields[9] != "0":  # inode 0 is an earlier connection of that port
                inode = fields[9]
    if inode is None:
        return None
    for folder in Path("/proc").glob("[0-9]*/fd"):
        with contextlib.suppress(OSError):
            for link in folder.iterdir():
                with contextlib.suppress(OSError):
                    if os.readlink(link) == f"socket:[{inode}]":
                        return int(folder.parent.name)
    return None
