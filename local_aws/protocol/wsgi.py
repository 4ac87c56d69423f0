"""The WSGI types, and how a request was addressed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApplication = Callable[[Environ, StartResponse], Iterable[bytes]]


def raw_path(environ: Environ) -> str:
    """Return a request's path as it was sent: percent-encoded, without the query string."""
    path: str = environ.get("REQUEST_URI") or environ.get("RAW_URI") or environ["PATH_INFO"]
    return re.sub(r"^https?://[^/]+", "", path).split("?", 1)[0]


def request_target(environ: Environ) -> str:
    """Return what a request is for, for messages: the operation that it names, or else its method and path."""
    return environ.get("HTTP_X_AMZ_TARGET") or f"{environ['REQUEST_METHOD']} {raw_path(environ)}"
