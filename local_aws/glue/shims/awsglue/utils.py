"""``getResolvedOptions`` with the behaviour of AWS Glue 6.0's, as far as jobs with bookmarks turned off can see it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

_RESERVED = ("JOB_ID", "JOB_RUN_ID", "SECURITY_CONFIGURATION", "encryption-type")
_RESERVED_BOOKMARKS = ("continuation-option", "job-bookmark-option", "job-bookmark-from", "job-bookmark-to")
_TEMPORARY = ("RedshiftTempDir", "TempDir")


class GlueArgumentError(Exception):
    """An argument is missing, or has a value that it may not have."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise GlueArgumentError(message)


def getResolvedOptions(args: Sequence[str], options: Sequence[str]) -> dict[str, Any]:
    """Return the values of the named arguments, and of those that Glue itself passes.

    As on Glue 6.0, a name must be given in full: ``--batch`` is not taken for ``--batch_id``.

    Args:
        args: ``sys.argv``.
        options: The names of the required arguments, without dashes. JOB_RUN_ID and the like are reserved: Glue refuses
            to be asked for them and gives them unasked.

    Raises:
        RuntimeError: A reserved name was asked for.
        GlueArgumentError: A required argument is missing.
    """
    for name in (*_RESERVED_BOOKMARKS, *_RESERVED):
        if name in options:
            raise RuntimeError(f"Using reserved arguments --{name}")
    parser = _Parser(allow_abbrev=False)
    for name in (*_RESERVED, *_RESERVED_BOOKMARKS, *_TEMPORARY):
        parser.add_argument(f"--{name}", required=False)
    for name in options:
        if name not in _TEMPORARY:
            parser.add_argument(f"--{name}", required=True)
    parsed = vars(parser.parse_known_args(list(args)[1:])[0])
    parsed.pop("continuation_option")
    parsed["job_bookmark_option"] = parsed["job_bookmark_option"] or "job-bookmark-disable"
    temporary = parsed["TempDir"] or parsed["RedshiftTempDir"]
    parsed["TempDir"] = parsed["RedshiftTempDir"] = temporary
    return parsed
