"""Calls that the roles of GitHub and the permissions boundary must deny, as the local IAM would record them.

They are not made: they would delete data, or reach an environment that does not exist here. Their checks are decided
under the real policies.
"""

from __future__ import annotations

from collections.abc import Mapping

from local_aws.iam.authorization_log import RecordedCheck
from local_aws.protocol.account import ACCOUNT_ID, DEFAULT_REGION

NAME = "crypto-prices"
USERID = "AROA:session"
"""The caller's ``aws:userid``."""


def to_apply(environment: str, other: str) -> list[RecordedCheck]:
    """Return the calls that the apply role of an environment must be denied.

    Args:
        environment: The role's environment.
        other: Another environment in the same account.
    """
    own, foreign = _Names(environment), _Names(other)
    boundary = {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT_ID}:policy/{NAME}-github-boundary-{other}"}
    return [
        *(
            check(f"s3:{action}", own.bucket("lake"))
            for action in ("DeleteBucket", "PutBucketPolicy", "PutBucketVersioning", "PutLifecycleConfiguration")
        ),
        *(
            check(f"s3:{action}", own.bucket("lake/raw/a"))
            for action in ("GetObject", "PutObject", "DeleteObject", "DeleteObjectVersion")
        ),
        check("s3:PutObject", foreign.bucket("bundle/dags/a.py")),
        check("s3:PutObject", f"arn:aws:s3:::{NAME}-terraform-state-{ACCOUNT_ID}/crypto-prices/{other}.tfstate"),
        *(
            check(f"redshift-serverless:{action}", own.redshift("namespace"), **own.tag)
            for action in ("DeleteNamespace", "TagResource", "UpdateNamespace")
        ),
        check("redshift-serverless:DeleteWorkgroup", own.redshift("workgroup"), **own.tag),
        *(
            check(f"redshift-serverless:{action}", own.redshift("workgroup"), **tag)
            for action in ("TagResource", "UntagResource", "UpdateWorkgroup")
            for tag in (foreign.tag, {})
        ),
        *(
            check(f"redshift-serverless:{action}", "*")
            for action in ("CreateUsageLimit", "DeleteUsageLimit", "UpdateUsageLimit")
        ),
        check("redshift-data:ExecuteStatement", own.redshift("workgroup"), **own.tag),
        *(
            check("secretsmanager:GetSecretValue", own.secret(name))
            for name in (f"redshift!{own.name}-admin", f"airflow/{own.name}/connections/a")
        ),
        *(
            check(f"secretsmanager:{action}", foreign.secret(f"airflow/{foreign.name}/{kind}"))
            for action in ("DeleteSecret", "GetSecretValue", "PutSecretValue")
            for kind in ("connections/a", "variables/crypto_prices_settings")
        ),
        check("secretsmanager:DeleteSecret", own.secret(f"airflow/{own.name}/variables/crypto_prices_settings")),
        *(check("iam:PutRolePolicy", own.role("mwaa"), **keys) for keys in (boundary, {})),
        *(
            check(f"iam:{action}", own.role("mwaa"))
            for action in (
                "AttachRolePolicy",
                "DeleteRolePermissionsBoundary",
                "PutRolePermissionsBoundary",
                "UpdateAssumeRolePolicy",
            )
        ),
        check("iam:PassRole", foreign.role("glue"), **{"iam:PassedToService": "glue.amazonaws.com"}),
        *(
            check(f"athena:{action}", own.arn("athena", f"workgroup/{own.name}"))
            for action in ("CreateWorkGroup", "DeleteWorkGroup", "StartQueryExecution", "TagResource")
        ),
        *(
            check(f"athena:{action}", foreign.arn("athena", f"workgroup/{foreign.name}"))
            for action in ("DeleteNamedQuery", "UpdateWorkGroup")
        ),
        check("airflow:UpdateEnvironment", foreign.arn("airflow", f"environment/{foreign.name}")),
        check("airflow:DeleteEnvironment", own.arn("airflow", f"environment/{own.name}")),
        check("glue:UpdateJob", foreign.arn("glue", f"job/{foreign.name}-curate")),
        check("glue:DeleteTable", own.arn("glue", f"table/{own.database}/crypto_prices")),
        check("cloudwatch:DeleteAlarms", foreign.arn("cloudwatch", f"alarm:{foreign.name}-stale-binance")),
        *(
            check(f"logs:{action}", own.arn("logs", f"log-group:airflow-{own.name}-Task"))
            for action in ("DeleteLogGroup", "PutRetentionPolicy")
        ),
        check("kms:ScheduleKeyDeletion", own.key),
        check("kms:Decrypt", own.key),
    ]


