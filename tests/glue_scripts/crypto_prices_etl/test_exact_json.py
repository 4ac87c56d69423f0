from __future__ import annotations

import json

from crypto_prices_etl.exact_json import array_elements, object_member, object_members, scalar_text
from pyspark.sql import functions as sf

LONG = "123456789012345678901234567890.123456789012345678"


def texts_frame(spark, texts):
    """One row per text, in order, without a Python worker."""
    return spark.range(1).select(
        sf.posexplode(sf.from_json(sf.lit(json.dumps(texts)), "array<string>")).alias("n", "text")
    )


def elements(spark, texts):
    return [r[0] for r in texts_frame(spark, texts).orderBy("n").select(array_elements(sf.col("text"))).collect()]


def test_from_json_alone_changes_numbers(spark):
    assert spark.conf.get("spark.sql.json.enableExactStringParsing") == "true"
    frame = texts_frame(spark, [f"[1.50,1e-7,{LONG}]"])
    found = frame.select(sf.from_json("text", "array<string>")).first()[0]
    assert found == ["1.5", "1.0E-7", "1.2345678901234568E29"]


def test_elements_keep_their_text(spark):
    record = f'[1702857600000, "42000.10000000",1.50, 1e-7,{LONG}, null, "é\\"],[", true]'
    cases = {
        record: ["1702857600000", '"42000.10000000"', "1.50", "1e-7", LONG, "null", '"é\\"],["', "true"],
        '[ [1.50,"a"] ,{"k": [1.0, {"x":2.50}]}, 7.10]': ['[1.50,"a"]', '{"k": [1.0, {"x":2.50}]}', "7.10"],
        f"[{record},{record}]": [record, record],
        "[]": [],
        ' [ "" ] ': ['""'],
        "[NaN]": ["NaN"],
    }
    assert elements(spark, list(cases)) == list(cases.values())


def test_a_text_that_is_not_a_json_array_has_no_elements(spark):
    texts = ["", "null", "1", '{"a":1}', "[1,2", "[[1],[2]", "[1] x", '["a]', "[[[[[[1]]]]]]", "[1,[[[[[1]]]]]]"]
    assert elements(spark, texts) == [None] * len(texts)


def members(spark, texts, names):
    frame = texts_frame(spark, texts).orderBy("n")
    return [r[0] for r in frame.select(object_members(sf.col("text"), names)).collect()]


def test_members_keep_their_text_and_have_the_order_of_the_names(spark):
    texts = [
        f'{{"high":1.50, "low" : "0.10","id":{LONG},"open":null}}',
        ' { "open":[1.0,{"low":2}],"close":1e-7,\n"low":"a\\",\\"high\\":1" } ',
        "{}",
    ]
    assert members(spark, texts, ("low", "high", "open", "id")) == [
        ['"0.10"', "1.50", "null", LONG],
        ['"a\\",\\"high\\":1"', None, '[1.0,{"low":2}]', None],
        [None, None, None, None],
    ]


def test_a_repeated_member_is_null(spark):
    assert members(spark, ['{"low":1,"high":2,"low":1}'], ("low", "high")) == [[None, "2"]]


def test_a_text_that_is_not_a_json_object_has_no_members(spark):
    texts = ["", "null", "[1]", '"low"', '{"low":1', '{"low":1} x', '{"low" 1}', '{"low":[[[[[1]]]]]}', '{low:"1"}']
    assert members(spark, texts, ("low",)) == [None] * len(texts)


def test_a_list_of_objects_is_split_down_to_its_numbers(spark):
    body = texts_frame(spark, ['{"data":{"ohlc":[{"low":"1.50"},{"low":2.0}],"pair":"BTC/USD"}}'])
    rows = array_elements(object_member(object_member(sf.col("text"), "data"), "ohlc"))
    lows = sf.transform(rows, lambda row: object_member(row, "low"))
    assert body.select(rows, lows).first()[:] == (['{"low":"1.50"}', '{"low":2.0}'], ['"1.50"', "2.0"])


def test_scalars_lose_only_their_quotes_and_escapes(spark):
    frame = texts_frame(spark, ['"0.10"', "0.10", "null", '"null"', '""', r'"\u0031\"\n"'])
    assert [r[0] for r in frame.orderBy("n").select(scalar_text(sf.col("text"))).collect()] == [
        "0.10", "0.10", None, "null", "", '1"\n',
    ]  # fmt: skip


def test_large_bodies_and_records_do_not_exhaust_the_stack(spark):
    record = json.dumps(["1.50"] * 5000)
    body = json.dumps([[1702857600000, "42000.10000000", "x" * 200, 17]] * 5000, indent=1)
    counts = texts_frame(spark, [record, body]).orderBy("n").select(sf.size(array_elements(sf.col("text")))).collect()
    assert [r[0] for r in counts] == [5000, 5000]
    nested = texts_frame(spark, [f"[{record}]"]).select(array_elements(sf.col("text"))).first()[0]
    assert nested == [record]
