"""The check of a run's configuration against the params of its DAG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class ParamError(ValueError):
    """The configuration has unknown keys. The message names them and the DAG's params."""


def check_params(conf: Mapping[str, Any] | None, declared: Iterable[str]) -> None:
    """Refuse a configuration with keys that the DAG does not declare.

    Airflow validates the values of declared params, but accepts any other key without a message. A misspelled
    ``reload`` would have no effect.

    Args:
        conf: The run's configuration; None if it has none.
        declared: Names of the DAG's params.

    Raises:
        ParamError: There are unknown keys.
    """
    known = sorted(declared)
    if unknown := sorted(set(conf or {}) - set(known)):
        raise ParamError(
            f"the run's configuration has unknown params: {', '.join(unknown)}. Trigger the DAG again with its params: "
            f"{', '.join(known)}"
        )
