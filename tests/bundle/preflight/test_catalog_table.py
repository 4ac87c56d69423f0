import json

import pytest

from bundle.preflight.catalog_table import check_catalog_table


def found(mistakes, change):
    table = json.loads(mistakes.built["catalog_table.json"])
    change(table)
    return [finding.what for finding in check_catalog_table(mistakes.bundle({"catalog_table.json": json.dumps(table)}))]


def column(name="x", kind="string", comment="c"):
    return {"name": name, "type": kind, "comment": comment}


def test_a_built_bundle_passes(mistakes):
    assert found(mistakes, lambda table: None) == []


@pytest.mark.parametrize("kind", ["string", "decimal(38,18)", "varchar(32)", "timestamp", "bigint", "double"])
def test_hive_types_are_accepted(mistakes, kind):
    assert found(mistakes, lambda table: table["columns"].append(column(kind=kind))) == []


@pytest.mark.parametrize("kind", ["VARCHAR(32)", "text", "decimal", "number(38)", ""])
def test_other_types_are_reported(mistakes, kind):
    assert found(mistakes, lambda table: table["columns"].append(column(kind=kind))) == [f"{kind!r} is not a Hive type"]


@pytest.mark.parametrize("kind", ["decimal(39,18)", "decimal(10,11)"])
def test_impossible_decimals_are_reported(mistakes, kind):
    (what,) = found(mistakes, lambda table: table["columns"].append(column(kind=kind)))
    assert "more than 38 digits" in what


def test_a_duplicate_name_is_reported(mistakes):
    assert found(mistakes, lambda table: table["columns"].append(column("symbol"))) == ["symbol exists 2 times"]


def test_a_partition_key_among_the_columns_is_reported(mistakes):
    assert found(mistakes, lambda table: table["columns"].append(column("year"))) == [
        "year exists 2 times, as a partition key and as a column"
    ]


@pytest.mark.parametrize("name", ["Symbol", "open price", "1st", "", "x" * 256])
def test_a_name_that_needs_quotes_is_reported(mistakes, name):
    (what,) = found(mistakes, lambda table: table["columns"].append(column(name)))
    assert "not a name that Athena and Spark accept" in what


@pytest.mark.parametrize(
    "wrong",
    [{"name": "x", "type": "string"}, {"name": "x", "type": "string", "comment": None}, "x", column() | {"y": ""}],
)
def test_other_members_are_reported(mistakes, wrong):
    (what,) = found(mistakes, lambda table: table["columns"].append(wrong))
    assert "name, type and comment" in what


@pytest.mark.parametrize("comment", ["", "c" * 256])
def test_a_comment_that_is_empty_or_too_long_is_reported(mistakes, comment):
    (what,) = found(mistakes, lambda table: table["columns"].append(column(comment=comment)))
    assert "1 to 255" in what


@pytest.mark.parametrize("kind", ["columns", "partition_keys"])
def test_an_empty_list_is_reported(mistakes, kind):
    (what,) = found(mistakes, lambda table: table.update({kind: []}))
    assert f"{kind} is not a list" in what


@pytest.mark.parametrize("description", ["", None, "d" * 2049])
def test_a_description_that_is_missing_or_too_long_is_reported(mistakes, description):
    (what,) = found(mistakes, lambda table: table.update({"description": description}))
    assert "description is not a text of 1 to 2048" in what


def test_another_shape_is_reported(mistakes):
    (what,) = found(mistakes, lambda table: table.update({"more": 1}))
    assert "exactly the members" in what


def test_invalid_json_is_reported(mistakes):
    (finding,) = check_catalog_table(mistakes.bundle({"catalog_table.json": "{"}))
    assert "not JSON" in finding.what
