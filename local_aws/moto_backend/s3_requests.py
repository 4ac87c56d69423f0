"""Checks S3 requests before moto receives them. Anything that moto would accept unchecked is checked or refused here.

A body in the ``aws-chunked`` encoding is decoded here. Its checksum can then be verified wherever it is, and moto and
the journal receive a plain request.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import NoReturn
from urllib.parse import parse_qsl, unquote

from local_aws.moto_backend.checksums import CHECKSUMS
from local_aws.protocol.account import ACCOUNT_ID
from local_aws.protocol.errors import AwsError
from local_aws.protocol.http_request import HttpRequest

_CHECKSUM_HEADER = "x-amz-checksum-"
_ALGORITHM_HEADER = "x-amz-sdk-checksum-algorithm"
_SSE = "x-amz-server-side-encryption"
_KMS = frozenset({"aws:kms", "aws:kms:dsse"})
_METADATA = "x-amz-meta-"
_MOST_METADATA = 2048  # bytes of names and values
_MOST_TAGS = 10
_LONGEST_KEY = 1024  # bytes
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ENCRYPTING = _STORING = frozenset({"PutObject", "CopyObject", "CreateMultipartUpload"})

# (operation, lower-case header) -> headers that moto ignores. In AWS, the last three are valid only for directory
# buckets, and AWS refuses them for other buckets.
_IGNORED_HEADERS: Mapping[str, frozenset[str]] = {
    "CopyObject": frozenset(
        {
            "if-match",
            "if-none-match",
            "x-amz-copy-source-if-match",
            "x-amz-copy-source-if-modified-since",
            "x-amz-copy-source-if-unmodified-since",
        }
    ),
    "UploadPartCopy": frozenset(
        {
            "x-amz-copy-source-if-match",
            "x-amz-copy-source-if-modified-since",
            "x-amz-copy-source-if-none-match",
            "x-amz-copy-source-if-unmodified-since",
        }
    ),
    "CompleteMultipartUpload": frozenset({"if-match", "x-amz-mp-object-size"}),
    "PutObject": frozenset({"x-amz-write-offset-bytes"}),
    "DeleteObject": frozenset({"x-amz-if-match-last-modified-time", "x-amz-if-match-size"}),
}


def admitted(operation: str, request: HttpRequest, default_key: Callable[[str], str | None]) -> tuple[HttpRequest, str]:
    """Check a request and rewrite it for moto.

    Args:
        operation: The operation's name.
        request: The request as it was sent.
        default_key: Returns the KMS key that a bucket uses for new objects by default, or "" for none.

    Returns:
        The request for moto, and the KMS key that it encrypts with, or "" for none.

    Raises:
        AwsError: AWS would refuse the request, or the local S3 does not support it.
    """
    sent = _sent(request)
    _check_owner(sent)
    for name in sent:
        if name.startswith((f"{_SSE}-customer-", f"x-amz-copy-source-{_SSE.removeprefix('x-amz-')}-customer-")):
            _refuse("Server-side encryption with customer-provided keys (SSE-C)")
        if name in _IGNORED_HEADERS.get(operation, ()):
            _refuse(f"{name} in {operation}")
    if operation == "PutObject" and sent.get("if-none-match", "*") != "*":
        _refuse("If-None-Match with a value other than *")
    if operation == "DeleteObjects" and any(f"<{name}>".encode() in request.body for name in _OBJECT_CONDITIONS):
        _refuse("A condition on an object of DeleteObjects")
    _check_limits(operation, request, sent)
    key = _encryption_key(operation, request, sent, default_key)
    _check_algorithm(sent)
    if operation == "CompleteMultipartUpload":  # its checksum belongs to the object: see s3_checksums.py
        sent = {name: value for name, value in sent.items() if not name.startswith(_CHECKSUM_HEADER)}
    return _with_plain_body(request, sent), key


_OBJECT_CONDITIONS = ("ETag", "LastModifiedTime", "Size")


def _sent(request: HttpRequest) -> dict[str, str]:
    """Return the headers by lower-case name. A presigned URL may have them in its query."""
    query = ((name.lower(), value) for name, value in parse_qsl(request.query))
    from_query = {name: value for name, value in query if name.startswith("x-amz-")}
    return from_query | {name.lower(): value.strip() for name, value in request.headers}


def _refuse(what: str) -> NoReturn:
    raise AwsError("NotImplemented", f"{what} is not supported by the local S3.", 501)


def _check_owner(sent: Mapping[str, str]) -> None:
    for name in ("x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"):
        if sent.get(name, ACCOUNT_ID) != ACCOUNT_ID:
            raise AwsError("AccessDenied", "Access Denied", 403)


def _check_limits(operation: str, request: HttpRequest, sent: Mapping[str, str]) -> None:
    bucket, _, key = unquote(request.raw_path).lstrip("/").partition("/")
    if operation == "CreateBucket" and not _BUCKET_NAME.fullmatch(bucket):
        raise AwsError("InvalidBucketName", "The specified bucket is not valid.")
    if operation not in _STORING:
        return
    if len(key.encode()) > _LONGEST_KEY:
        raise AwsError("KeyTooLongError", "Your key is too long")
    metadata = {name.removeprefix(_METADATA): value for name, value in sent.items() if name.startswith(_METADATA)}
    if sum(len(name) + len(value.encode()) for name, value in metadata.items()) > _MOST_METADATA:
        raise AwsError("MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")
    tags = [name for name, _ in parse_qsl(sent.get("x-amz-tagging", ""), keep_blank_values=True)]
    if len(tags) > _MOST_TAGS:
        raise AwsError("BadRequest", f"Object tags cannot be greater than {_MOST_TAGS}")
    if len(set(tags)) < len(tags):
        raise AwsError(
            "InvalidArgument",
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL "
            "query parameters without tag name duplicates.",
        )


# ---------------------------------------------------------------------------------------------------- encryption


def _encryption_key(
    operation: str, request: HttpRequest, sent: Mapping[str, str], default_key: Callable[[str], str | None]
) -> str:
    if operation not in _ENCRYPTING:
        return ""
    method, key = sent.get(_SSE), sent.get(f"{_SSE}-aws-kms-key-id", "")
    if method is None and not key:
        return default_key(unquote(request.raw_path).lstrip("/").partition("/")[0]) or ""
    if method not in {"AES256", *_KMS, None}:
        raise AwsError("InvalidArgument", "The encryption method specified is not supported")
    if key and method not in _KMS:
        raise AwsError(
            "InvalidArgument",
            f"Server Side Encryption with AWS KMS managed key requires HTTP header {_SSE} : aws:kms",
        )
    return key


# ---------------------------------------------------------------------------------------------------- checksums


def _check_algorithm(sent: Mapping[str, str]) -> None:
    for name in (_ALGORITHM_HEADER, "x-amz-checksum-algorithm"):
        algorithm = sent.get(name, "CRC32").upper()
        if algorithm not in CHECKSUMS:
            raise AwsError("InvalidRequest", f"Checksum algorithm provided is unsupported: {sent[name]}")


def _with_plain_body(request: HttpRequest, sent: Mapping[str, str]) -> HttpRequest:
    payload = sent.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    body, trailers = request.body, dict[str, str]()
    chunked = payload.startswith("STREAMING-") or "aws-chunked" in sent.get("content-encoding", "").lower()
    if chunked:
        body, trailers = _taken_apart(request.body)
        if sent.get("x-amz-decoded-content-length", str(len(body))) != str(len(body)):
            raise AwsError("IncompleteBody", "The request body terminated unexpectedly")
        for name in filter(None, map(str.strip, sent.get("x-amz-trailer", "").lower().split(","))):
            if name not in trailers:
                raise _malformed_trailer()
    elif payload != "UNSIGNED-PAYLOAD" and payload.lower() != hashlib.sha256(body).hexdigest():
        raise AwsError(
            "XAmzContentSHA256Mismatch",
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        )
    _verify_md5(sent.get("content-md5"), body)
    algorithm = _verified_algorithm({**sent, **trailers}, body)
    if not chunked and (algorithm is None or _ALGORITHM_HEADER in sent):
        return request
    return _rewritten(request, body, trailers, algorithm)


def _taken_apart(body: bytes) -> tuple[bytes, dict[str, str]]:
    """Decode an aws-chunked body, signed or not, and return its payload and its trailing headers."""
    chunks, position = [], 0
    while True:
        end = body.find(b"\r\n", position)
        try:
            size = int(body[position:end].split(b";", 1)[0], 16) if end >= 0 else -1
        except ValueError:
            size = -1
        start = end + 2
        if size < 0 or (size > 0 and body[start + size : start + size + 2] != b"\r\n"):
            raise AwsError("IncompleteBody", "The request body terminated unexpectedly")
        if size == 0:
            break
        chunks.append(body[start : start + size])
        position = start + size + 2
    trailers = {}
    for line in filter(None, body[start:].decode("latin-1").split("\r\n")):
        name, colon, value = line.partition(":")
        if not colon:
            raise _malformed_trailer()
        trailers[name.strip().lower()] = value.strip()
    return b"".join(chunks), trailers


def _malformed_trailer() -> AwsError:
    return AwsError(
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
    )


def _verify_md5(given: str | None, body: bytes) -> None:
    if given is None:
        return
    digest = _digest(given)
    if digest is None or len(digest) != 16:
        raise AwsError("InvalidDigest", "The Content-MD5 you specified was invalid.")
    if digest != CHECKSUMS["MD5"](body):
        raise AwsError("BadDigest", "The Content-MD5 you specified did not match what we received.")


def _verified_algorithm(sent: Mapping[str, str], body: bytes) -> str | None:
    """Return the algorithm of a body's checksum after verifying it, or None if the request has no checksum."""
    given = [name for name in CHECKSUMS if f"{_CHECKSUM_HEADER}{name.lower()}" in sent]
    if len(given) > 1:
        raise AwsError(
            "InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    announced = sent.get(_ALGORITHM_HEADER)
    if not given:
        if announced is not None:
            raise AwsError(
                "InvalidRequest",
                f"{_ALGORITHM_HEADER} specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were "
                "found.",
            )
        return None
    algorithm = given[0]
    if announced is not None and announced.upper() != algorithm:
        raise AwsError("InvalidRequest", f"Value for {_ALGORITHM_HEADER} header is invalid.")
    header = f"{_CHECKSUM_HEADER}{algorithm.lower()}"
    right = CHECKSUMS[algorithm](body)
    digest = _digest(sent[header])
    if digest is None or len(digest) != len(right):
        raise AwsError("InvalidRequest", f"Value for {header} header is invalid.")
    if digest != right:
        raise AwsError("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")
    return algorithm


def _digest(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def _rewritten(request: HttpRequest, body: bytes, trailers: Mapping[str, str], algorithm: str | None) -> HttpRequest:
    """Return the request with a plain body and with its checksum in the two headers that moto reads."""
    headers = []
    for name, value in request.headers:
        match name.lower():
            case "x-amz-trailer" | "x-amz-decoded-content-length" | "x-amz-content-sha256":
                continue
            case "content-encoding":
                kept = [part.strip() for part in value.split(",") if part.strip().lower() != "aws-chunked"]
                if kept:
                    headers.append((name, ", ".join(kept)))
            case _ if name.lower() != _ALGORITHM_HEADER:
                headers.append((name, value))
    if algorithm is not None:
        header = f"{_CHECKSUM_HEADER}{algorithm.lower()}"
        headers += [(_ALGORITHM_HEADER, algorithm), *([(header, trailers[header])] if header in trailers else [])]
    return HttpRequest(request.method, request.raw_path, request.query, tuple(headers), body)
