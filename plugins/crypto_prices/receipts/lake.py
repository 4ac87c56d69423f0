"""Reads objects of the lake as they are now and as a load record names them."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from crypto_prices_contract.s3_keys import split_s3_uri

_MISSING = frozenset({"404", "NoSuchKey", "NoSuchVersion"})
# Of a version id that S3 never gave.
_INVALID = "InvalidArgument"


@dataclass(frozen=True)
class FoundObject:
    """An object in S3.

    Attributes:
        uri: Its s3:// URI.
        version_id: S3's version id; None without versioning.
        etag: S3's entity tag without quotes.
        size: Its size in bytes.
        content: Its bytes; None if only its head was read.
    """

    uri: str
    version_id: str | None
    etag: str
    size: int
    content: bytes | None = None

    @property
    def sha256(self) -> str:
        """Hex digest of its bytes."""
        return hashlib.sha256(self.content or b"").hexdigest()

    @property
    def unpacked(self) -> bytes | None:
        """The bytes of a gzip file; None if it is not one."""
        try:
            return gzip.decompress(self.content or b"")
        except (OSError, EOFError, zlib.error):
            return None


class Lake:
    """Reads the lake's bucket.

    Args:
        s3_client: A boto3 S3 client.
        bucket: The bucket. URIs of other buckets are refused, because they come from documents.
    """

    def __init__(self, s3_client: Any, bucket: str) -> None:
        self._s3 = s3_client
        self.bucket = bucket

    def read(self, uri: str, version_id: str | None = None) -> FoundObject | None:
        """Return an object with its bytes, the present one or a version of it; None if it does not exist."""
        answer = self._asked("get_object", uri, version_id)
        return None if answer is None else _found(uri, answer, answer["Body"].read())

    def head(self, uri: str) -> FoundObject | None:
        """Return an object without its bytes; None if it does not exist."""
        answer = self._asked("head_object", uri, None)
        return None if answer is None else _found(uri, answer, None)

    def write(self, key: str, content: bytes) -> str:
        """Write a JSON document and return its URI."""
        self._s3.put_object(Bucket=self.bucket, Key=key, Body=content, ContentType="application/json")
        return f"s3://{self.bucket}/{key}"

    def _asked(self, operation: str, uri: str, version_id: str | None) -> Any | None:
        try:
            bucket, key = split_s3_uri(uri)
        except ValueError:
            return None
        if bucket != self.bucket:
            return None
        version = {} if version_id is None else {"VersionId": version_id}
        try:
            return getattr(self._s3, operation)(Bucket=bucket, Key=key, **version)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _MISSING or (version_id is not None and code == _INVALID):
                return None
            raise


def _found(uri: str, answer: Any, content: bytes | None) -> FoundObject:
    version_id = answer.get("VersionId")
    return FoundObject(
        uri=uri,
        version_id=None if version_id == "null" else version_id,
        etag=answer["ETag"].strip('"'),
        size=answer["ContentLength"],
        content=content,
    )
