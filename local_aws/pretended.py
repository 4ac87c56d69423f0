"""Says which operations moto would only pretend to execute, so that the front refuses them.

A stand-in that answers "SUCCEEDED" for work that never ran hides exactly the mistakes that a laptop's AWS is there to
show. Definitions (a job, a trigger, a rule, a subnet) are facts that can be kept; runs, sessions and machines are not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

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

# EC2 is there for the network that MWAA needs; moto would also "run" instances.
_EC2_NETWORK = re.compile(
    r"\w*(Vpc|Subnet|Route|Gateway|Address|SecurityGroup|NetworkAcl|NetworkInterface|FlowLogs|DhcpOptions|PrefixList"
    r"|Tags|AvailabilityZones|Regions|AccountAttributes)\w*"
)


def only_pretended(signing_name: str, operation: str) -> bool:
    """Tell whether moto would answer an operation without doing what it means.

    Args:
        signing_name: The signing name of the service.
        operation: The operation's name in botocore's model.

    Returns:
        True when the operation must be refused unless the project implements it itself.
    """
    if signing_name == "ec2":
        return _EC2_NETWORK.fullmatch(operation) is None
    pattern = _REFUSED.get(signing_name)
    return pattern is not None and pattern.fullmatch(operation) is not None
