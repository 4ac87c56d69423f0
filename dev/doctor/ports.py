"""Checks of the ports that the platform listens on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dev.doctor.finding import Finding, Grade, fine
from local_aws.ports import PortNotFreeError, free_port


@dataclass(frozen=True)
class WantedPort:
    """A port that a command listens on.

    Attributes:
        variable: The variable of ``make`` for it.
        number: The port.
        purpose: What listens on it.
        command: The command that needs it.
    """

    variable: str
    number: int
    purpose: str
    command: str


def port_findings(wanted: list[WantedPort], own: dict[int, int]) -> Iterator[Finding]:
    """Check that every port is free, or used by this platform.

    Args:
        wanted: The ports.
        own: The process id of this platform's own program, by the port that it listens on.
    """
    good = []
    for port in wanted:
        if port.number in own:
            good.append(f"{port.number} ({port.purpose}, process {own[port.number]} of this platform)")
            continue
        try:
            free_port(port.number)
        except PortNotFreeError:
            yield Finding(
                "ports",
                Grade.WRONG,
                f"port {port.number} for {port.purpose} is in use by another program",
                f"{port.command} {port.variable}=<another port>",
            )
        else:
            good.append(f"{port.number} ({port.purpose})")
    if len(good) == len(wanted):
        yield fine("ports", f"free or ours: {', '.join(good)}")
