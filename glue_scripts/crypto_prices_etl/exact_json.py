r"""The splitting of JSON without changing its text, so that no number ever passes through a binary float.

Spark 4.1.1's ``from_json(…, 'array<string>')`` does not keep the text of unquoted numbers, even with
``spark.sql.json.enableExactStringParsing``. That setting works only where the parser reads bytes, but ``from_json``
passes characters. ``1.50`` becomes ``1.5``, ``1e-7`` becomes ``1.0E-7`` and a number of 48 digits loses 31 of them (see
``test_exact_json.py``). So a regular expression for JSON values extracts the texts, and ``from_json`` only validates
them: the text must be JSON, and both must find the same number of elements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as sf

if TYPE_CHECKING:
    from pyspark.sql import Column

_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_LITERAL = r"[^\s,:\[\]{}\"]++"


def _value(depth: int) -> str:
    """Return the regular expression of a JSON value with at most ``depth`` levels of arrays or objects."""
    if depth == 0:
        return f"(?:{_STRING}|{_LITERAL})"
    inner = _value(depth - 1)
    return rf"(?:{_STRING}|[\[{{](?:[\s,:]++|{inner})*+[\]}}]|{_LITERAL})"


MAX_DEPTH = 3
_ELEMENT = _value(MAX_DEPTH)
_OBJECT = r"(?s)\A\s*\{(.*)\}\s*\z"
_MEMBER = rf"({_STRING})\s*+:\s*+({_ELEMENT})"


def array_elements(text: Column) -> Column:
    """Return the elements of a JSON array as ``array<string>`` of their exact texts.

    The result is NULL if the text is not one JSON array, or nests deeper than ``MAX_DEPTH`` below an element.
    """
    judged = sf.from_json(text, "array<string>")
    inside = sf.regexp_extract(text, r"(?s)\A\s*\[(.*)\]\s*\z", 1)
    elements = sf.regexp_extract_all(inside, sf.lit(f"(?s){_ELEMENT}"), sf.lit(0))
    # An element that is too deep is matched from the inside, so its outer brackets remain.
    rest = sf.regexp_replace(inside, f"(?s){_ELEMENT}", "")
    return sf.when((sf.size(judged) == sf.size(elements)) & rest.rlike(r"\A[\s,]*\z"), elements)


def object_member(text: Column, name: str) -> Column:
    """Return the exact text of one member of a JSON object; see ``object_members``.

    The result is NULL if the text is not one JSON object, nests deeper than ``MAX_DEPTH`` below a member, or does not
    have the member exactly once.
    """
    return sf.get(object_members(text, (name,)), sf.lit(0))


def object_members(text: Column, names: Sequence[str]) -> Column:
    """Return the exact texts of some members of a JSON object as ``array<string>``, in the order of ``names``.

    The result is NULL if the text is not one JSON object, or nests deeper than ``MAX_DEPTH`` below a member. An element
    of the array is NULL if the object does not have the member exactly once.

    Args:
        text: The object.
        names: The members' names. They may have letters and underscores only.
    """
    # from_json alone would ignore any text after the object.
    is_object = sf.from_json(text, "map<string,string>").isNotNull() & text.rlike(_OBJECT)
    inside = sf.regexp_extract(text, _OBJECT, 1)
    found = [sf.regexp_extract_all(inside, sf.lit(f"(?s){_MEMBER}"), sf.lit(group)) for group in (1, 2)]
    rest = sf.regexp_replace(inside, f"(?s){_MEMBER}", "")

    def text_of(name: str, pair: Column) -> Column:
        found_names, found_texts = pair[0], pair[1]
        quoted = sf.lit(f'"{name}"')
        place = sf.array_position(found_names, quoted)
        is_one = sf.size(sf.array_remove(found_names, quoted)) == sf.size(found_names) - 1
        return sf.when(is_one, sf.get(found_texts, place.cast("int") - 1))

    texts = with_value(sf.array(*found), lambda pair: sf.array(*(text_of(name, pair) for name in names)))
    return sf.when(is_object & rest.rlike(r"\A[\s,]*\z"), texts)


def with_value(value: Column, use: Callable[[Column], Column]) -> Column:
    """Return ``use(value)``. As the variable of a lambda, the value is computed once, however often it is used."""
    return sf.get(sf.transform(sf.array(value), use), sf.lit(0))


def scalar_text(element: Column) -> Column:
    """Return the text of a JSON scalar: a string without its quotes, a number unchanged, NULL for JSON null."""
    # Escapes are decoded as in Python, because the fetch counts the surplus by times that may contain them.
    unescaped = sf.get_json_object(sf.concat(sf.lit('{"text":'), element, sf.lit("}")), "$.text")
    return (
        sf.when(element == "null", sf.lit(None).cast("string"))
        .when(element.startswith('"') & element.contains("\\"), unescaped)
        .when(element.startswith('"'), sf.substring(element, sf.lit(2), sf.length(element) - 2))
        .otherwise(element)
    )
