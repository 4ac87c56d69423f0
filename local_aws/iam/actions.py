"""Derives the checks that a call needs: the actions, ARNs and condition keys of every service.

The source is each service's page of the Service Authorization Reference. Most actions have the name of the operation:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
This module does not distinguish resources of EC2, so EC2's checks use the resource ``*``. A permission that is
restricted to a resource does not match then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from local_aws.iam import glue_actions, passed_roles, s3_actions
from local_aws.iam.checks import ApiCall, Check, Facts, StoredSecret, key_of_ciphertext
from local_aws.iam.context import Values

# The keys of each service that are known for its calls. Other keys of the service are unknown (see Context).
KNOWN_KEYS: Mapping[str, tuple[str, ...]] = {
    "athena": ("aws:ResourceTag/*",),
    "cloudwatch": ("cloudwatch:namespace",),
    "iam": ("iam:PassedToService", "iam:PolicyARN"),
    "kms": (
        "kms:CallerAccount",
        "kms:EncryptionContext:*",
        "kms:EncryptionContextKeys",
        "kms:RequestAlias",
        "kms:ViaService",
    ),
    "redshift-data": ("aws:ResourceTag/*", "redshift-data:statement-owner-iam-userid"),
    "redshift-serverless": ("aws:ResourceTag/*",),
    "s3": s3_actions.KNOWN_KEYS,
    "secretsmanager": (
        "secretsmanager:SecretId",
        "secretsmanager:Name",
        "secretsmanager:KmsKeyId",
        "secretsmanager:VersionId",
        "secretsmanager:VersionStage",
    ),
    "sts": ("sts:ExternalId", "sts:RoleSessionName"),
}
# The prefix of a service's actions if it differs from the signing name.
_PREFIXES = {"monitoring": "cloudwatch"}
# Operations that create a resource, and the member that contains its tags. With tags, they also need the action
# TagResource. The page of each service in the Service Authorization Reference, and:
# https://docs.aws.amazon.com/athena/latest/ug/creating-workgroups.html
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
# https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
_TAGS_ON_CREATION = {
    ("athena", "CreateWorkGroup"): "Tags",
    ("budgets", "CreateBudget"): "ResourceTags",
    ("monitoring", "PutMetricAlarm"): "Tags",
    ("redshift-serverless", "CreateNamespace"): "tags",
    ("redshift-serverless", "CreateWorkgroup"): "tags",
    ("secretsmanager", "CreateSecret"): "Tags",
}


def checks_of(call: ApiCall, facts: Facts) -> list[Check]:
    """Return the checks of a call: the operation's own first, then those it implies.

    Args:
        call: The call.
        facts: Facts about the account's resources.
    """
    service = _SERVICES.get(call.service, _on_everything)
    own = list(service(call, facts))
    return [*own, *_tagging(call, own), *passed_roles.checks(call, facts)]


def known_keys(action: str) -> tuple[str, ...]:
    """Return the condition keys of a service that are known for one of its actions."""
    return KNOWN_KEYS.get(action.partition(":")[0], ())


def _action(call: ApiCall) -> str:
    return f"{_PREFIXES.get(call.service, call.service)}:{call.operation}"


def _on_everything(call: ApiCall, _facts: Facts) -> Iterator[Check]:
    yield Check(_action(call), "*")


def _tagging(call: ApiCall, own: Sequence[Check]) -> Iterator[Check]:
    member = _TAGS_ON_CREATION.get((call.service, call.operation))
    # The query protocol writes a list as Tags.1.Key, and so on. It leaves out an empty list.
    if member is not None and any(
        value and (name == member or name.startswith(f"{member}.")) for name, value in call.params.items()
    ):
        prefix = own[0].action.partition(":")[0]
        yield Check(f"{prefix}:TagResource", own[0].resource, {}, f"{own[0].action} with tags")


def _airflow(call: ApiCall, _facts: Facts) -> Iterator[Check]:
    found = re.match(r"/(?:environments|metrics/environments|clitoken|webtoken)/([^/]+)", call.path)
    if call.path.startswith("/tags/"):
        yield Check(_action(call), call.path.removeprefix("/tags/"))
    else:
        yield Check(_action(call), "*" if found is None else call.arn(f"environment/{found[1]}"))


def _athena(call: ApiCall, facts: Facts) -> Iterator[Check]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonathena.html.

    A named query is not a resource. Its workgroup is.
    """
    if call.operation == "ListWorkGroups":
        yield Check(_action(call), "*")
        return
    if call.text("ResourceARN"):
        resource = call.text("ResourceARN")
    elif call.text("NamedQueryId"):
        resource = call.arn(f"workgroup/{facts.athena_workgroup_of(call.text('NamedQueryId')) or '*'}")
    else:
        name = call.text("Name") if call.operation == "CreateWorkGroup" else call.text("WorkGroup")
        resource = call.arn(f"workgroup/{name or 'primary'}")
    tags = facts.athena_tags(resource)
    yield Check(_action(call), resource, {f"aws:ResourceTag/{key}": (value,) for key, value in tags.items()})


