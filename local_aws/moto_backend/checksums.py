"""The checksums of S3's ``x-amz-checksum-…`` headers."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Mapping

from awscrt.checksums import XXHash, crc32c, crc64nvme  # type: ignore[import-untyped]

# Upper-case name of the algorithm -> function that returns the digest as S3 encodes it.
CHECKSUMS: Mapping[str, Callable[[bytes], bytes]] = {
    "CRC32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "CRC32C": lambda data: crc32c(data).to_bytes(4, "big"),
    "CRC64NVME": lambda data: crc64nvme(data).to_bytes(8, "big"),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).digest(),
    "SHA1": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    "SHA256": lambda data: hashlib.sha256(data).digest(),
    "SHA512": lambda data: hashlib.sha512(data).digest(),
    "XXHASH64": XXHash.compute_xxhash64,
    "XXHASH3": XXHash.compute_xxhash3_64,
    "XXHASH128": XXHash.compute_xxhash3_128,
}
