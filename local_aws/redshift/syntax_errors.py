"""Redshift's words for text that sqlglot cannot parse."""

from __future__ import annotations

from sqlglot.errors import ParseError, SqlglotError

from local_aws.redshift.refusal import SqlNotSupported


def syntax_error(error: SqlglotError) -> SqlNotSupported:
    """Return the refusal of a statement for the error of the parser or the tokenizer."""
    if isinstance(error, ParseError):
        near = str(error.errors[0].get("highlight") or "").strip() if error.errors else ""
        return SqlNotSupported(f'syntax error at or near "{near}"' if near else "syntax error at end of input")
    return SqlNotSupported("syntax error: a string, a name or a comment is not terminated")
