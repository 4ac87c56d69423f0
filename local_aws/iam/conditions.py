"""The Condition element of a policy's statement.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html and, for keys with
several values, https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime as dt
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from local_aws.iam.context import Context, UnknownKeyError
from local_aws.iam.patterns import AbsentVariableError, arn_matches, literal, matches

Compare = Callable[[str, str, Context | None], bool]
"""Compares a value of the policy with one of the request. The context is for policy variables."""


class NotEvaluatedError(Exception):
    """A condition cannot be evaluated here. The message names it."""


@dataclasses.dataclass(frozen=True)
class _Operator:
    """The comparison of an operator. A negated operator matches if none of the policy's values does."""

    compare: Compare
    negated: bool = False


def _numbers(compare: Callable[[Decimal, Decimal], bool]) -> Compare:
    def fits(wanted: str, value: str, _context: Context | None) -> bool:
        try:
            return compare(Decimal(value), Decimal(wanted))
        except InvalidOperation:
            raise NotEvaluatedError(f"{wanted!r} or {value!r}, which is not a number") from None

    return fits


def _dates(compare: Callable[[dt.datetime, dt.datetime], bool]) -> Compare:
    def fits(wanted: str, value: str, _context: Context | None) -> bool:
        return compare(_moment(value), _moment(wanted))

    return fits


def _moment(text: str) -> dt.datetime:
    """Parse an ISO 8601 date or the seconds since 1970, the two forms that IAM accepts."""
    try:
        if text.replace(".", "", 1).isdigit():
            return dt.datetime.fromtimestamp(float(text), dt.UTC)
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise NotEvaluatedError(f"{text!r}, which is not a date") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _address(wanted: str, value: str, _context: Context | None) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        raise NotEvaluatedError(f"{wanted!r}, which is not an IP address range") from None


def _binary(wanted: str, value: str, _context: Context | None) -> bool:
    try:
        return base64.b64decode(wanted, validate=True) == base64.b64decode(value, validate=True)
    except binascii.Error:
        raise NotEvaluatedError(f"{wanted!r}, which is not base64") from None


def _equal(wanted: str, value: str, context: Context | None) -> bool:
    return literal(wanted, context) == value


def _equal_ignoring_case(wanted: str, value: str, context: Context | None) -> bool:
    return literal(wanted, context).lower() == value.lower()


def _operators() -> Mapping[str, _Operator]:
    negatable: Mapping[str, Compare] = {
        "StringEquals": _equal,
        "StringEqualsIgnoreCase": _equal_ignoring_case,
        "StringLike": matches,
        "NumericEquals": _numbers(lambda value, wanted: value == wanted),
        "DateEquals": _dates(lambda value, wanted: value == wanted),
        "IpAddress": _address,
        "ArnEquals": arn_matches,
        "ArnLike": arn_matches,
    }
    found = {name: _Operator(compare) for name, compare in negatable.items()}
    for name, compare in negatable.items():
        kind = next(k for k in ("String", "Numeric", "Date", "Arn", "Ip") if name.startswith(k))
        negated = "NotIpAddress" if kind == "Ip" else f"{kind}Not{name.removeprefix(kind)}"
        found[negated] = _Operator(compare, negated=True)
    orders: Mapping[str, Callable[[Any, Any], bool]] = {
        "LessThan": lambda value, wanted: value < wanted,
        "LessThanEquals": lambda value, wanted: value <= wanted,
        "GreaterThan": lambda value, wanted: value > wanted,
        "GreaterThanEquals": lambda value, wanted: value >= wanted,
    }
    for name, order in orders.items():
        found[f"Numeric{name}"] = _Operator(_numbers(order))
        found[f"Date{name}"] = _Operator(_dates(order))
    found["Bool"] = _Operator(_equal_ignoring_case)
    found["BinaryEquals"] = _Operator(_binary)
    return found


_OPERATORS = _operators()
_EVERY, _ANY, _IF_EXISTS = "ForAllValues:", "ForAnyValue:", "IfExists"


def listed(value: Any) -> list[Any]:
    """Return a policy element as a list. IAM allows a single value without brackets."""
    return list(value) if isinstance(value, (list, tuple)) else [] if value is None else [value]


def holds(condition: Mapping[str, Mapping[str, Any]], context: Context, *, variables: bool) -> bool:
    """Return whether every operator and key of a Condition element holds.

    Args:
        condition: The element.
        context: The request's condition keys.
        variables: Whether policy variables are replaced.

    Raises:
        NotEvaluatedError: It depends on an operator or a key that is unknown here, and no other part of it is false.
    """
    problem: NotEvaluatedError | None = None
    for operator, keys in condition.items():
        for key, wanted in keys.items():
            try:
                if not _one_holds(operator, key, [_text(value) for value in listed(wanted)], context, variables):
                    return False
            except NotEvaluatedError as error:
                problem = problem or NotEvaluatedError(f"{operator} {key}: {error}")
            except UnknownKeyError as error:
                named = "" if str(error).lower() == key.lower() else f" ({error})"
                problem = problem or NotEvaluatedError(f"{operator} {key}{named}")
    if problem is not None:
        raise problem
    return True


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _one_holds(operator: str, key: str, wanted: Sequence[str], context: Context, variables: bool) -> bool:
    values = context.get(key)
    if operator == "Null":
        return any((values is None) == (text.lower() == "true") for text in wanted)
    every, any_ = operator.startswith(_EVERY), operator.startswith(_ANY)
    name = operator.removeprefix(_EVERY).removeprefix(_ANY)
    if_exists = name.endswith(_IF_EXISTS)
    known = _OPERATORS.get(name.removesuffix(_IF_EXISTS))
    if known is None:
        raise NotEvaluatedError("an unknown operator")
    if not values:
        # IfExists has no meaning for the set operators: they apply to each value, and there are no values.
        return every or (not any_ and (known.negated or if_exists))
    hits = [_hit(known.compare, wanted, value, context if variables else None) for value in values]
    if every:
        return not any(hits) if known.negated else all(hits)
    if any_:
        return not all(hits) if known.negated else any(hits)
    return any(hits) != known.negated


def _hit(compare: Compare, wanted: Sequence[str], value: str, context: Context | None) -> bool:
    for text in wanted:
        try:
            if compare(text, value, context):
                return True
        except AbsentVariableError:
            continue
    return False
