"""Looks up the package of a module, as far as the interpreter of the check can tell."""

from __future__ import annotations

import functools
from importlib.metadata import packages_distributions

from bundle.mwaa_image import normalized


def distributions_of(module: str) -> tuple[str, ...]:
    """Return the packages, by normalized name, that a top-level module may belong to.

    A package that is not installed here is assumed to have a module with its own name.

    Args:
        module: The name of a top-level module, e.g. ``yaml``.
    """
    return _modules().get(module, (normalized(module),))


@functools.cache
def _modules() -> dict[str, tuple[str, ...]]:
    return {
        module: tuple(sorted({normalized(name) for name in names}))
        for module, names in packages_distributions().items()
    }
