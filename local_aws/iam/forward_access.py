"""Reads secrets with the credentials of a service's caller, as the Redshift Data API does: a forward access session.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html
"""

from __future__ import annotations

import collections
import threading
from typing import Any, cast

from botocore.exceptions import ClientError

from local_aws.clients import local_client, local_session
from local_aws.iam.guard import CALLED_VIA_HEADER
from local_aws.protocol.errors import AwsError
from local_aws.protocol.signature import RequestContext

_CLIENTS_KEPT = 16


class SecretReader:
    """Returns secrets to callers that may read them.

    Args:
        endpoint: The URL of the local AWS.
        service: The service that reads for its callers, for example ``redshift-data.amazonaws.com``.
    """

    def __init__(self, endpoint: str, service: str) -> None:
        self._endpoint = endpoint
        self._service = service
        self._clients: collections.OrderedDict[tuple[str, str | None, str], Any] = collections.OrderedDict()
        self._lock = threading.Lock()

    def read(self, caller: RequestContext, secret: str) -> str | None:
        """Return a secret's text, or None if the secret does not exist.

        Args:
            caller: The caller whose credentials are used.
            secret: The secret's ARN or name.

        Raises:
            AwsError: The caller may not read it, or Secrets Manager returned a different error.
        """
        try:
            return cast("str | None", self._client(caller).get_secret_value(SecretId=secret).get("SecretString"))
        except ClientError as error:
            detail = error.response["Error"]
            if detail["Code"] == "ResourceNotFoundException":
                return None
            raise AwsError(detail["Code"], detail["Message"]) from error

    def _client(self, caller: RequestContext) -> Any:
        key = (caller.access_key_id, caller.session_token, caller.region)
        with self._lock:  # creating clients is not thread-safe, and takes longer than the call
            client = self._clients.pop(key, None) or self._new_client(caller)
            self._clients[key] = client
            if len(self._clients) > _CLIENTS_KEPT:
                self._clients.popitem(last=False)
        return client

    def _new_client(self, caller: RequestContext) -> Any:
        session = local_session(
            access_key_id=caller.access_key_id, session_token=caller.session_token, region=caller.region
        )
        client = local_client("secretsmanager", self._endpoint, session)
        client.meta.events.register("before-sign.secretsmanager", self._name_service)
        return client

    def _name_service(self, request: Any, **_: Any) -> None:
        request.headers[CALLED_VIA_HEADER] = self._service
