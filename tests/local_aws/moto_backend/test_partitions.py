"""moto's Glue partitions, through boto3."""

import pytest
from botocore.exceptions import ClientError

from local_aws.clients import local_client

TABLE = {"DatabaseName": "crypto", "TableName": "prices"}


@pytest.fixture(scope="module")
def glue(moto_endpoint):
    glue = local_client("glue", moto_endpoint)
    glue.create_database(DatabaseInput={"Name": "crypto"})
    keys = [{"Name": "month", "Type": "string"}, {"Name": "day", "Type": "string"}]
    columns = {"Columns": [{"Name": "open", "Type": "double"}]}
    glue.create_table(
        DatabaseName="crypto",
        TableInput={"Name": "prices", "PartitionKeys": keys, "StorageDescriptor": columns},
    )
    inputs = [
        {"Values": ["12", f"{day:02}"], "StorageDescriptor": {"Location": f"s3://lake/{day}/", **columns}}
        for day in range(1, 11)
    ]
    glue.batch_create_partition(**TABLE, PartitionInputList=inputs)
    return glue


def _code(call, **members):
    with pytest.raises(ClientError) as caught:
        call(**members)
    return caught.value.response["Error"]["Code"]


def _days(answer):
    return [partition["Values"][1] for partition in answer["Partitions"]]


def test_pages_of_partitions(glue):
    first = glue.get_partitions(**TABLE, MaxResults=4)
    assert (_days(first), "NextToken" in first) == (["01", "02", "03", "04"], True)
    pages = glue.get_paginator("get_partitions").paginate(**TABLE, PaginationConfig={"PageSize": 3})
    assert [len(page["Partitions"]) for page in pages] == [3, 3, 3, 1]
    assert _code(glue.get_partitions, **TABLE, NextToken="invented") == "InvalidInputException"


def test_segments_contain_every_partition_once(glue):
    parts = [glue.get_partitions(**TABLE, Segment={"SegmentNumber": n, "TotalSegments": 3}) for n in range(3)]
    assert sorted(day for part in parts for day in _days(part)) == [f"{day:02}" for day in range(1, 11)]
    assert all(parts)
    beyond = {"SegmentNumber": 3, "TotalSegments": 3}
    assert _code(glue.get_partitions, **TABLE, Segment=beyond) == "InvalidInputException"


def test_an_expression_of_partitions(glue):
    assert _days(glue.get_partitions(**TABLE, Expression="month = '12' AND day >= '09'")) == ["09", "10"]
    assert _code(glue.get_partitions, **TABLE, Expression="hour = '1'") == "InvalidInputException"
    assert _code(glue.get_partitions, **TABLE, Expression="day LIKE") == "InvalidInputException"


def test_an_expression_has_at_most_2048_characters(glue):
    longest = "month = '12' AND day >= '09'".ljust(2048)
    assert _days(glue.get_partitions(**TABLE, Expression=longest)) == ["09", "10"]
    with pytest.raises(ClientError) as caught:
        glue.get_partitions(**TABLE, Expression=longest + " ")
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationException"
    assert error["Message"].startswith("1 validation error detected: Value 'month = ")
    assert error["Message"].endswith(
        "at 'expression' failed to satisfy constraint: Member must have length less than or equal to 2048"
    )


def test_partitions_without_their_columns(glue):
    with_columns = glue.get_partitions(**TABLE)["Partitions"][0]["StorageDescriptor"]
    without = glue.get_partitions(**TABLE, ExcludeColumnSchema=True)["Partitions"][0]["StorageDescriptor"]
    assert "Columns" not in without
    assert with_columns == {**without, "Columns": [{"Name": "open", "Type": "double"}]}


def test_a_partition_has_a_value_for_each_key(glue):
    short = {"Values": ["12"]}
    calls = [
        (glue.create_partition, {"PartitionInput": short}),
        (glue.batch_create_partition, {"PartitionInputList": [{"Values": ["12", "30"]}, short]}),
        (glue.update_partition, {"PartitionValueList": ["12", "01"], "PartitionInput": short}),
        (
            glue.batch_update_partition,
            {"Entries": [{"PartitionValueList": ["12", "01"], "PartitionInput": short}]},
        ),
    ]
    assert {_code(call, **TABLE, **members) for call, members in calls} == {"InvalidInputException"}
    assert len(_days(glue.get_partitions(**TABLE))) == 10


def test_a_partition_keeps_its_values_if_the_new_ones_exist(glue):
    place = {"PartitionValueList": ["12", "01"], "PartitionInput": {"Values": ["12", "02"]}}
    assert _code(glue.update_partition, **TABLE, **place) == "AlreadyExistsException"
    errors = glue.batch_update_partition(**TABLE, Entries=[place])["Errors"]
    assert errors[0]["ErrorDetail"]["ErrorCode"] == "AlreadyExistsException"
    assert len(_days(glue.get_partitions(**TABLE))) == 10
