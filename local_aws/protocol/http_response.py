"""A complete HTTP response."""

from __future__ import annotations

import dataclasses
from http import HTTPStatus

from local_aws.protocol.wsgi import StartResponse


@dataclasses.dataclass(frozen=True)
class HttpResponse:
    """A complete HTTP response.

    Attributes:
        status: The HTTP status.
        headers: The headers. ``Content-Length`` is added when it is missing.
        body: The whole body.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def send(self, start_response: StartResponse) -> list[bytes]:
        """Start the WSGI response and return its body."""
        headers = self.headers
        if not any(name.lower() == "content-length" for name, _ in headers):  # moto sets it for HEAD requests
            headers = [*headers, ("Content-Length", str(len(self.body)))]
        start_response(f"{self.status} {_reason_phrase(self.status)}", headers)
        return [self.body]


def _reason_phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
