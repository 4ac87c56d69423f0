"""An HTTP request as it was sent."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class HttpRequest:
    """An HTTP request, with everything that is needed to send it again.

    Attributes:
        method: The HTTP method.
        raw_path: The path, percent-encoded.
        query: The query string.
        headers: The headers with their original spelling, because the metadata of S3 objects depends on it.
        body: The whole body.
    """

    method: str
    raw_path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
