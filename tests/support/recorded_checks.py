"""Checks as the emulator records them when it enforces IAM."""

from local_aws.iam.authorization_log import RecordedCheck


def check(action, resource, *, role="role", allowed=True, **keys):
    return RecordedCheck(
        time="2024-01-05T00:00:00Z", request_id="1", service="s3", operation="GetObject", principal="arn", role=role,
        action=action, resource=resource, implied_by=None,
        keys={"aws:PrincipalAccount": ("123456789012",), **{key: (value,) for key, value in keys.items()}},
        allowed=allowed, reason="", policy="pipeline", sid="Lake", resource_policy="silent", resource_must_grant=False,
        limits_allow=True,
    )  # fmt: skip