def _budgets(call: ApiCall, _facts: Facts) -> Iterator[Check]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbudgetservice.html."""
    if call.text("ResourceARN"):
        yield Check(_action(call), call.text("ResourceARN"))
        return
    budget = call.params.get("Budget") or call.params.get("NewBudget")
    name = call.text("BudgetName") or (budget.get("BudgetName", "*") if isinstance(budget, dict) else "*")
    action = "ViewBudget" if call.operation.startswith(("Describe", "List")) else "ModifyBudget"
    yield Check(f"budgets:{action}", f"arn:aws:budgets::{call.account_id}:budget/{name}")


def _cloudwatch(call: ApiCall, _facts: Facts) -> Iterator[Check]:
    keys: dict[str, Values] = {}
    if call.operation == "PutMetricData":
        keys = {"cloudwatch:namespace": (call.text("Namespace"),)} if call.text("Namespace") else {}
        yield Check("cloudwatch:PutMetricData", "*", keys)
        return
    names = call.params.get("AlarmNames")
    alarms = (
        list(names) if isinstance(names, list) else [v for k, v in call.params.items() if k.startswith("AlarmNames.")]
    )
    alarms = alarms or [call.text("AlarmName")]
    if call.text("ResourceARN"):
        yield Check(_action(call), call.text("ResourceARN"))
    elif "Alarm" in call.operation and any(alarms):
        for name in alarms:
            yield Check(_action(call), call.arn(f"alarm:{name}", "cloudwatch"))
    elif call.text("DashboardName"):
        yield Check(_action(call), f"arn:aws:cloudwatch::{call.account_id}:dashboard/{call.text('DashboardName')}")
    else:
        yield Check(_action(call), "*")


def _events(call: ApiCall, _facts: Facts) -> Iterator[Check]:
    bus = call.text("EventBusName").rpartition("/")[2] or "default"
    rule = call.text("Rule") or (call.text("Name") if call.operation.endswith("Rule") else "")
    if call.text("ResourceARN"):
        yield Check(_action(call), call.text("ResourceARN"))
    elif rule:
        yield Check(_action(call), call.arn(f"rule/{rule}" if bus == "default" else f"rule/{bus}/{rule}"))
    elif call.operation == "PutEvents":
        entries = call.params.get("Entries")
        buses = {str(e.get("EventBusName") or "default") for e in entries if isinstance(e, dict)} if entries else {bus}
        for name in sorted(buses):
            yield Check(_action(call), call.arn(f"event-bus/{name.rpartition('/')[2]}"))
    elif "EventBus" in call.operation and not call.operation.startswith("List"):
        name = call.text("Name") or bus
        yield Check(_action(call), call.arn(f"event-bus/{name.rpartition('/')[2]}"))
    else:
        yield Check(_action(call), "*")


def _iam(call: ApiCall, facts: Facts) -> Iterator[Check]:
    account = f"arn:aws:iam::{call.account_id}"
    path = call.text("Path") or "/"
    keys: dict[str, Values] = {}
    policy = call.text("PolicyArn")
    if policy and ("Attach" in call.operation or "Detach" in call.operation):
        keys = {"iam:PolicyARN": (policy,)}
    if call.text("RoleName") and "InstanceProfile" not in call.operation:
        name = call.text("RoleName")
        resource = facts.role_arn(name) or f"{account}:role{path}{name}"
    elif call.text("UserName"):
        resource = f"{account}:user{path}{call.text('UserName')}"
    elif call.text("GroupName"):
        resource = f"{account}:group{path}{call.text('GroupName')}"
    elif call.text("InstanceProfileName"):
        resource = f"{account}:instance-profile{path}{call.text('InstanceProfileName')}"
    elif policy:
        resource = policy
    elif call.operation == "CreatePolicy":
        resource = f"{account}:policy{path}{call.text('PolicyName')}"
    else:
        resource = "*"
    yield Check(_action(call), resource, keys)


def _kms(call: ApiCall, facts: Facts) -> Iterator[Check]:
    """https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html."""
    context = call.params.get("EncryptionContext")
    keys: dict[str, Values] = {"kms:CallerAccount": (call.account_id,)}
    if isinstance(context, dict) and context:
        keys |= {f"kms:EncryptionContext:{name}": (str(value),) for name, value in context.items()}
        keys["kms:EncryptionContextKeys"] = tuple(context)
    if call.operation in {"CreateAlias", "UpdateAlias", "DeleteAlias"}:
        yield Check(_action(call), call.arn(call.text("AliasName")), keys)
        target = facts.kms_key(call.region, call.text("TargetKeyId") or call.text("AliasName"))
        if target is not None:
            yield Check(_action(call), target, keys)
        return
    if call.operation == "ReEncrypt":
        source = call.text("SourceKeyId") or key_of_ciphertext(call.text("CiphertextBlob"))
        yield Check("kms:ReEncryptFrom", _key_arn(call, facts, source), keys)
        yield Check("kms:ReEncryptTo", _key_arn(call, facts, call.text("DestinationKeyId")), keys)
        return
    key_id = call.text("KeyId")
    if call.operation == "Decrypt" and not key_id:
        key_id = key_of_ciphertext(call.text("CiphertextBlob"))
    if "alias/" in key_id:
        keys["kms:RequestAlias"] = (key_id.rpartition(":")[2],)
    yield Check(_action(call), _key_arn(call, facts, key_id) if key_id else "*", keys)


def _key_arn(call: ApiCall, facts: Facts, key_id: str) -> str:
    found = facts.kms_key(call.region, key_id)
    return found or (key_id if key_id.startswith("arn:") else call.arn(f"key/{key_id}"))


def _logs(call: ApiCall, _facts: Facts) -> Iterator[Check]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html.

    Operations on a group are checked against ``log-group:NAME:log-stream:``, so a policy must end in ``:*``. Operations
    on tags are checked against the group without that ending.
    """
    named = call.text("resourceArn") or call.text("logGroupArn") or call.text("logGroupIdentifier")
    group = call.text("logGroupName") or (
        named.partition(":log-group:")[2].removesuffix(":*") if ":" in named else named
    )
    stream = call.text("logStreamName")
    if "Tag" in call.operation and (named or group):
        yield Check(_action(call), named.removesuffix(":*") if ":" in named else call.arn(f"log-group:{group}"))
    elif group or stream:
        yield Check(_action(call), call.arn(f"log-group:{group}:log-stream:{stream}"))
    elif call.operation == "DescribeLogGroups":
        yield Check(_action(call), call.arn("log-group::log-stream:"))
    else:
        yield Check(_action(call), "*")


