"""The fast path for plain bodies: arrays of arrays of numbers that fit their columns, as exchanges usually send them.

One regular expression, the gate, proves the form of a whole body. Then the text is split at its brackets and commas.
This costs an eighth of parsing each record with ``exact_json``, which remains the path for all other bodies. The gate
admits only what both paths read alike. It admits no ``null``, which would look like ``"null"`` without the quotes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as sf

from crypto_prices_etl.schemas import NUMBER_COLUMNS, PRICE, BigInt, Decimal

if TYPE_CHECKING:
    from pyspark.sql import Column

    from crypto_prices_etl.parsers.base import SourceParser

LAST_MS = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z. ``timestamp_millis`` raises beyond the range of timestamps."""

_TIMES = ("observed_at", "close_time")
_BIGINT = r'(?:"-?[0-9]{1,18}+"|-?(?:0|[1-9][0-9]{0,17}+))'


def is_plain(body: Column, parser: SourceParser) -> Column:
    r"""Return whether a body is plain.

    Every quantifier is possessive or bounded, so the matcher neither backtracks nor exhausts the stack on a large body.
    ``\z`` is the end of the text. ``$`` would also match before a final line feed.
    """
    if not parser.plain_fields:
        return sf.lit(False)
    record = r"\[" + ",".join(_cell(name, parser) for name in parser.plain_fields) + r"\]"
    return body.rlike(rf"\A\[{record}(?:,{record})*+\]\z")


def plain_records(body: Column) -> Column:
    """Return the records of a plain body, without their outer brackets."""
    # Bytes, because Spark would count the characters of a text from its start.
    inner = sf.substring(body.cast("binary"), sf.lit(3), sf.octet_length(body) - 4).cast("string")
    return sf.split(inner, r"\],\[")


def plain_cells(record: Column) -> Column:
    """Return the cells of a record without brackets, as ``array<string>`` without quotes."""
    return sf.split(sf.replace(record, sf.lit('"'), sf.lit("")), ",")


def _cell(name: str, parser: SourceParser) -> str:
    """Return the regular expression of the JSON numbers, with or without quotes, that fit a field's type exactly."""
    if name in _TIMES:
        # One digit less than the last valid time has. So every time that the gate admits is valid.
        digits = len(str(LAST_MS // parser.time_unit_ms)) - 1
        return rf'(?:"[0-9]{{1,{digits}}}+"|0|[1-9][0-9]{{0,{digits - 1}}}+)'
    column_type = NUMBER_COLUMNS.get(name, PRICE)
    if isinstance(column_type, BigInt):
        return _BIGINT
    return _decimal(column_type)


def _decimal(column_type: Decimal) -> str:
    whole = column_type.precision - column_type.scale
    fraction = rf"(?:\.[0-9]{{1,{column_type.scale}}}+)?+"
    forms = [rf'"-?[0-9]{{1,{whole}}}+{fraction}"', rf"-?(?:0|[1-9][0-9]{{0,{whole - 1}}}+){fraction}"]
    # JavaScript writes numbers below 0.000001 as 9.5e-7. Half of the decimals are for the exponent.
    half = min(column_type.scale // 2, 9)
    forms.append(rf"-?[0-9](?:\.[0-9]{{1,{half}}}+)?+e-[1-{half}]")
    return f"(?:{'|'.join(forms)})"
