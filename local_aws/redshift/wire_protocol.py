"""Messages of PostgreSQL's frontend/backend protocol 3, which Redshift's clients use.

Format: https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import struct
from collections.abc import Sequence
from typing import IO

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
VERSION_3 = 3
TEXT, BINARY = 0, 1
MAX_MESSAGE_BYTES = 64 * 1024 * 1024

_EPOCH = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_NUMBERS = {20: (">q", int), 21: (">h", int), 23: (">i", int), 26: (">I", int), 700: (">f", float), 701: (">d", float)}
_TEXT_TYPES = {18, 19, 25, 705, 1042, 1043, 1790}
_BOOLEAN, _TIMESTAMP, _TIMESTAMPTZ = 16, 1114, 1184


class ProtocolError(Exception):
    """The client sent something that is not a message of the protocol."""


@dataclasses.dataclass(frozen=True)
class Field:
    """A column of a result, with the members of RowDescription."""

    name: bytes
    table: int
    column: int
    type: int
    size: int
    modifier: int


@dataclasses.dataclass(frozen=True)
class Bound:
    """A Bind message."""

    portal: bytes
    statement: bytes
    formats: tuple[int, ...]
    values: tuple[bytes | None, ...]
    result_formats: tuple[int, ...]


def message(kind: bytes, body: bytes = b"") -> bytes:
    """Return a message."""
    return kind + struct.pack(">i", len(body) + 4) + body


def read_startup(stream: IO[bytes]) -> tuple[int, bytes] | None:
    """Return the code and the rest of a connection's first message, or None if the client is gone."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    (length,) = struct.unpack(">i", head)
    if not 8 <= length <= 10_000:
        raise ProtocolError("invalid length of startup packet")
    body = stream.read(length - 4)
    return struct.unpack(">i", body[:4])[0], body[4:]


def read_message(stream: IO[bytes], *, longest: int = MAX_MESSAGE_BYTES) -> tuple[bytes, bytes] | None:
    """Return the kind and the body of the next message, or None if the client is gone.

    Raises:
        ProtocolError: The message is longer than this many bytes.
    """
    head = stream.read(5)
    if len(head) < 5:
        return None
    kind, length = head[:1], struct.unpack(">i", head[1:])[0]
    if not 4 <= length <= longest:
        raise ProtocolError("invalid message length")
    body = stream.read(length - 4)
    return (kind, body) if len(body) == length - 4 else None


def strings(body: bytes) -> list[str]:
    """Return the zero-terminated strings of a body."""
    return [part.decode() for part in body.split(b"\0")[:-1]]


def parse_message(body: bytes) -> tuple[bytes, str, tuple[int, ...]]:
    """Return the name, the text and the parameters' types of a Parse message."""
    name, text, rest = body.split(b"\0", 2)
    (count,) = struct.unpack_from(">h", rest)
    return name, text.decode(), struct.unpack_from(f">{count}I", rest, 2)


def bind_message(body: bytes) -> Bound:
    """Return the content of a Bind message."""
    portal, statement, rest = body.split(b"\0", 2)
    at = 0

    def codes() -> tuple[int, ...]:
        nonlocal at
        (count,) = struct.unpack_from(">h", rest, at)
        found = struct.unpack_from(f">{count}h", rest, at + 2)
        at += 2 + 2 * count
        return found

    formats = codes()
    (count,) = struct.unpack_from(">h", rest, at)
    at += 2
    values: list[bytes | None] = []
    for _ in range(count):
        (length,) = struct.unpack_from(">i", rest, at)
        at += 4
        values.append(None if length < 0 else rest[at : at + length])
        at += max(length, 0)
    spread = formats if len(formats) == count else (formats[0] if formats else TEXT,) * count
    return Bound(portal, statement, spread, tuple(values), codes())


def row_description(fields: Sequence[Field], formats: Sequence[int]) -> bytes:
    """Return a RowDescription message."""
    body = struct.pack(">h", len(fields))
    for field, code in zip(fields, formats, strict=True):
        body += field.name + b"\0"
        body += struct.pack(">IhIhih", field.table, field.column, field.type, field.size, field.modifier, code)
    return message(b"T", body)


def data_row(values: Sequence[bytes | None]) -> bytes:
    """Return a DataRow message."""
    parts = [struct.pack(">h", len(values))]
    for value in values:
        parts.append(struct.pack(">i", -1) if value is None else struct.pack(">i", len(value)) + value)
    return message(b"D", b"".join(parts))


def error_or_notice(kind: bytes, severity: str, code: str, text: str) -> bytes:
    """Return an ErrorResponse (kind ``E``) or a NoticeResponse (``N``)."""
    parts = {"S": severity, "V": severity, "C": code, "M": text}
    return message(kind, b"".join(f"{name}{value}".encode() + b"\0" for name, value in parts.items()) + b"\0")


def spread_formats(requested: Sequence[int], columns: int) -> tuple[int, ...]:
    """Return the format of each result column for the format codes of a Bind message."""
    return tuple(requested) if len(requested) == columns else (requested[0] if requested else TEXT,) * columns


def encoded(value: bytes | None, type_oid: int, code: int) -> bytes | None:
    """Return a value in text format in the format that a client requested.

    Raises:
        ProtocolError: The binary format of this type is not supported.
    """
    if value is None or code == TEXT or type_oid in _TEXT_TYPES:
        return value
    if type_oid == _BOOLEAN:
        return b"\1" if value == b"t" else b"\0"
    if type_oid in _NUMBERS:
        layout, read = _NUMBERS[type_oid]
        return struct.pack(layout, read(value))
    if type_oid in {_TIMESTAMP, _TIMESTAMPTZ}:
        moment = dt.datetime.fromisoformat(value.decode())
        return struct.pack(">q", (moment.replace(tzinfo=dt.UTC) - _EPOCH) // dt.timedelta(microseconds=1))
    raise ProtocolError(f"type {type_oid} is not supported in binary format")
