"""Objects in S3, with what identifies their bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class StoredObject:
    """An object in S3.

    Attributes:
        uri: Its s3:// URI.
        version_id: S3's version id; None if the bucket had no versioning, or the object was missing.
        etag: S3's entity tag without quotes; None if the object was missing.
    """

    uri: str
    version_id: str | None
    etag: str | None


@dataclass(frozen=True)
class StoredDocument(StoredObject):
    """A document in S3 whose bytes are known.

    Attributes:
        sha256: Hex digest of its bytes; None if it was missing.
    """

    sha256: str | None


@dataclass(frozen=True)
class CuratedFile(StoredObject):
    """A Parquet file that COPY loaded.

    Attributes:
        bytes: Its size.
        rows: Its number of rows; None if it is unknown, because a day has several files.
    """

    bytes: int
    rows: int | None


def stored_object(uri: str, answer: Mapping[str, Any]) -> StoredObject:
    """Return the object that S3's answer to GetObject, HeadObject or PutObject describes.

    Args:
        uri: Its s3:// URI.
        answer: The answer. Without versioning, an object has no version id, or the id ``null``.
    """
    version = answer.get("VersionId")
    return StoredObject(uri, None if version == "null" else version, answer["ETag"].strip('"'))


def stored_document(uri: str, answer: Mapping[str, Any], content: bytes) -> StoredDocument:
    """Return the document that S3's answer describes, with the hash of its bytes.

    Args:
        uri: Its s3:// URI.
        answer: S3's answer to GetObject or PutObject.
        content: Its bytes.
    """
    stored = stored_object(uri, answer)
    return StoredDocument(uri, stored.version_id, stored.etag, hashlib.sha256(content).hexdigest())
