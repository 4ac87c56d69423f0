"""``getResolvedOptions`` as in AWS Glue 6.0, as far as jobs without bookmarks can observe it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

_RESERVED = ("JOB_ID", "JOB_RUN_ID", "SECURITY_CONFIGURATION", "encryption-type")
_RESERVED_BOOKMARKS = ("continuation-option", "job-bookmark-option", "job-bookmark-from", "job-bookmark-to")
_TEMPORARY = ("RedshiftTempDir", "TempDir")


class GlueArgumentError(Exception):
    """An argument is missing or has an invalid value."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise GlueArgumentError(message)


def getResolvedOptions(args: Sequence[str], options: Sequence[str]) -> dict[str, Any]:
    """Return the values of the named arguments and of the arguments that Glue passes itself.

    As in Glue 6.0, names must be complete: ``--batch`` does not match ``--batch_id``.

    Args:
        args: ``sys.argv``.
        options: The names of the required arguments, without dashes. Glue refuses reserved names, such as JOB_RUN_ID,
            and returns their values anyway.

    Raises:
        RuntimeError: A name is reserved.
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
