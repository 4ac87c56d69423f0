"""Keeps a person's own AWS, PostgreSQL and proxy settings away from the local programs. Cheap to import."""

from __future__ import annotations

import os
from collections.abc import Mapping, MutableMapping

PERSONAL = ("AWS_", "PG")
"""Beginnings of the names of variables that AWS clients and libpq read.
https://www.postgresql.org/docs/18/libpq-envars.html"""

_LOOPBACK_NAMES = ("127.0.0.1", "localhost")


def forget_personal_settings(environment: MutableMapping[str, str] = os.environ) -> None:
    """Remove the user's settings from an environment, and let no HTTP proxy come between loopback clients.

    Args:
        environment: The environment to change. Default: this process's own, which its children inherit.
    """
    for name in [name for name in environment if name.startswith(PERSONAL)]:
        del environment[name]
    environment["AWS_EC2_METADATA_DISABLED"] = "true"
    environment["AWS_CONFIG_FILE"] = environment["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    environment["NO_PROXY"] = environment["no_proxy"] = without_proxy(environment)


def without_proxy(environment: Mapping[str, str]) -> str:
    """Return the value of NO_PROXY with which clients reach this machine directly, and everything else as before."""
    present = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    # Python's urllib recognizes "*" (no proxy for any host) only if nothing follows it.
    # https://docs.python.org/3/library/urllib.request.html#urllib.request.ProxyHandler
    if present.strip() == "*":
        return "*"
    listed = [name.strip() for name in present.split(",") if name.strip()]
    return ",".join(listed + [name for name in _LOOPBACK_NAMES if name not in listed])
