"""sqlglot's Redshift parser and PostgreSQL generator, made exact for the local Redshift.

The parser keeps every function call under the name that was written (sqlglot would translate many into look-alikes), and knows
Redshift's physical design (DISTKEY, SORTKEY, ENCODE, BACKUP), which means nothing here. The generator writes types as Redshift
means them.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.dialects.redshift import Redshift
from sqlglot.generators.postgres import PostgresGenerator
from sqlglot.parsers.redshift import RedshiftParser

from local_aws.redshift.refusal import SqlNotSupported

MAX_VARCHAR_BYTES = 65535
MAX_CHAR_BYTES = 4096
DEFAULT_VARCHAR_BYTES = 256

_Type = exp.DataType.Type
_PLAIN_TYPES = {
    _Type.SMALLINT: "smallint",
    _Type.INT: "integer",
    _Type.BIGINT: "bigint",
    _Type.FLOAT: "real",
    _Type.DOUBLE: "double precision",
    _Type.BOOLEAN: "boolean",
    _Type.DATE: "date",
    _Type.TIMESTAMP: "timestamp",
    _Type.TIMESTAMPTZ: "timestamptz",
    _Type.TIME: "time",
    _Type.INTERVAL: "interval",
}
_VARCHAR = {_Type.VARCHAR, _Type.NVARCHAR, _Type.TEXT}
_CHAR = {_Type.CHAR, _Type.NCHAR, _Type.BPCHAR}


class PhysicalDesign(exp.Property):
    """Where and how Redshift stores a table; accepted and without effect here."""

    arg_types: dict[str, bool] = {}


def _keyword_design(parser: Any, *keywords: str) -> exp.Expr:
    """``DISTSTYLE {AUTO|EVEN|ALL|KEY}`` and its like, after the first word was read."""
    if keywords and not parser._match_texts(keywords):
        parser.raise_error(f"expecting one of {', '.join(keywords)}")
    return PhysicalDesign()


def _columns_design(parser: Any) -> exp.Expr:
    """``DISTKEY (column)``, ``[COMPOUND|INTERLEAVED] SORTKEY (column, …)`` and ``SORTKEY AUTO``."""
    if parser._prev.text.upper() in {"COMPOUND", "INTERLEAVED"} and not parser._match_texts(("SORTKEY",)):
        parser.raise_error("expecting SORTKEY")
    if not parser._match_texts(("AUTO",)):
        parser._parse_wrapped_id_vars()
    return PhysicalDesign()


class RedshiftReader(Redshift):
    """How Redshift SQL is read."""

    class Parser(RedshiftParser):
        """Parses calls as what they are called, and physical design wherever Redshift allows it."""

        FUNCTIONS: dict[str, Any] = {}
        FUNCTION_PARSERS = {
            name: parser
            for name, parser in RedshiftParser.FUNCTION_PARSERS.items()
            if name in {"CAST", "CONVERT", "EXTRACT", "OVERLAY", "POSITION", "SUBSTRING", "TRIM"}
        }
        NO_PAREN_FUNCTION_PARSERS = {
            name: parser
            for name, parser in RedshiftParser.NO_PAREN_FUNCTION_PARSERS.items()
            if name in {"ANY", "CASE", "SYSDATE"}
        }
        CONSTRAINT_PARSERS = {
            **RedshiftParser.CONSTRAINT_PARSERS,
            "DISTKEY": lambda _parser: PhysicalDesign(),
            "SORTKEY": lambda _parser: PhysicalDesign(),
        }
        PROPERTY_PARSERS = {
            **RedshiftParser.PROPERTY_PARSERS,
            "BACKUP": lambda parser: _keyword_design(parser, "YES", "NO"),
            "DISTSTYLE": lambda parser: _keyword_design(parser, "AUTO", "EVEN", "ALL", "KEY"),
            "DISTKEY": _columns_design,
            "SORTKEY": _columns_design,
            "COMPOUND": _columns_design,
            "INTERLEAVED": _columns_design,
        }


def text_length(data_type: exp.DataType) -> tuple[str, int] | None:
    """The kind (``varchar`` or ``char``) and the bytes of a text type; None for other types.

    Raises:
        SqlNotSupported: The length is none that Redshift allows.
    """
    if data_type.this in _VARCHAR:
        kind, default, longest = "varchar", DEFAULT_VARCHAR_BYTES, MAX_VARCHAR_BYTES
    elif data_type.this in _CHAR:
        kind, longest = "char", MAX_CHAR_BYTES
        default = DEFAULT_VARCHAR_BYTES if data_type.this == _Type.BPCHAR else 1
    else:
        return None
    if not data_type.expressions:
        return kind, default
    written = data_type.expressions[0].name
    length = longest if written.upper() == "MAX" else int(written) if written.isdigit() else 0
    if not 1 <= length <= longest:
        raise SqlNotSupported(f"length for type {kind} must be between 1 and {longest}")
    return kind, length


def _plain_type(data_type: exp.DataType) -> str:
    if data_type.this == _Type.DECIMAL:
        sizes = [int(part.name) if part.name.isdigit() else -1 for part in data_type.expressions]
        precision, scale = (*sizes, *(18, 0)[len(sizes) :])[:2] if len(sizes) < 2 else sizes[:2]
        if not (1 <= precision <= 38 and 0 <= scale <= min(precision, 37)):
            raise SqlNotSupported(f"DECIMAL({precision},{scale}): precision must be 1 to 38 and scale 0 to 37, not above it")
        return f"numeric({precision},{scale})"
    name = _PLAIN_TYPES.get(data_type.this)
    if name is None or data_type.expressions:
        raise SqlNotSupported(f"type {data_type.sql(dialect='redshift').lower()} is not supported by the local Redshift")
    return name


class PostgresWriter(Postgres):
    """How PostgreSQL SQL is written."""

    class Generator(PostgresGenerator):
        """Writes types as Redshift means them, and nothing for physical design."""

        TRANSFORMS = {
            **PostgresGenerator.TRANSFORMS,
            PhysicalDesign: lambda _generator, _expression: "",
            exp.Placeholder: lambda _generator, expression: f"${expression.args['this']}",
        }

        def anonymous_sql(self, expression: exp.Anonymous) -> str:
            """A call under exactly its name: the compat schema's names have a dot."""
            return f"{expression.name}({self.format_args(*expression.expressions)})"

        def datatype_sql(self, expression: exp.DataType) -> str:
            """A column's type: text types are domains that count bytes."""
            text = text_length(expression)
            return f"redshift.{text[0]}_{text[1]}" if text else _plain_type(expression)

        def cast_sql(self, expression: exp.Cast, safe_prefix: str | None = None) -> str:
            """A cast: to a text type it cuts at the length in bytes, as Redshift's does."""
            value = self.sql(expression, "this")
            text = text_length(expression.to)
            if text is None:
                return f"CAST({value} AS {_plain_type(expression.to)})"
            kind, length = text
            return f"CAST(redshift.first_bytes(CAST({value} AS text), {length}) AS {kind}({length}))"
