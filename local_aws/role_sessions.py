"""Takes on the roles that Redshift and Glue act with, so that their calls are made as the role and not as anybody."""

from __future__ import annotations

import threading
from typing import Any

from botocore.exceptions import ClientError

from local_aws.glue.job_runs import Credentials
from local_aws.provision import local_client, local_session
from local_aws.wire import ACCOUNT_ID, AwsError


class RoleSessions:
    """Gives the credentials and the S3 clients of IAM roles.

    Args:
        endpoint: The URL of the local AWS.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        session = local_session()
        self._iam = local_client("iam", endpoint, session)
        self._sts = local_client("sts", endpoint, session)
        self._lock = threading.Lock()

    def exists(self, role_arn: str) -> bool:
        """Tell whether IAM has a role of this ARN."""
        try:
            found = self._iam.get_role(RoleName=role_arn.rpartition("/")[2])
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchEntity":
                return False
            raise
        return bool(found["Role"]["Arn"] == role_arn)

    def credentials(self, role: str) -> Credentials:
        """Take on a role.

        Args:
            role: Its ARN or its name.

        Returns:
            Credentials for an hour.

        Raises:
            AwsError: InvalidInputException when there is no such role.
        """
        arn = role if role.startswith("arn:") else f"arn:aws:iam::{ACCOUNT_ID}:role/{role}"
        if not self.exists(arn):
            raise AwsError("InvalidInputException", f"Role {arn} does not exist.")
        taken = self._sts.assume_role(RoleArn=arn, RoleSessionName="local-aws")["Credentials"]
        return Credentials(
            AccessKeyId=taken["AccessKeyId"],
            SecretAccessKey=taken["SecretAccessKey"],
            SessionToken=taken["SessionToken"],
        )

    def s3_client(self, role_arn: str) -> Any:
        """Return an S3 client that acts with a role; for one statement, because its credentials do not last."""
        taken = self.credentials(role_arn)
        with self._lock:  # making clients is not thread-safe
            session = local_session(
                access_key_id=taken["AccessKeyId"],
                secret_access_key=taken["SecretAccessKey"],
                session_token=taken["SessionToken"],
            )
            return local_client("s3", self._endpoint, session)
