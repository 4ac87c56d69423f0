"""The result of a check for one location."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """An error, or a warning that does not prevent a deployment.

    Attributes:
        where: A path below the bundle's folder. In a zip it is ``plugins.zip/path``, and ``:line`` follows if known.
        what: The problem.
        todo: The remedy.
        warning: Whether the bundle can be deployed anyway.
    """

    where: str
    what: str
    todo: str
    warning: bool = False
