import pytest

from tests.support.iam_calls import json_call, pairs

TABLE = ["glue:catalog", "glue:database/db", "glue:table/db/t"]


@pytest.mark.parametrize(
    ("operation", "params", "resources"),
    [
        ("GetTable", {"DatabaseName": "db", "Name": "t"}, TABLE),
        ("CreateTable", {"DatabaseName": "db", "TableInput": {"Name": "t"}}, TABLE),
        ("UpdateTable", {"DatabaseName": "db", "TableInput": {"Name": "t"}}, TABLE),
        ("DeleteTable", {"DatabaseName": "db", "Name": "t"}, TABLE),
        ("BatchDeleteTable", {"DatabaseName": "db", "TablesToDelete": ["t", "u"]}, [*TABLE, "glue:table/db/u"]),
        ("GetTables", {"DatabaseName": "db"}, ["glue:catalog", "glue:database/db", "glue:table/db/*"]),
        ("GetTableVersions", {"DatabaseName": "db", "TableName": "t"}, TABLE),
        ("GetPartition", {"DatabaseName": "db", "TableName": "t"}, TABLE),
        ("GetPartitions", {"DatabaseName": "db", "TableName": "t"}, TABLE),
        ("CreatePartition", {"DatabaseName": "db", "TableName": "t", "PartitionInput": {}}, TABLE),
        ("UpdatePartition", {"DatabaseName": "db", "TableName": "t"}, TABLE),
        ("DeletePartition", {"DatabaseName": "db", "TableName": "t"}, TABLE),
        ("BatchCreatePartition", {"DatabaseName": "db", "TableName": "t"}, TABLE),
        ("BatchUpdatePartition", {"DatabaseName": "db", "TableName": "t"}, TABLE),
        ("BatchDeletePartition", {"DatabaseName": "db", "TableName": "t"}, TABLE),
        ("BatchGetPartition", {"DatabaseName": "db", "TableName": "t"}, TABLE),
        ("GetColumnStatisticsForTable", {"DatabaseName": "db", "TableName": "t"}, TABLE),
        ("GetDatabase", {"Name": "db"}, ["glue:catalog", "glue:database/db"]),
        ("CreateDatabase", {"DatabaseInput": {"Name": "db"}}, ["glue:catalog", "glue:database/db"]),
        ("DeleteDatabase", {"Name": "db"},
         ["glue:catalog", "glue:database/db", "glue:table/db/*", "glue:userDefinedFunction/db/*"]),
        ("GetDatabases", {}, ["glue:catalog", "glue:database/*"]),
        ("SearchTables", {}, ["glue:catalog", "glue:database/*", "glue:table/*/*"]),
        ("GetUserDefinedFunction", {"DatabaseName": "db", "FunctionName": "f"},
         ["glue:catalog", "glue:database/db", "glue:userDefinedFunction/db/f"]),
        ("StartJobRun", {"JobName": "j"}, ["glue:job/j"]),
        ("GetJobRun", {"JobName": "j", "RunId": "r"}, ["glue:job/j"]),
        ("GetJobRuns", {"JobName": "j"}, ["glue:job/j"]),
        ("BatchStopJobRun", {"JobName": "j", "JobRunIds": ["r"]}, ["glue:job/j"]),
        ("GetJob", {"JobName": "j"}, ["glue:job/j"]),
        ("CreateJob", {"Name": "j"}, ["glue:job/j"]),
        ("UpdateJob", {"JobName": "j", "JobUpdate": {}}, ["glue:job/j"]),
        ("DeleteJob", {"JobName": "j"}, ["glue:job/j"]),
        ("GetJobs", {}, ["*"]),
        ("ListJobs", {}, ["*"]),
        ("BatchGetJobs", {"JobNames": ["j", "k"]}, ["glue:job/j", "glue:job/k"]),
        ("GetTrigger", {"Name": "x"}, ["glue:trigger/x"]),
        ("CreateCrawler", {"Name": "x"}, ["glue:crawler/x"]),
        ("CreateConnection", {"ConnectionInput": {"Name": "x"}}, ["glue:connection/x"]),
        ("CreateSecurityConfiguration", {"Name": "x"}, ["*"]),
        ("GetSecurityConfiguration", {"Name": "x"}, ["*"]),
        ("TagResource", {"ResourceArn": "arn:aws:glue:us-east-1:123456789012:job/j"}, ["glue:job/j"]),
        ("GetTags", {"ResourceArn": "arn:aws:glue:us-east-1:123456789012:job/j"}, ["glue:job/j"]),
    ],
)  # fmt: skip
def test_glue(operation, params, resources):
    assert pairs(json_call("glue", operation, **params)) == [(f"glue:{operation}", resource) for resource in resources]
