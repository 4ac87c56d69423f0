"""Runs the examples of API calls."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.response import StreamingBody

from local_aws.conformance.example_files import ApiCall, ApiExample, filled
from local_aws.conformance.outcome import Finding, Outcome, is_own_refusal
from local_aws.conformance.target import Target

ANY = "*"
_NAMES = {
    "glue": "Glue",
    "iam": "IAM",
    "kms": "KMS",
    "logs": "CloudWatch Logs",
    "redshift-data": "Redshift Data API",
    "s3": "S3",
    "secretsmanager": "Secrets Manager",
    "sns": "SNS",
    "sts": "STS",
}
_UNTIL_SECONDS = 300
_UNTIL_FOUND_SECONDS = 30


def run_api(target: Target, examples: Sequence[ApiExample]) -> Iterator[Finding]:
    """Run examples one after the other."""
    client = functools.cache(target.client)
    for number, example in enumerate(examples, start=1):
        values = {**target.values, "own": f"{target.prefix}-{number}"}
        try:
            outcome, detail, surprising = _outcome(client, example, values, emulated=target.emulated)
        finally:  # also after Ctrl-C. What a failure leaves in a real account is deleted at the end of the run.
            for call in example.cleanup:
                with contextlib.suppress(ClientError, BotoCoreError, KeyError):
                    _made(client, example.area, call, values)
        service = _NAMES.get(example.area, example.area)
        yield Finding(service, example.area, example.name, example.source, outcome, detail, surprising)


def _outcome(
    client: Callable[[str], Any], example: ApiExample, values: dict[str, str], *, emulated: bool
) -> tuple[Outcome, str, bool]:
    error, message, response = "", "", {}
    for number, call in enumerate([*example.setup, example.call]):
        try:
            response = _made(client, example.area, call, values)
        except ClientError as failure:
            error, message = failure.response["Error"]["Code"], str(failure)
        except (BotoCoreError, KeyError, TimeoutError) as failure:
            error, message = type(failure).__name__, str(failure)
        if error and number < len(example.setup):
            message = f"the setup failed: {message}"
            return _judged_error(example, message, emulated=emulated)
    if example.unknown and not (error and emulated):
        return Outcome.UNKNOWN, f"{example.unknown}; found {message or response}", False
    if example.error and error == example.error:
        return Outcome.RIGHT, "", False
    if error:
        return _judged_error(example, message, emulated=emulated)
    if example.error:
        return Outcome.WRONG, f"expected the error {example.error}, found none", False
    different = differences(filled(example.response or {}, values), response)
    if different:
        return Outcome.WRONG, "; ".join(different), False
    unneeded = bool(example.refused) and emulated
    return Outcome.RIGHT, "it is marked as refused, but is not" if unneeded else "", unneeded


def _judged_error(example: ApiExample, message: str, *, emulated: bool) -> tuple[Outcome, str, bool]:
    if emulated and is_own_refusal(message):
        return Outcome.REFUSED, message, not example.refused
    expected = f"the error {example.error}" if example.error else "no error"
    return Outcome.WRONG, f"expected {expected}, found {message}", False


def _made(client: Callable[[str], Any], area: str, call: ApiCall, values: dict[str, str]) -> dict[str, Any]:
    """Make a call, repeat it until the response is the wanted one, and save values of the response.

    IAM shows what was created only after some seconds:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
    """
    caller = client(call.service or area)
    method = next(name for name, operation in caller.meta.method_to_api_mapping.items() if operation == call.operation)
    began = time.monotonic()
    while True:
        try:
            response: dict[str, Any] = getattr(caller, method)(**filled(call.request, values))
        except ClientError:
            if not call.until or time.monotonic() > began + _UNTIL_FOUND_SECONDS:
                raise
        else:
            if not call.until or not (missing := differences(filled(call.until, values), response)):
                break
            if time.monotonic() > began + _UNTIL_SECONDS:
                raise TimeoutError(f"{call.operation} for {_UNTIL_SECONDS} seconds: {'; '.join(missing)}")
        time.sleep(0.2)
    for name, value in response.items():
        if isinstance(value, StreamingBody):
            response[name] = value.read().decode(errors="replace")
    for name, path in call.save.items():
        values[name] = str(_found(response, path))
    return response


def _found(response: Any, path: str) -> Any:
    return functools.reduce(lambda part, step: part[int(step) if step.isdecimal() else step], path.split("."), response)


def differences(expected: Any, found: Any, path: str = "") -> list[str]:
    """Return where a response lacks an expected part.

    A mapping may have more members than expected, a list must have as many, and ``"*"`` stands for any value.
    """
    if expected == ANY:
        return []
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return [
            each
            for name, value in expected.items()
            for each in (
                differences(value, found[name], f"{path}.{name}".lstrip("."))
                if name in found
                else [f"{path}.{name}".lstrip(".") + " is missing"]
            )
        ]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [
            each
            for number, pair in enumerate(zip(expected, found, strict=True))
            for each in differences(*pair, f"{path}.{number}")
        ]
    return [] if expected == found else [f"{path}: expected {expected!r}, found {found!r}"]
