"""The checksums of S3's ``x-amz-checksum-…`` headers.

CRC32C and CRC64NVME are computed byte by byte in Python (a few MB a second), because no library for them is at hand.
"""

from __future__ import annotations

import functools
import hashlib
import zlib
from collections.abc import Callable, Mapping


@functools.cache
def _crc_table(polynomial: int) -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (polynomial if value & 1 else 0)
        table.append(value)
    return tuple(table)


def _crc(data: bytes, polynomial: int, size: int) -> bytes:
    """Compute a reflected CRC that begins with and is inverted by all ones.

    Args:
        data: The bytes.
        polynomial: The polynomial, its bits reversed.
        size: The checksum's size in bytes.
    """
    table, ones = _crc_table(polynomial), (1 << 8 * size) - 1
    value = ones
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return (value ^ ones).to_bytes(size, "big")


# Upper-case name -> what computes it; XXHASH64, XXHASH3 and XXHASH128 are S3's too and are not among them.
CHECKSUMS: Mapping[str, Callable[[bytes], bytes]] = {
    "CRC32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "CRC32C": lambda data: _crc(data, 0x82F63B78, 4),
    "CRC64NVME": lambda data: _crc(data, 0x9A6C9329AC4BC9B5, 8),
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).digest(),
    "SHA1": lambda data: hashlib.sha1(data, usedforsecurity=False).digest(),
    "SHA256": lambda data: hashlib.sha256(data).digest(),
    "SHA512": lambda data: hashlib.sha512(data).digest(),
}
NOT_COMPUTED = frozenset({"XXHASH64", "XXHASH3", "XXHASH128"})
