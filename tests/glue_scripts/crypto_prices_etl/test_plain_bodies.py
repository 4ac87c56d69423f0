"""The gate of the fast path: it admits what exchanges usually send, and nothing that the exact path reads differently.

test_properties.py and test_hostile_responses.py hold the outcomes of both paths against the same expectations.
"""

from __future__ import annotations

import json

import pytest
from crypto_prices_etl.parsers import PARSERS
from crypto_prices_etl.plain_bodies import is_plain, plain_cells, plain_records
from pyspark.sql import functions as sf

TIME, END = 1_702_857_600_000, 1_702_861_199_999
DIGITS = "1234567890" * 2


def kline(**texts):
    good = {
        "open_time": str(TIME),
        "open": '"42000.10000000"',
        "high": '"42100.00000001"',
        "low": '"41000.5"',
        "close": '"42050"',
        "volume": '"0.00000000"',
        "close_time": str(END),
        "quote_volume": '"525000.125"',
        "trades": "17",
        "taker_base": '"1.0"',
        "taker_quote": '"2.0"',
        "unused": '"0"',
    }
    assert texts.keys() <= good.keys()
    return f"[{','.join((good | texts).values())}]"


def records(*texts):
    return f"[{','.join(texts)}]"


def body(**texts):
    return records(kline(**texts))


GOOD = kline()
PLAIN = {
    "as Binance sends it": f"[{GOOD}]",
    "several records": f"[{GOOD},{GOOD},{GOOD}]",
    "a number without quotes": body(open="42000.10"),
    "a count with quotes": body(trades='"17"'),
    "zeros in front, in quotes": body(open='"007"'),
    "a negative number": body(open='"-1"', low="-0.0"),
    "as many digits as fit": body(high='"' + DIGITS + "." + DIGITS[:18] + '"'),
    "a time of 14 digits": body(open_time="9" * 14),
    "a small number as JavaScript writes it": body(volume="1.25e-7"),
    "a small number with as many decimals as fit": body(volume="-9.123456789e-9"),
}
NOT_PLAIN = {
    "no records": "[]",
    "an empty record": "[[]]",
    "a blank": f"[{GOOD}, {GOOD}]",
    "a line feed at the end": f"[{GOOD}]\n",
    "a line feed at the start": f"\n[{GOOD}]",
    "one bad record among good ones": records(GOOD, kline(open='"x"'), GOOD),
    "null": body(trades="null"),
    "null in quotes": body(trades='"null"'),
    "null in an unused field": body(unused="null"),
    "an empty text": body(open='""'),
    "a text in an unused field": body(unused='"],["'),
    "an exponent with too many decimals": body(volume="9.1234567891e-9"),
    "an exponent of two digits": body(volume="1e-10"),
    "an exponent after two digits": body(volume="12.5e-7"),
    "an exponent that is not negative": body(volume="1e0"),
    "an exponent in quotes": body(volume='"1.25e-7"'),
    "an exponent of a count": body(trades="1e-1"),
    "an exponent of a time": body(open_time="1e-1"),
    "a field more": f"[{GOOD[:-1]},1]]",
    "a field less": f"[{GOOD.rpartition(',')[0]}]]",
    "zeros in front, without quotes": body(open="007"),
    "a point without decimals": body(open='"1."'),
    "a point without digits before it": body(open='".5"'),
    "a plus": body(open='"+1"'),
    "one quote": body(open='"1'),
    "a quote too many": body(open='"1""'),
    "21 digits": body(open='"' + DIGITS + '1"'),
    "19 decimals": body(open='"0.' + DIGITS[:19] + '"'),
    "a count of 19 digits": body(trades=DIGITS[:19]),
    "a count with decimals": body(trades="17.0"),
    "a time of 15 digits": body(open_time="9" * 15),
    "a negative time": body(open_time="-1"),
    "a time with decimals": body(close_time=f"{END}.0"),
    "digits of another script": body(open='"\uff14\uff12"'),
    "a comma at the end": f"[{GOOD},]",
    "a bracket less": f"[{GOOD}",
    "two bodies": f"[{GOOD}][{GOOD}]",
    "records without an outer array": f"{GOOD},{GOOD}",
    "an object": f'{{"data":[{GOOD}]}}',
}


