"""The parser of the results that tasks pass to each other.

An earlier bundle can have written a result: a task that starts or is cleared after a deployment reads the results of
tasks that ran before it.
"""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

_Result = TypeVar("_Result")


class ResultError(LookupError):
    """A task's result cannot be used by this code. The message has the task to clear."""


def parse_result(kind: type[_Result], data: Any, task_id: str) -> _Result:
    """Return a task's result.

    Keys that this code does not know are ignored, and keys with a default can be missing.

    Args:
        kind: The dataclass of the result, or a list of one.
        data: The result in XCom, which is JSON-able. A value of a wrong type is rejected, never converted.
        task_id: The task that returned it.

    Raises:
        ResultError: Keys are missing or wrong. The message names all of them.
    """
    try:
        return TypeAdapter(kind).validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        raise ResultError(
            f"the result of task {task_id} cannot be used by this version of the bundle: {problems_text(error)}. "
            f"Clear {task_id} with its downstream tasks"
        ) from None


def problems_text(error: ValidationError) -> str:
    """Return the name of each missing or wrong key, and what is wrong with it."""
    return "; ".join(
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    )
