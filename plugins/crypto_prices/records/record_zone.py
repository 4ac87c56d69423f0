"""The load records in the lake: read, and written once."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError
from crypto_prices_contract import s3_keys
from crypto_prices_contract.load_record import LoadRecord

from crypto_prices.aws.s3_objects import read_object

_EXISTS = ("PreconditionFailed", "ConditionalRequestConflict")
"""The errors of a conditional put if the object exists, or another put of it is not complete.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html"""


class RecordConflictError(RuntimeError):
    """The lake has another load's record under this number. The message names both."""


class RecordZone:
    """The load records of a lake.

    Args:
        s3_client: A boto3 S3 client.
        bucket: Bucket of the lake.
    """

    def __init__(self, s3_client: Any, bucket: str) -> None:
        self._s3 = s3_client
        self._bucket = bucket

    def uri(self, load_number: int) -> str:
        """Return the s3:// URI of a load's record."""
        return s3_keys.s3_uri(self._bucket, s3_keys.load_record_key(load_number))

    def read(self, load_number: int) -> bytes | None:
        """Return the bytes of a load's record; None if it is not written yet."""
        return read_object(self._s3, self.uri(load_number))[0]

    def last_before(self, load_number: int) -> tuple[int, bytes | None]:
        """Return the newest record before a load, and its number. The usual load finds it with the first request.

        Args:
            load_number: The load.

        Returns:
            0 and None if there is no record before it.
        """
        for number in range(load_number - 1, 0, -1):
            content = self.read(number)
            if content is not None:
                return number, content
        return 0, None

    def write(self, record: LoadRecord) -> bytes:
        """Write a record, unless it exists, and return the bytes in the lake.

        Raises:
            RecordConflictError: The lake has another load's record under this number.
            ClientError: S3 refused the put, or another put of the record is not complete.
        """
        content, uri = record.to_bytes(), self.uri(record.load_number)
        bucket, key = s3_keys.split_s3_uri(uri)
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType="application/json", IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] not in _EXISTS:
                raise
            there = self.read(record.load_number)
            if there is None:
                raise
            self.check(record.load_number, there, record.batch_id, record.merged_at)
            return there
        return content

    def check(self, load_number: int, content: bytes, batch_id: str, merged_at: str) -> None:
        """Check that a record is the one of a load of the warehouse.

        Args:
            load_number: The load.
            content: The bytes of the record.
            batch_id: The load's batch.
            merged_at: The time of its merge, ISO 8601 UTC.

        Raises:
            RecordConflictError: It is not.
        """
        uri = self.uri(load_number)
        found = LoadRecord.from_bytes(uri, content)
        if (found.batch_id, found.merged_at) != (batch_id, merged_at):
            raise RecordConflictError(
                f"{uri} is the record of batch {found.batch_id}, merged at {found.merged_at}, but load {load_number} "
                f"of the warehouse is batch {batch_id}, merged at {merged_at}: the lake has the records of another "
                "warehouse"
            )
