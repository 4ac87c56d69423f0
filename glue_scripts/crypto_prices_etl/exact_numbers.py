"""Number texts to exact SQL types: digit for digit, or NULL. Nothing is rounded and nothing passes through a float."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column

    from crypto_prices_etl.schemas import Decimal

_DECIMAL = r"\A-?([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,4}))?\z"
_INTEGER = r"\A-?[0-9]+\z"


def exact_decimal(text: Column, target: Decimal) -> Column:
    """Return the number as DECIMAL, or NULL if the text is not a number that the type holds exactly.

    ``try_cast`` rounds what has too many decimals ('0.0000000000000000001' becomes 0), so fitting is decided on the digits
    first: a number is D × 10^-s with D free of zeros at both ends, and fits DECIMAL(p,s') when s <= s' and
    digits(D) - s <= p - s'. NaN, Infinity, blanks, '.5' and '5.' are not numbers to JSON and not to this function.
    """
    whole = F.regexp_extract(text, _DECIMAL, 1)
    fraction = F.regexp_extract(text, _DECIMAL, 2)
    exponent = F.coalesce(F.regexp_extract(text, _DECIMAL, 3).try_cast("int"), F.lit(0))
    digits = F.ltrim(F.concat(whole, fraction), F.lit("0"))
    significant = F.rtrim(digits, F.lit("0"))
    scale = F.length(fraction) - exponent - (F.length(digits) - F.length(significant))
    fits = (scale <= target.scale) & (F.length(significant) - scale <= target.precision - target.scale)
    spark_type = f"decimal({target.precision},{target.scale})"
    return F.when(
        text.rlike(_DECIMAL),
        F.when(significant == "", F.lit(0).cast(spark_type)).when(fits, text.try_cast(spark_type)),
    )


def exact_bigint(text: Column) -> Column:
    """Return the integer as BIGINT, or NULL if the text is not an integer of 64 bits."""
    return F.when(text.rlike(_INTEGER), text.try_cast("bigint"))