def within_boundary(environment: str, other: str) -> list[RecordedCheck]:
    """Return the calls that the boundary of an environment must deny, whatever a role's policy says.

    Args:
        environment: The boundary's environment.
        other: Another environment in the same account.
    """
    own, foreign = _Names(environment), _Names(other)
    via_s3 = {"kms:ViaService": f"s3.{DEFAULT_REGION}.amazonaws.com"}
    return [
        *(
            check(f"s3:{action}", own.bucket(kind))
            for action in ("DeleteBucket", "PutBucketPolicy", "PutBucketVersioning", "PutLifecycleConfiguration")
            for kind in ("lake", "bundle")
        ),
        *(check(f"s3:{action}", own.bucket("lake/raw/a")) for action in ("DeleteObject", "DeleteObjectVersion")),
        *(check("s3:PutObject", own.bucket(f"lake/{zone}/a")) for zone in ("raw", "loads")),  # without If-None-Match
        check("s3:DeleteObjectVersion", own.bucket("lake/curated/a")),
        check("s3:PutObject", own.bucket("bundle/dags/a.py")),
        *(
            check(f"s3:{action}", foreign.bucket("lake/curated/a"))
            for action in ("DeleteObject", "GetObject", "PutObject")
        ),
        check("s3:GetObject", "arn:aws:s3:::another-bucket/a"),
        *(
            check("secretsmanager:GetSecretValue", foreign.secret(name))
            for name in (
                f"redshift!{foreign.name}-admin",
                f"airflow/{foreign.name}/connections/a",
                "redshift!another-admin",
                "another",
            )
        ),
        check("secretsmanager:PutSecretValue", own.secret(f"airflow/{own.name}/variables/crypto_prices_settings")),
        *(
            check(f"redshift-data:{action}", own.redshift("workgroup"), **tag)
            for action in ("BatchExecuteStatement", "ExecuteStatement")
            for tag in (foreign.tag, {})
        ),
        check("redshift-data:GetStatementResult", "*", **{"redshift-data:statement-owner-iam-userid": "AROA:another"}),
        check("redshift-serverless:GetCredentials", own.redshift("workgroup"), **own.tag),
        check("redshift-serverless:UpdateNamespace", own.redshift("namespace"), **own.tag),
        check("sqs:SendMessage", own.arn("sqs", "orders")),
        check("sqs:DeleteQueue", own.arn("sqs", "airflow-celery-1")),
        check("kms:Decrypt", own.key),
        check("kms:ScheduleKeyDeletion", own.key, **via_s3),
        check("athena:StartQueryExecution", own.arn("athena", f"workgroup/{own.name}")),
        check("glue:UpdateJob", own.arn("glue", f"job/{own.name}-curate")),
        check("glue:StartJobRun", foreign.arn("glue", f"job/{foreign.name}-curate")),
        check("glue:BatchDeletePartition", foreign.arn("glue", f"table/{foreign.database}/crypto_prices")),
        check("logs:DeleteLogGroup", own.arn("logs", f"log-group:airflow-{own.name}-Task")),
        check("logs:GetLogEvents", foreign.arn("logs", f"log-group:airflow-{foreign.name}-Task:log-stream:a")),
        check("cloudwatch:PutMetricData", "*", **{"cloudwatch:namespace": "Another"}),
        *(check(action, "*") for action in ("iam:ListRoles", "sts:AssumeRole", "ec2:DescribeVpcs")),
    ]


class _Names:
    """The names and ARNs of an environment, as terraform/names.tf defines them."""

    def __init__(self, environment: str) -> None:
        self.name = f"{NAME}-{environment}"
        self.database = self.name.replace("-", "_")
        self.tag = {"aws:ResourceTag/platform": self.name}
        self.key = self.arn("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab")

    def arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:{DEFAULT_REGION}:{ACCOUNT_ID}:{rest}"

    def bucket(self, path: str) -> str:
        kind, slash, key = path.partition("/")
        return f"arn:aws:s3:::{self.name}-{kind}-{ACCOUNT_ID}{slash}{key}"

    def redshift(self, kind: str) -> str:
        return self.arn("redshift-serverless", f"{kind}/1234abcd-12ab-34cd-56ef-1234567890ab")

    def secret(self, name: str) -> str:
        return self.arn("secretsmanager", f"secret:{name}-AbCdEf")

    def role(self, kind: str) -> str:
        return f"arn:aws:iam::{ACCOUNT_ID}:role/{self.name}-{kind}"


def check(action: str, resource: str, **keys: str) -> RecordedCheck:
    """Return a check as it is recorded when the administrator makes a call.

    Args:
        action: The action.
        resource: The resource's ARN, or ``*``.
        keys: The condition keys that the call adds.
    """
    values: Mapping[str, tuple[str, ...]] = {
        "aws:PrincipalAccount": (ACCOUNT_ID,),
        "aws:userid": (USERID,),
        **{key: (value,) for key, value in keys.items()},
    }
    return RecordedCheck(
        time="",
        request_id="",
        service=action.partition(":")[0],
        operation=action.partition(":")[2],
        principal="",
        role=None,
        action=action,
        resource=resource,
        implied_by=None,
        keys=values,
        allowed=True,
        reason="",
        policy=None,
        sid=None,
        resource_policy="silent",
        resource_must_grant=False,
        limits_allow=True,
    )
