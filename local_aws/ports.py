"""TCP ports of this machine."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"
ALL_ADDRESSES = "0.0.0.0"  # noqa: S104 - used only on request


class PortNotFreeError(Exception):
    """The port is in use, or this machine does not have the address.

    Attributes:
        port: The port.
    """

    def __init__(self, port: int, host: str, reason: str) -> None:
        super().__init__(f"Port {port} of {host} cannot be used: {reason}.")
        self.port = port


def bound_socket(port: int, host: str = LOOPBACK) -> socket.socket:
    """Return a socket that is bound to a port but does not listen yet.

    Args:
        port: The port; 0 selects a free one.
        host: The IPv4 address, or ``0.0.0.0`` for all addresses of this machine.

    Raises:
        PortNotFreeError: The port is in use, or this machine does not have the address.
    """
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise PortNotFreeError(port, host, error.strerror or str(error)) from error
    return bound


def free_port(wanted: int = 0) -> int:
    """Return a port of 127.0.0.1 that is free now, for a program that binds it soon.

    Args:
        wanted: The port to check; 0 selects a free one.

    Raises:
        PortNotFreeError: The wanted port is in use.
    """
    with bound_socket(wanted) as probe:
        port: int = probe.getsockname()[1]
        return port
