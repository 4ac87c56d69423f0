"""The roles that a call passes to a service. Each needs iam:PassRole.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html. The names of the services are from
https://docs.aws.amazon.com/glue/latest/dg/create-an-iam-role.html,
https://docs.aws.amazon.com/mwaa/latest/userguide/access-policies.html and
https://docs.aws.amazon.com/redshift/latest/mgmt/redshift-iam-authentication-access-control.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from local_aws.iam.checks import ApiCall, Check, Facts

_GLUE = ("glue.amazonaws.com",)
_MWAA = ("airflow.amazonaws.com",)
_REDSHIFT = ("redshift-serverless.amazonaws.com", "redshift.amazonaws.com")

# (service, operation) -> the members with roles, and the service's names. "[]" stands for each item of a list.
_PASSING: dict[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...]]] = {
    ("glue", "CreateJob"): (("Role",), _GLUE),
    ("glue", "UpdateJob"): (("JobUpdate.Role",), _GLUE),
    ("glue", "CreateCrawler"): (("Role",), _GLUE),
    ("glue", "UpdateCrawler"): (("Role",), _GLUE),
    ("airflow", "CreateEnvironment"): (("ExecutionRoleArn",), _MWAA),
    ("airflow", "UpdateEnvironment"): (("ExecutionRoleArn",), _MWAA),
    ("redshift-serverless", "CreateNamespace"): (("iamRoles[]", "defaultIamRoleArn"), _REDSHIFT),
    ("redshift-serverless", "UpdateNamespace"): (("iamRoles[]", "defaultIamRoleArn"), _REDSHIFT),
    ("events", "PutRule"): (("RoleArn",), ("events.amazonaws.com",)),
    ("events", "PutTargets"): (("Targets[].RoleArn",), ("events.amazonaws.com",)),
    ("logs", "PutSubscriptionFilter"): (("roleArn",), ("logs.amazonaws.com",)),
    ("ec2", "CreateFlowLogs"): (("DeliverLogsPermissionArn",), ("vpc-flow-logs.amazonaws.com",)),
}
_REPLICATION_ROLE = re.compile(rb"<Role>([^<]+)</Role>")


def checks(call: ApiCall, facts: Facts) -> Iterator[Check]:
    """Yield the checks of the roles that a call passes, each role once."""
    paths, service = _PASSING.get((call.service, call.operation), ((), ()))
    roles = [role for path in paths for role in _at(call.params, path)]
    if (call.service, call.operation) == ("s3", "PutBucketReplication"):
        roles, service = [found.decode() for found in _REPLICATION_ROLE.findall(call.body)], ("s3.amazonaws.com",)
    for role in dict.fromkeys(roles):
        arn = role if role.startswith("arn:") else facts.role_arn(role) or f"arn:aws:iam::{call.account_id}:role/{role}"
        keys = {"iam:PassedToService": service}
        yield Check("iam:PassRole", arn, keys, f"{call.service}:{call.operation} with the role")


def _at(value: Any, path: str) -> list[str]:
    name, _, rest = path.partition(".")
    inner = value.get(name.removesuffix("[]")) if isinstance(value, dict) else None
    items = inner if isinstance(inner, list) else [] if inner is None else [inner]
    if rest:
        return [role for item in items for role in _at(item, rest)]
    return [item for item in items if isinstance(item, str) and item]
