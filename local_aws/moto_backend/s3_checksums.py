"""Adds the checksums of every algorithm to moto's S3, and verifies them in multipart uploads."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree

from local_aws.moto_backend.checksums import CHECKSUMS

Parts = list[tuple[int, str, dict[str, str]]]


def add_s3_checksums() -> None:
    """Replace moto's functions. Repeated calls have no effect."""
    import moto.s3.models as moto_models
    import moto.s3.responses as moto_responses
    from moto.s3.exceptions import InvalidPart, InvalidPartOrder, MalformedXML, S3ClientError

    models: Any = moto_models
    responses: Any = moto_responses
    if models.compute_checksum is _compute_checksum:
        return

    class BadDigestError(S3ClientError):
        code = "BadDigest"

    def complete_multipart_body(self: Any, body: bytes) -> Iterator[tuple[int, str]]:
        try:
            parts = _parts(body)
        except (ElementTree.ParseError, KeyError, ValueError):
            raise MalformedXML from None
        numbers = [number for number, _, _ in parts]
        if numbers != sorted(set(numbers)):
            raise InvalidPartOrder()
        upload = self.backend.get_bucket(self.bucket_name).multiparts.get(self._get_param("uploadId"))
        if upload is not None and all(number in upload.parts for number in numbers):  # moto refuses it otherwise
            values = [upload.parts[number].value for number in numbers]
            for value, (_, _, sums) in zip(values, parts, strict=True):
                if any(_text(CHECKSUMS[name](value)) != given for name, given in sums.items()):
                    raise InvalidPart()
            kind = self.headers.get("x-amz-checksum-type") or upload.metadata.get("x-amz-checksum-type")
            wrong = _wrong_algorithm(self.headers, kind, values)
            if wrong is not None:
                raise BadDigestError(f"The {wrong} you specified did not match the calculated checksum.")
        yield from ((number, etag) for number, etag, _ in parts)

    models.compute_checksum = responses.compute_checksum = _compute_checksum
    responses.S3Response._complete_multipart_body = complete_multipart_body


def _compute_checksum(body: bytes, algorithm: str, encode_base64: bool = True) -> bytes:
    # moto's own function uses CRC32 for CRC32C, and SHA-256 for every algorithm that it does not know.
    digest = CHECKSUMS[algorithm.upper()](body)
    return base64.b64encode(digest) if encode_base64 else digest


def _wrong_algorithm(headers: Mapping[str, str], kind: str | None, values: list[bytes]) -> str | None:
    """Return the algorithm whose checksum in the headers does not match an object of these parts."""
    for name, compute in CHECKSUMS.items():
        given = headers.get(f"x-amz-checksum-{name.lower()}")
        if given is None:
            continue
        digest, _, count = given.partition("-")
        composite = kind == "COMPOSITE" or (kind is None and bool(count))
        right = compute(b"".join(map(compute, values)) if composite else b"".join(values))
        if digest != _text(right) or count not in {"", str(len(values))}:
            return name
    return None


def _text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _parts(body: bytes) -> Parts:
    """Parse a CompleteMultipartUpload: each part's number, its ETag and its checksums by algorithm."""
    parts = []
    for part in ElementTree.fromstring(body):  # noqa: S314 - sent by a client on this machine
        texts = {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in part}
        sums = {name: texts[f"Checksum{name}"] for name in CHECKSUMS if f"Checksum{name}" in texts}
        parts.append((int(texts["PartNumber"]), texts["ETag"], sums))
    return parts
