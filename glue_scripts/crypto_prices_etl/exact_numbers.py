"""The exact conversion of number texts to SQL types. Nothing passes through a float; only one function rounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as sf

if TYPE_CHECKING:
    from pyspark.sql import Column

    from crypto_prices_etl.schemas import Decimal

_SCIENTIFIC = r"\A-?([0-9]+)(?:\.([0-9]+))?[eE]([+-]?[0-9]{1,4})\z"
_ZERO = r"\A-?0+(?:\.0+)?(?:[eE][+-]?[0-9]{1,4})?\z"
_NUMBER = r"\A-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?\z"
_INTEGER = r"\A-?[0-9]+\z"


def exact_decimal(text: Column, target: Decimal) -> Column:
    """Return the number as DECIMAL, or NULL if the text is not a number that the type can hold exactly.

    ``try_cast`` rounds numbers with too many decimals ('0.0000000000000000001' becomes 0), so the digits are checked
    first. NaN, Infinity, blanks, '.5' and '5.' are not JSON numbers, so the result is NULL.
    """
    whole = target.precision - target.scale
    fitting = rf"\A-?0*[0-9]{{1,{whole}}}(?:\.[0-9]{{1,{target.scale}}}0*)?\z"
    exact = sf.when(text.rlike(_SCIENTIFIC), _scientific_fits(text, target)).otherwise(text.rlike(fitting))
    spark_type = f"decimal({target.precision},{target.scale})"
    # The cast does not recognize a zero with a large exponent as zero.
    return sf.when(text.rlike(_ZERO), sf.lit(0).cast(spark_type)).when(exact, text.try_cast(spark_type))


def rounded_decimal(text: Column, target: Decimal) -> Column:
    """Return the number as DECIMAL, rounded half up if it has more decimals; NULL if it is invalid or too large."""
    return sf.when(text.rlike(_NUMBER), text.try_cast(f"decimal({target.precision},{target.scale})"))


def exact_bigint(text: Column) -> Column:
    """Return the integer as BIGINT, or NULL if the text is not an integer of 64 bits."""
    return sf.when(text.rlike(_INTEGER), text.try_cast("bigint"))


def _scientific_fits(text: Column, target: Decimal) -> Column:
    """Return whether a nonzero number such as 1.5e-7 fits: D * 10^-s, with D free of outer zeros, has s decimals."""
    fraction = sf.regexp_extract(text, _SCIENTIFIC, 2)
    exponent = sf.regexp_extract(text, _SCIENTIFIC, 3).cast("int")
    digits = sf.regexp_replace(sf.concat(sf.regexp_extract(text, _SCIENTIFIC, 1), fraction), r"\A0+", "")
    significant = sf.regexp_replace(digits, r"0+\z", "")
    decimals = sf.length(fraction) - exponent - (sf.length(digits) - sf.length(significant))
    return (decimals <= target.scale) & (sf.length(significant) - decimals <= target.precision - target.scale)