def frame(spark, texts):
    """One row per text, in order, without a Python worker."""
    constant = sf.from_json(sf.lit(json.dumps(texts)), "array<string>")
    return spark.range(1).select(sf.posexplode(constant).alias("n", "body")).orderBy("n")


@pytest.fixture(scope="module")
def admitted(spark):
    texts = PLAIN | NOT_PLAIN
    rows = frame(spark, list(texts.values())).select(is_plain(sf.col("body"), PARSERS["binance"])).collect()
    return dict(zip(texts, (row[0] for row in rows), strict=True))


@pytest.mark.parametrize("name", PLAIN)
def test_usual_bodies_are_plain(admitted, name):
    assert admitted[name] is True


@pytest.mark.parametrize("name", NOT_PLAIN)
def test_other_bodies_are_not(admitted, name):
    assert admitted[name] is False


USUAL = {
    "binance": f"[{GOOD}]",
    "bitfinex": f"[[{TIME},42000.1,42050,42100.00000001,41000.5,0.07870586],[{TIME},1,1,1,1,1e-8]]",
    "coinbase": f"[[{TIME // 1000},0.32,4.2,0.35,4.2,12.3],[{TIME // 1000},0.00000923,9.3e-7,1,1,1]]",
}


@pytest.mark.parametrize("source", USUAL)
def test_the_usual_body_of_a_source_is_plain(spark, source):
    assert frame(spark, [USUAL[source]]).select(is_plain(sf.col("body"), PARSERS[source])).first()[0] is True


def test_seconds_have_fewer_digits(spark):
    bodies = [f"[[{time},1,2,1.5,2,0.00000001]]" for time in ("1702857600", "9" * 11, "9" * 12)]
    found = frame(spark, bodies).select(is_plain(sf.col("body"), PARSERS["coinbase"])).collect()
    assert [row[0] for row in found] == [True, True, False]


@pytest.mark.parametrize("source", sorted(PARSERS.keys() - USUAL.keys()))
def test_a_source_without_a_plain_form_has_no_plain_bodies(spark, source):
    texts = [*USUAL.values(), f'{{"prices":[[{TIME},1]],"market_caps":[[{TIME},1]],"total_volumes":[[{TIME},1]]}}']
    found = frame(spark, texts).select(is_plain(sf.col("body"), PARSERS[source])).collect()
    assert not any(row[0] for row in found)


def test_cells_keep_their_digits(spark):
    two = records(kline(open="42000.10"), kline(trades='"017"'))
    split = frame(spark, [two]).select(sf.explode(plain_records(sf.col("body"))).alias("record"))
    found = [row[0] for row in split.select(plain_cells(sf.col("record"))).collect()]
    assert found[0][:3] == [str(TIME), "42000.10", "42100.00000001"]
    assert found[1][8] == "017"
    assert [len(cells) for cells in found] == [12, 12]


def test_a_large_body_does_not_exhaust_the_stack(spark):
    found = frame(spark, [records(*[GOOD] * 50_000)]).select(is_plain(sf.col("body"), PARSERS["binance"])).first()[0]
    assert found is True


@pytest.mark.parametrize("name", PARSERS)
def test_both_paths_of_a_parser_have_the_same_fields(spark, name):
    """A field that only the exact path knew would be lost."""
    parser = PARSERS[name]
    texts = parser.locate_fields(sf.lit(None))
    exact = {"observed_at", *texts.values, *(["close_time"] if texts.close_time is not None else [])}
    assert set(parser.plain_fields) - {""} in (exact, set())
