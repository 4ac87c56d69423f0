"""Reads the examples' files and refuses what their format does not have."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml  # type: ignore[import-untyped]

FOLDER = Path(__file__).parent
_BRACES = re.compile(r"\{([a-z_]+)\}")
LONGEST_BATCH = (
    40  # statements: https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_BatchExecuteStatement.html
)

DATABASE_ERROR = "true"
"""Any error of the database that is about what the statement does."""
ANY_ERROR = "syntax"
"""Any error of the database, also one of the syntax: the documented syntax does not have the statement."""
NOT_SUPPORTED = "unsupported"
"""Any error that is about the statement. The documentation says that Redshift does not support it, and nothing about
the error, so a refusal is the documented result.
"""

UNKNOWN_REASONS = frozenset(
    {
        "1e2",
        "(38,18)² whose product is below 100",
        "A literal's scale",
        "A literal's scale (187.00*.20)",
        "Casting a column to a smaller scale (rounded or not)",
        "FLOAT4 with FLOAT4",
        "Queries without a table, such as SELECT 1/3.0",
        "SUM and AVG of BIGINT as window functions",
        "UNION that needs more than 19 digits",
        "Whether ÷ and AVG round or truncate",
        # Two pages of AWS, or a page and its example, contradict each other.
        "the page prints 40, but its rule of crossed boundaries gives 39",
        "the page prints 789000, but r_Dateparts_for_datetime_functions gives the complete seconds",
        "the page says that a missing path element gives an empty string, and its example prints NULL",
    }
)
"""The only reasons for which an example may have no expected result."""

Row = list[str | None]


class ExampleError(Exception):
    """A file of examples does not have the format."""


@dataclass(frozen=True)
class SqlExample:
    """A documented statement of Redshift.

    Attributes:
        area: The name of its file.
        name: A short phrase, unique in its file.
        source: The page of AWS.
        sql: The statement.
        setup: Statements that run before it, with tables of the suite's own database.
        rows: The documented rows as text, None for NULL; None if there are none to compare.
        columns: The documented columns: ``name``, ``type``, ``precision`` and ``scale``, as far as they are documented.
        ordered: Whether the order of the rows is documented.
        error: The documented error: ``DATABASE_ERROR``, ``ANY_ERROR``, ``NOT_SUPPORTED``, or a part of its message;
            empty for none.
        unknown: Why AWS's documentation leaves the result open; one of ``UNKNOWN_REASONS``.
        refused: Why the emulator refuses the statement; empty if it does not.
    """

    area: str
    name: str
    source: str
    sql: str
    setup: Sequence[str] = ()
    rows: Sequence[Row] | None = None
    columns: Sequence[Mapping[str, Any]] = ()
    ordered: bool = False
    error: str = ""
    unknown: str = ""
    refused: str = ""


@dataclass(frozen=True)
class ApiCall:
    """A call of an AWS API.

    Attributes:
        operation: The operation, for example ``CreateDatabase``.
        request: Its parameters. ``{prefix}``, ``{bucket}`` and saved values are replaced in their texts. ``{own}`` is
            a name that no other example has.
        service: The service in boto3's spelling; the example's own by default.
        until: The part of the response that the call is repeated for. Errors are repeated for a while, too, because
            some services show what was created only later.
        save: Names for values of the response, by their path in it (``Job.Name``).
    """

    operation: str
    request: Mapping[str, Any] = field(default_factory=dict)
    service: str = ""
    until: Mapping[str, Any] = field(default_factory=dict)
    save: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ApiExample:
    """A documented call of an AWS API.

    Attributes:
        area: The name of its file, which is the service in boto3's spelling.
        name: A short phrase, unique in its file.
        source: The page of AWS.
        call: The call.
        setup: Calls before it.
        cleanup: Calls after it, also after a failure. Their errors are ignored.
        response: The documented part of the response; ``"*"`` stands for any value. None if an error is expected.
        error: The documented error code.
        unknown: Why AWS's documentation leaves the result open; one of ``UNKNOWN_REASONS``.
        refused: Why the emulator refuses the call; empty if it does not.
    """

    area: str
    name: str
    source: str
    call: ApiCall
    setup: Sequence[ApiCall] = ()
    cleanup: Sequence[ApiCall] = ()
    response: Mapping[str, Any] | None = None
    error: str = ""
    unknown: str = ""
    refused: str = ""


@dataclass(frozen=True)
class ClientCheck:
    """A program of a third party and what it must print.

    Attributes:
        area: The environment that the program runs in, which has a lock file of that name.
        name: A short phrase, unique in the file.
        source: The program's documentation.
        script: The script beside the file.
        output: What it must print.
        refused: Why the emulator refuses it; empty if it does not.
        arguments: Arguments of the script.
    """

    area: str
    name: str
    source: str
    script: str
    output: str
    refused: str = ""
    arguments: Sequence[str] = ()


Example = TypeVar("Example", SqlExample, ApiExample, ClientCheck)

_SQL_KEYS = {"name", "source", "setup", "sql", "rows", "columns", "ordered", "error", "unknown", "refused"}
_COLUMN_KEYS = {"name", "type", "precision", "scale"}
_CALL_KEYS = {"service", "operation", "request", "until", "save"}
_API_KEYS = (_CALL_KEYS - {"service"}) | {
    "name",
    "source",
    "setup",
    "cleanup",
    "response",
    "error",
    "unknown",
    "refused",
}
_CHECK_KEYS = {"name", "source", "environment", "script", "output", "refused", "arguments"}


def sql_examples(folder: Path = FOLDER / "sql") -> list[SqlExample]:
    """Return the examples of all areas of SQL.

    Raises:
        ExampleError: A file does not have the format.
    """
    return _read(folder, _sql_example)


def api_examples(folder: Path = FOLDER / "api") -> list[ApiExample]:
    """Return the examples of all services.

    Raises:
        ExampleError: A file does not have the format.
    """
    return _read(folder, _api_example)


def client_checks(folder: Path = FOLDER / "clients") -> list[ClientCheck]:
    """Return the checks with programs of third parties.

    Raises:
        ExampleError: The file does not have the format.
    """
    return _read(folder, _client_check)


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """Replace the names in braces that are known. Other braces are part of a policy, a format or JSON."""
    if isinstance(value, str):
        return _BRACES.sub(lambda found: values.get(found[1], found[0]), value)
    if isinstance(value, list):
        return [filled(each, values) for each in value]
    if isinstance(value, dict):
        return {name: filled(each, values) for name, each in value.items()}
    return value


def _read(folder: Path, read: Callable[[str, Any], Example]) -> list[Example]:
    found: list[Example] = []
    for path in sorted(folder.glob("*.yaml")):
        entries = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        if not isinstance(entries, list):
            raise ExampleError(f"{path.name} must be a list of examples.")
        names: set[str] = set()
        for number, entry in enumerate(entries, start=1):
            try:
                example = read(path.stem, entry)
            except ExampleError as error:
                name = entry.get("name") if isinstance(entry, dict) else None
                raise ExampleError(f"{path.name}, example {number} ({name}): {error}") from None
            if example.name in names:
                raise ExampleError(f"{path.name} has two examples with the name {example.name!r}.")
            names.add(example.name)
            found.append(example)
    return found


def _sql_example(area: str, entry: Any) -> SqlExample:
    given = _checked(entry, _SQL_KEYS, required=("sql",))
    expected = [key for key in ("rows", "error", "unknown") if given.get(key) is not None]
    if len(expected) > 1:
        raise ExampleError(f"{expected[0]} and {expected[1]} exclude each other.")
    if not expected and not given.get("columns"):
        raise ExampleError("rows, columns, error or unknown is missing.")
    for row in given.get("rows") or ():
        if not isinstance(row, list) or any(not isinstance(value, str | None) for value in row):
            raise ExampleError(f"the row {row} must be a list of texts and nulls.")
    for column in given.get("columns") or ():
        if not isinstance(column, dict) or not column.keys() <= _COLUMN_KEYS:
            raise ExampleError(f"the column {column} has something other than {', '.join(sorted(_COLUMN_KEYS))}.")
    return SqlExample(
        area=area,
        name=given["name"],
        source=given["source"],
        sql=given["sql"],
        setup=_texts(given, "setup"),
        rows=given.get("rows"),
        columns=given.get("columns") or (),
        ordered=_flag(given, "ordered"),
        error=_error(given),
        unknown=_unknown(given),
        refused=_text(given, "refused"),
    )


def _api_example(area: str, entry: Any) -> ApiExample:
    given = _checked(entry, _API_KEYS, required=("operation",))
    expected = [key for key in ("response", "error", "unknown") if given.get(key) is not None]
    if len(expected) != 1:
        raise ExampleError("exactly one of response, error and unknown is needed.")
    return ApiExample(
        area=area,
        name=given["name"],
        source=given["source"],
        call=_call({key: value for key, value in given.items() if key in _CALL_KEYS}),
        setup=[_call(call) for call in given.get("setup") or ()],
        cleanup=[_call(call) for call in given.get("cleanup") or ()],
        response=given.get("response"),
        error=_text(given, "error"),
        unknown=_unknown(given),
        refused=_text(given, "refused"),
    )


def _client_check(_area: str, entry: Any) -> ClientCheck:
    given = _checked(entry, _CHECK_KEYS, required=("environment", "script", "output"))
    return ClientCheck(
        area=given["environment"],
        name=given["name"],
        source=given["source"],
        script=given["script"],
        output=given["output"],
        refused=_text(given, "refused"),
        arguments=_texts(given, "arguments"),
    )


def _checked(entry: Any, keys: set[str], required: Sequence[str]) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise ExampleError("it must be a mapping.")
    if unknown := sorted(map(str, entry.keys() - keys)):
        raise ExampleError(f"unknown key {unknown[0]}.")
    for key in ("name", "source", *required):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise ExampleError(f"{key} is missing.")
    if not entry["source"].startswith("https://"):
        raise ExampleError("source must be the URL of a page.")
    return cast("dict[str, Any]", entry)


def _call(given: Any) -> ApiCall:
    if not isinstance(given, dict) or not given.keys() <= _CALL_KEYS or "operation" not in given:
        raise ExampleError(f"the call {given} needs operation and has something other than {sorted(_CALL_KEYS)}.")
    return ApiCall(
        operation=given["operation"],
        request=given.get("request") or {},
        service=given.get("service") or "",
        until=given.get("until") or {},
        save=given.get("save") or {},
    )


def _texts(given: Mapping[str, Any], key: str) -> list[str]:
    values = given.get(key) or []
    if not isinstance(values, list) or any(not isinstance(value, str) for value in values):
        raise ExampleError(f"{key} must be a list of texts.")
    return values


def _text(given: Mapping[str, Any], key: str) -> str:
    value = given.get(key, "")
    if not isinstance(value, str) or (key in given and not value.strip()):
        raise ExampleError(f"{key} must be a text.")
    return value


def _error(given: Mapping[str, Any]) -> str:
    return DATABASE_ERROR if given.get("error") is True else _text(given, "error")


def _unknown(given: Mapping[str, Any]) -> str:
    reason = _text(given, "unknown")
    if reason and reason not in UNKNOWN_REASONS:
        raise ExampleError(f"the reason {reason!r} is not one of those for which a result may be unknown.")
    return reason


def _flag(given: Mapping[str, Any], key: str) -> bool:
    value = given.get(key, False)
    if not isinstance(value, bool):
        raise ExampleError(f"{key} must be true or false.")
    return value
