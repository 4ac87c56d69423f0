"""Lists the operations that moto would only pretend to execute and the members that it would ignore.

The front refuses both. A response "SUCCEEDED" for work that never ran hides the mistakes that the local AWS exists to
show. Definitions (a job, a trigger, a rule, a subnet) can be stored. Runs, sessions and machines cannot.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from local_aws.protocol.account import ACCOUNT_ID

_REFUSED: Mapping[str, re.Pattern[str]] = {
    "glue": re.compile(
        r"(Start|Stop|Run|Cancel|Resume|Test|Query)[A-Z]\w*"
        r"|\w*(JobRun|JobBookmark|WorkflowRun|Session|Statement|DevEndpoint|MLTask|MLTransform|Crawls|CrawlerMetrics)\w*"
        r"|\w*(BlueprintRun|Ruleset\w*Run|DataQuality\w*|ColumnStatisticsTask\w*)"
    ),
    "logs": re.compile(r"(Start|Stop)\w+|GetQueryResults|DescribeQueries|\w*ExportTask\w*|\w*Delivery\w*"),
    "events": re.compile(r"StartReplay|CancelReplay|DescribeReplay|ListReplays|\w*Archive\w*"),
    "s3": re.compile(r"RestoreObject|SelectObjectContent|CreateSession"),
    "secretsmanager": re.compile(r"RotateSecret|CancelRotateSecret"),
    "iam": re.compile(r"Simulate\w+|Generate\w+Report|GetCredentialReport"),
}

# EC2 exists for the network that MWAA needs. moto would also "run" instances.
_EC2_NETWORK = re.compile(
    r"\w*(Vpc|Subnet|Route|Gateway|Address|SecurityGroup|NetworkAcl|NetworkInterface|FlowLogs|DhcpOptions|PrefixList"
    r"|Tags|AvailabilityZones|Regions|AccountAttributes)\w*"
)


def only_pretended(signing_name: str, operation: str) -> bool:
    """Return True if moto would respond to an operation without executing it.

    Args:
        signing_name: The signing name of the service.
        operation: The operation's name in botocore's model.

    Returns:
        True if the operation must be refused unless the emulator implements it itself.
    """
    if signing_name == "ec2":
        return _EC2_NETWORK.fullmatch(operation) is None
    pattern = _REFUSED.get(signing_name)
    return pattern is not None and pattern.fullmatch(operation) is not None


# Members that change the effect of an operation and that moto never reads. A dot leads to a member of a member.
_JOB = ("JobRunQueuingEnabled", "MaintenanceWindow")
_TIME_TRAVEL = ("TransactionId", "QueryAsOfTime")
_IGNORED: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("glue", "CreateJob"): _JOB,
    ("glue", "UpdateJob"): tuple(f"JobUpdate.{member}" for member in _JOB),
    ("glue", "CreateTable"): ("PartitionIndexes", "TransactionId", "OpenTableFormatInput"),
    ("glue", "UpdateTable"): ("TransactionId", "VersionId", "ViewUpdateAction", "Force", "UpdateOpenTableFormatInput"),
    ("glue", "DeleteTable"): ("TransactionId",),
    ("glue", "BatchDeleteTable"): ("TransactionId",),
    ("glue", "GetTable"): (*_TIME_TRAVEL, "IncludeStatusDetails", "AttributesToGet"),
    ("glue", "GetTables"): (*_TIME_TRAVEL, "NextToken", "MaxResults", "IncludeStatusDetails", "AttributesToGet"),
    ("glue", "GetTableVersions"): ("NextToken", "MaxResults"),
    ("glue", "GetDatabases"): ("NextToken", "MaxResults", "ResourceShareType", "AttributesToGet"),
    ("glue", "GetPartitions"): _TIME_TRAVEL,
    ("glue", "BatchGetPartition"): ("QuerySessionContext",),
    ("secretsmanager", "CreateSecret"): ("Type",),
    ("secretsmanager", "UpdateSecret"): ("Type",),
    ("secretsmanager", "PutSecretValue"): ("RotationToken",),
    ("secretsmanager", "ListSecrets"): ("SortOrder", "SortBy"),
    ("secretsmanager", "ListSecretVersionIds"): ("MaxResults", "NextToken", "IncludeDeprecated"),
}


def ignored_members(signing_name: str, operation: str, params: Mapping[str, Any]) -> Iterator[str]:
    """Yield the members of a request that have an effect on AWS and that moto would ignore.

    Args:
        signing_name: The signing name of the service.
        operation: The operation's name.
        params: The request's members.
    """
    for path in _IGNORED.get((signing_name, operation), ()):
        value: Any = params
        for name in path.split("."):
            value = value.get(name)
            if not value:
                break
        else:
            yield path
    if signing_name == "glue":
        if params.get("CatalogId", ACCOUNT_ID) != ACCOUNT_ID:
            yield f"CatalogId {params['CatalogId']}"
        mode = params.get("JobUpdate", params).get("JobMode", "SCRIPT")
        if mode != "SCRIPT":
            yield f"JobMode {mode}"
