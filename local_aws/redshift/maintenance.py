"""Parses VACUUM and ANALYZE. Redshift's grammar is checked, and the table must exist; there is nothing else to do."""

from __future__ import annotations

from local_aws.redshift.refusal import SqlNotSupported
from local_aws.redshift.statement_text import Words

TableName = tuple[str | None, str]


def parse_vacuum(words: Words) -> TableName | None:
    """Parse the words after VACUUM and return the table, or None for all tables.

    Source: https://docs.aws.amazon.com/redshift/latest/dg/r_VACUUM_command.html

    Raises:
        SqlNotSupported: Redshift refuses the statement.
    """
    kind = "FULL"
    for candidate in (("FULL",), ("SORT", "ONLY"), ("DELETE", "ONLY"), ("REINDEX",), ("RECLUSTER",)):
        if words.take(*candidate):
            kind = candidate[0]
            break
    table = None if words.at_end or words.peek() in {"TO", "BOOST"} else words.qualified_name()
    if words.take("TO"):
        threshold = words.number()
        words.expect("PERCENT")
        if not 0 <= threshold <= 100:
            raise SqlNotSupported("VACUUM: the threshold must be an integer between 0 and 100")
        if table is None:
            raise SqlNotSupported("VACUUM … TO threshold PERCENT needs the name of a table")
        if kind in {"REINDEX", "RECLUSTER"}:
            raise SqlNotSupported(f"VACUUM {kind} is not supported with TO threshold PERCENT")
    boosted = words.take("BOOST")
    words.end()
    if boosted and table is None:
        raise SqlNotSupported("VACUUM … BOOST needs the name of a table")
    if boosted and kind in {"REINDEX", "RECLUSTER"}:
        raise SqlNotSupported(f"VACUUM {kind} is not supported with BOOST")
    if table is None and kind in {"REINDEX", "RECLUSTER"}:
        raise SqlNotSupported(f"VACUUM {kind} needs the name of a table")
    return table


def parse_analyze(words: Words) -> tuple[TableName | None, list[str]]:
    """Parse the words after ANALYZE and return the table, or None for all tables, and its named columns.

    Source: https://docs.aws.amazon.com/redshift/latest/dg/r_ANALYZE.html

    Raises:
        SqlNotSupported: Redshift refuses the statement, or it is ANALYZE COMPRESSION.
    """
    if words.peek() == "COMPRESSION":
        raise SqlNotSupported("ANALYZE COMPRESSION is not supported by the local Redshift: nothing is compressed here")
    words.take("VERBOSE")
    table: TableName | None = None
    columns: list[str] = []
    if not words.at_end and not (words.peek() in {"PREDICATE", "ALL"} and words.peek(1) == "COLUMNS"):
        table = words.qualified_name()
        if words.take("("):
            columns.append(words.name())
            while words.take(","):
                columns.append(words.name())
            words.expect(")")
    if not words.take("PREDICATE", "COLUMNS"):
        words.take("ALL", "COLUMNS")
    words.end()
    return table, columns
