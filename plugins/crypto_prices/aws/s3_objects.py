"""Objects in S3 that may be missing."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError
from crypto_prices_contract import s3_keys

_MISSING = ("NoSuchKey", "404")


def read_object(s3_client: Any, uri: str) -> tuple[bytes | None, Any]:
    """Return the bytes of an object, and S3's answer; None and no answer if it does not exist.

    Args:
        s3_client: A boto3 S3 client.
        uri: The s3:// URI of the object.
    """
    bucket, key = s3_keys.split_s3_uri(uri)
    try:
        answer = s3_client.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _MISSING:
            raise
        return None, {}
    return answer["Body"].read(), answer
