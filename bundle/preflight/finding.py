"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, or that somebody should know.

    Attributes:
        where: A path below the bundle's folder; in a zip as ``plugins.zip/path``; with ``:line`` where there is one.
        what: What is wrong.
        todo: What to do.
        warning: Whether the bundle can be deployed all the same.
    """

    where: str
    what: str
    todo: str
    warning: bool = False