def _redshift_data(call: ApiCall, facts: Facts) -> Iterator[Check]:
    """https://docs.aws.amazon.com/redshift/latest/mgmt/data-api-access.html."""
    if call.operation in {"DescribeStatement", "GetStatementResult", "GetStatementResultV2", "CancelStatement"}:
        owner = facts.statement_owner(call.text("Id"))
        keys = {"redshift-data:statement-owner-iam-userid": (owner,)} if owner else {}
        yield Check(_action(call).removesuffix("V2"), "*", keys)
        return
    if call.operation == "ListStatements":  # it lists the caller's own statements
        yield Check(_action(call), "*", {"redshift-data:statement-owner-iam-userid": (call.userid,)})
        return
    name = call.text("WorkgroupName")
    if not name:
        yield Check(_action(call), "*")
        return
    arn = facts.workgroup_arn(name) or call.arn(f"workgroup/{name}", "redshift-serverless")
    yield Check(_action(call), arn, _redshift_tags(arn, facts))
    if not call.text("SecretArn"):
        why = f"{_action(call)} without a secret"
        yield Check("redshift-serverless:GetCredentials", arn, _redshift_tags(arn, facts), why)


def _redshift_tags(arn: str, facts: Facts) -> dict[str, Values]:
    return {f"aws:ResourceTag/{key}": (value,) for key, value in facts.redshift_tags(arn).items()}


def _redshift_serverless(call: ApiCall, facts: Facts) -> Iterator[Check]:
    """https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonredshiftserverless.html."""
    if "UsageLimit" in call.operation:  # supports no resource, although the request names a workgroup
        yield Check(_action(call), "*")
        return
    resource = call.text("resourceArn") or "*"
    if call.operation.endswith("Namespace") and call.text("namespaceName"):
        resource = facts.namespace_arn(call.text("namespaceName")) or call.arn("namespace/*")
    elif call.text("workgroupName"):
        resource = facts.workgroup_arn(call.text("workgroupName")) or call.arn("workgroup/*")
    elif call.operation.endswith("Workgroup"):
        resource = call.arn("workgroup/*")
    yield Check(_action(call), resource, _redshift_tags(resource, facts))


