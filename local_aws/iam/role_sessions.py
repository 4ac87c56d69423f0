"""Assumes the roles of Redshift and Glue, so that their calls are made with the permissions of those roles."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from botocore.exceptions import ClientError

from local_aws.clients import Credentials, local_client, local_session
from local_aws.iam.trust import TrustNotEvaluatedError, lets_assume
from local_aws.protocol.account import ACCOUNT_ID
from local_aws.protocol.errors import AwsError

GLUE = "glue.amazonaws.com"
REDSHIFT = "redshift-serverless.amazonaws.com"
AIRFLOW = "airflow-env.amazonaws.com"


class RoleSessions:
    """Returns credentials and S3 clients of IAM roles, which the services that use the roles assume.

    Args:
        endpoint: The URL of the local AWS.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._lock = threading.Lock()
        # A service's name as the access key represents the service itself (see local_aws.iam.identity).
        self._glue_sts = local_client("sts", endpoint, local_session(access_key_id=GLUE))
        redshift = local_session(access_key_id=REDSHIFT)
        self._redshift_sts = local_client("sts", endpoint, redshift)
        self._iam = local_client("iam", endpoint, redshift)

    def refusal(
        self,
        role_arn: str,
        services: Iterable[str],
        context: Mapping[str, Iterable[str]],
        unknown: Collection[str] = (),
    ) -> str | None:
        """Return why a service cannot assume a role.

        Args:
            role_arn: The role's ARN.
            services: The principal names that the service may use.
            context: The values of the condition keys that the service sends.
            unknown: The condition keys that the service sends with a value that is unknown here.

        Returns:
            The reason, or None if the role exists and its trust policy lets the service assume it.
        """
        try:
            role = self._iam.get_role(RoleName=role_arn.rpartition("/")[2])["Role"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchEntity":
                raise
            role = {"Arn": None}
        if role["Arn"] != role_arn:
            return "it does not exist"
        try:
            trusted = lets_assume(role["AssumeRolePolicyDocument"], services, context, unknown)
        except TrustNotEvaluatedError as error:
            return f"its trust policy has {error}, which the local AWS does not evaluate"
        return None if trusted else f"its trust policy does not let {' or '.join(services)} assume it"

    def glue_credentials(self, role: str) -> Credentials:
        """Assume the role of a Glue job.

        Args:
            role: Its ARN or its name.

        Returns:
            Credentials that are valid for an hour.

        Raises:
            AwsError: InvalidInputException if the role does not exist or Glue may not assume it.
        """
        arn = role if role.startswith("arn:") else f"arn:aws:iam::{ACCOUNT_ID}:role/{role}"
        reason = self.refusal(arn, [GLUE], {"aws:SourceAccount": [ACCOUNT_ID]}, unknown=["aws:SourceArn"])
        if reason is not None:
            raise AwsError(
                "InvalidInputException",
                f"Role {arn} should be given assume role permissions for Glue Service: {reason}.",
            )
        return _credentials(self._glue_sts, arn)

    def s3_client(self, role_arn: str, external_id: str | None) -> Any:
        """Return an S3 client with the permissions of a role that Redshift assumes.

        Use it for one statement, because its credentials expire. This does not check whether the role may be assumed.
        Call ``refusal`` first.

        Args:
            role_arn: The role.
            external_id: The sts:ExternalId that Redshift sends, or None if it is unknown.
        """
        taken = _credentials(self._redshift_sts, role_arn, {} if external_id is None else {"ExternalId": external_id})
        with self._lock:  # creating clients is not thread-safe
            session = local_session(
                access_key_id=taken["AccessKeyId"],
                secret_access_key=taken["SecretAccessKey"],
                session_token=taken["SessionToken"],
            )
            return local_client("s3", self._endpoint, session)


def _credentials(sts: Any, arn: str, more: Mapping[str, str] = MappingProxyType({})) -> Credentials:
    taken = sts.assume_role(RoleArn=arn, RoleSessionName="local-aws", **more)["Credentials"]
    return Credentials(
        AccessKeyId=taken["AccessKeyId"],
        SecretAccessKey=taken["SecretAccessKey"],
        SessionToken=taken["SessionToken"],
    )
