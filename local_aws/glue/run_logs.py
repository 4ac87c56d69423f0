"""Sends a run's output to CloudWatch Logs, as Glue does: standard output and standard error to a log group each."""

from __future__ import annotations

import contextlib
import logging
import time
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

logger = logging.getLogger(__name__)

# Limits of PutLogEvents, less a margin for the 26 bytes that each event adds to its text.
_EVENTS_AT_ONCE = 10_000
_BYTES_AT_ONCE = 900_000
_BYTES_OF_EVENT = 250_000


class LogStream:
    """Sends one file of a run to one log stream, while the file grows.

    A run does not fail because of its logs. The stream logs the first error and then stops sending.

    Args:
        client: A CloudWatch Logs client.
        group: The log group. It is created if it does not exist.
        stream: The log stream, the run's id.
        path: The file to follow.
    """

    def __init__(self, client: Any, *, group: str, stream: str, path: Path) -> None:
        self._client = client
        self._group = group
        self._stream = stream
        self._path = path
        self._sent = 0
        self._begun = False
        self._given_up = False

    def send(self, *, final: bool = False) -> None:
        """Send the lines that were written since the last call. The final call also sends an incomplete line."""
        if self._given_up or not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._sent)
            new = file.read()
        if not final:
            new = new[: new.rfind(b"\n") + 1]
        lines = [line for line in new.decode("utf-8", "replace").splitlines() if line.strip()]
        try:
            if lines:
                self._begin()
                self._put(lines)
        except (ClientError, BotoCoreError) as error:
            self._given_up = True
            logger.warning("the log of job run %s cannot be sent to %s: %s", self._stream, self._group, error)
        self._sent += len(new)

    def _begin(self) -> None:
        if self._begun:
            return
        exists = self._client.exceptions.ResourceAlreadyExistsException
        with contextlib.suppress(exists):
            self._client.create_log_group(logGroupName=self._group)
        with contextlib.suppress(exists):
            self._client.create_log_stream(logGroupName=self._group, logStreamName=self._stream)
        self._begun = True

    def _put(self, lines: list[str]) -> None:
        now = int(time.time() * 1000)
        batch: list[dict[str, Any]] = []
        size = 0
        for line in lines:
            message = line[: _BYTES_OF_EVENT // 4]
            if batch and (len(batch) == _EVENTS_AT_ONCE or size + len(message) * 4 + 26 > _BYTES_AT_ONCE):
                self._client.put_log_events(logGroupName=self._group, logStreamName=self._stream, logEvents=batch)
                batch, size = [], 0
            batch.append({"timestamp": now, "message": message})
            size += len(message) * 4 + 26
        self._client.put_log_events(logGroupName=self._group, logStreamName=self._stream, logEvents=batch)