def _secretsmanager(call: ApiCall, facts: Facts) -> Iterator[Check]:
    """https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access.html."""
    if call.operation in {"ListSecrets", "GetRandomPassword"}:
        yield Check(_action(call), "*")
        return
    if call.operation == "BatchGetSecretValue":
        yield Check(_action(call), "*")
        names = call.params.get("SecretIdList")
        for name in names if isinstance(names, list) else ():
            yield from _secret_checks(call, facts, "secretsmanager:GetSecretValue", str(name), "BatchGetSecretValue")
        return
    secret_id = call.text("SecretId") or call.text("Name")
    yield from _secret_checks(call, facts, _action(call), secret_id, None)


def _secret_checks(call: ApiCall, facts: Facts, action: str, secret_id: str, implied_by: str | None) -> Iterator[Check]:
    creates = call.operation == "CreateSecret"
    secret = None if creates else facts.secret(call.region, secret_id)
    asked = secret_id if secret_id.startswith("arn:") else call.arn(f"secret:{secret_id}")
    keys: dict[str, Values] = {"secretsmanager:Name" if creates else "secretsmanager:SecretId": (secret_id,)}
    if not creates and secret is not None:
        # AWS compares the key with the ARN, even if the caller passed a name.
        keys["secretsmanager:SecretId"] = (secret.arn,)
    for member in ("VersionId", "VersionStage", "KmsKeyId"):
        if call.text(member):
            keys[f"secretsmanager:{member}"] = (call.text(member),)
    yield Check(action, asked if secret is None else secret.arn, keys, implied_by)
    reads = action == "secretsmanager:GetSecretValue"
    writes = call.operation in {"CreateSecret", "PutSecretValue", "UpdateSecret"} and (
        "SecretString" in call.params or "SecretBinary" in call.params
    )
    given = facts.kms_key(call.region, call.text("KmsKeyId")) if call.text("KmsKeyId") else None
    key = given or (secret.kms_key if secret is not None else None)
    if key is None or not (reads or writes):
        return
    for kms_action in ("kms:Decrypt",) if reads else ("kms:GenerateDataKey", "kms:Decrypt"):
        yield Check(
            kms_action, key, _secret_kms_keys(call, secret), f"{action} of a secret that is encrypted with the key"
        )


def _secret_kms_keys(call: ApiCall, secret: StoredSecret | None) -> dict[str, Values]:
    keys: dict[str, Values] = {
        "kms:CallerAccount": (call.account_id,),
        "kms:ViaService": (f"secretsmanager.{call.region}.amazonaws.com",),
        "kms:EncryptionContextKeys": ("SecretARN", "SecretVersionId"),
    }
    if secret is not None:
        keys["kms:EncryptionContext:SecretARN"] = (secret.arn,)
    return keys


def _sns(call: ApiCall, _facts: Facts) -> Iterator[Check]:
    topic = call.text("TopicArn") or call.text("TargetArn") or call.text("ResourceArn")
    if not topic and call.text("SubscriptionArn"):
        topic = call.text("SubscriptionArn").rpartition(":")[0]
    if not topic and call.operation == "CreateTopic":
        topic = call.arn(call.text("Name"))
    operation = "Publish" if call.operation == "PublishBatch" else call.operation
    yield Check(f"sns:{operation}", topic or "*")


def _sts(call: ApiCall, _facts: Facts) -> Iterator[Check]:
    if call.operation == "GetCallerIdentity":
        return  # it needs no permission: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    keys: dict[str, Values] = {}
    for member in ("ExternalId", "RoleSessionName"):
        if call.text(member):
            keys[f"sts:{member}"] = (call.text(member),)
    yield Check(_action(call), call.text("RoleArn") or "*", keys)


_SERVICES: Mapping[str, Callable[[ApiCall, Facts], Iterator[Check]]] = {
    "airflow": _airflow,
    "athena": _athena,
    "budgets": _budgets,
    "events": _events,
    "glue": glue_actions.checks,
    "iam": _iam,
    "kms": _kms,
    "logs": _logs,
    "monitoring": _cloudwatch,
    "redshift-data": _redshift_data,
    "redshift-serverless": _redshift_serverless,
    "s3": s3_actions.checks,
    "secretsmanager": _secretsmanager,
    "sns": _sns,
    "sts": _sts,
}
