"""The client of the Glue Data Catalog, which reads and switches the version that each day's partition points to."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeVar

from botocore.config import Config
from botocore.exceptions import ClientError
from crypto_prices_contract.markets import origins_as_text
from crypto_prices_contract.s3_keys import partition_values
from crypto_prices_contract.window import Window, WindowError

T = TypeVar("T")

# Limits of BatchCreatePartition/BatchUpdatePartition and of BatchDeletePartition in the Glue API reference.
_SWITCH_AT_ONCE = 100
_DELETE_AT_ONCE = 25
_FAILED = 500  # from this HTTP status on, the service failed, and did not refuse
# Glue did not refuse these either, although OperationTimeoutException has the HTTP status 400. Both also occur in the
# errors of single partitions. https://docs.aws.amazon.com/glue/latest/webapi/API_BatchUpdatePartition.html
_FAILURES = frozenset({"InternalServiceException", "OperationTimeoutException"})

MOST_EXPRESSION_CHARACTERS = 2048
"""Maximum length of GetPartitions' ``Expression``. Source: AWS Glue API reference."""


NO_RETRIES = Config(retries={"total_max_attempts": 1})
"""For calls that change partitions. The SDK repeats a call without a response by default. Both calls would take effect
in any order, and the catalog's calls have no condition."""


class CatalogError(RuntimeError):
    """The catalog rejected a partition or a call, so the call changes nothing else."""


class CatalogFailureError(RuntimeError):
    """The catalog failed to change a partition. The change may still take effect, even after a later call."""


@dataclass(frozen=True)
class Publication:
    """A version of a day to publish.

    Attributes:
        location: S3 URI of the files.
        job_run_id: The Glue run that wrote them.
        batch_id: The attempt at the batch that loaded them.
        rows: Number of rows in the files.
        markets: The markets in the files with their origins.
    """

    location: str
    job_run_id: str
    batch_id: str
    rows: int
    markets: Mapping[str, str]


class Catalog:
    """The curated table in the catalog.

    Args:
        glue_client: A boto3 Glue client.
        database: Its Glue database.
        table: Its name.
        write_client: A boto3 Glue client with ``NO_RETRIES``. Only ``publish`` needs it.
    """

    def __init__(self, glue_client: Any, database: str, table: str, *, write_client: Any = None) -> None:
        self._glue = glue_client
        self._writer = write_client
        self._place = {"DatabaseName": database, "TableName": table}

    def published_days(self, window: Window) -> dict[str, str]:
        """Return the Glue runs whose versions of a window's days are published, by ISO day.

        Days without a partition are not included. If a partition does not name its Glue run, the value is empty.
        """
        paginator = self._glue.get_paginator("get_partitions")
        return {
            "-".join(partition["Values"]): partition.get("Parameters", {}).get("job_run_id", "")
            for part in _years(window)
            for page in paginator.paginate(
                **self._place, Expression=partition_expression(part), ExcludeColumnSchema=True
            )
            for partition in page["Partitions"]
        }

    def publish(self, versions: Mapping[date, Publication | None]) -> list[str]:
        """Point the days' partitions at versions. None removes a day's partition. Safe to run again.

        Returns:
            The ISO days whose partition existed and was removed.

        Raises:
            CatalogError: The catalog rejected a call or a partition.
            HTTPClientError: A call had no response. It may still take effect, even after a later call.
            ClientError: The catalog failed. The call may still take effect, too.
            CatalogFailureError: The catalog failed to change a partition, which may still take effect, too.
        """
        table = self._glue.get_table(DatabaseName=self._place["DatabaseName"], Name=self._place["TableName"])["Table"]
        wanted = [
            _partition_input(table["StorageDescriptor"], day, version)
            for day, version in sorted(versions.items())
            if version is not None
        ]
        for chunk in _chunks(wanted, _SWITCH_AT_ONCE):
            created = self._change(self._writer.batch_create_partition, PartitionInputList=chunk)
            there = _refused(created.get("Errors", []), "PartitionValues", "AlreadyExistsException")
            entries = [
                {"PartitionValueList": partition["Values"], "PartitionInput": partition}
                for partition in chunk
                if tuple(partition["Values"]) in there
            ]
            if entries:
                updated = self._change(self._writer.batch_update_partition, Entries=entries)
                _refused(updated.get("Errors", []), "PartitionValueList", None)
        gone = [{"Values": partition_values(day)} for day, version in sorted(versions.items()) if version is None]
        removed = []
        for stale in _chunks(gone, _DELETE_AT_ONCE):
            deleted = self._change(self._writer.batch_delete_partition, PartitionsToDelete=stale)
            absent = _refused(deleted.get("Errors", []), "PartitionValues", "EntityNotFoundException")
            removed += ["-".join(day["Values"]) for day in stale if tuple(day["Values"]) not in absent]
        return removed

    def _change(self, call: Callable[..., Any], **entries: Any) -> Any:
        try:
            return call(**self._place, **entries)
        except ClientError as error:
            status, code = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
            if status >= _FAILED or code in _FAILURES:
                raise
            raise CatalogError(str(error)) from error


def partition_expression(window: Window) -> str:
    """Return the Glue catalog expression that selects a window's partitions (year, month and day are strings).

    Days are grouped by month, so that a window of two years stays below ``MOST_EXPRESSION_CHARACTERS``.

    Raises:
        WindowError: The window has too many months for one expression.
    """
    days_of_month: dict[tuple[int, int], list[date]] = {}
    for day in window.days():
        days_of_month.setdefault((day.year, day.month), []).append(day)
    terms = []
    for (year, month), days in days_of_month.items():
        first, last = days[0].day, days[-1].day
        which = f"day = '{first:02d}'" if first == last else f"day >= '{first:02d}' AND day <= '{last:02d}'"
        terms.append(f"(year = '{year:04d}' AND month = '{month:02d}' AND {which})")
    expression = " OR ".join(terms)
    if len(expression) > MOST_EXPRESSION_CHARACTERS:
        raise WindowError(
            f"the window [{window.start}, {window.end}) is too long: the expression that selects its {len(terms)} "
            f"months in the Glue catalog has {len(expression)} characters, more than the allowed "
            f"{MOST_EXPRESSION_CHARACTERS}. Load it in parts of up to two years, or use crypto_prices_backfill"
        )
    return expression


def _partition_input(descriptor: Mapping[str, Any], day: date, version: Publication) -> dict[str, Any]:
    return {
        "Values": partition_values(day),
        "StorageDescriptor": {**descriptor, "Location": version.location},
        "Parameters": {
            "rows": str(version.rows),
            "batch_id": version.batch_id,
            "job_run_id": version.job_run_id,
            # The next Glue run reads it, too, see glue_scripts/crypto_prices_etl/carry_over.py.
            "markets": origins_as_text(version.markets),
        },
    }


def _refused(errors: Iterable[Mapping[str, Any]], values_key: str, tolerated: str | None) -> set[tuple[str, ...]]:
    """Return the partitions that a batch call rejected with the tolerated code.

    Raises:
        CatalogFailureError: The catalog failed at a partition.
        CatalogError: A partition was rejected with a different code.
    """
    details = {tuple(error[values_key]): error.get("ErrorDetail", {}) for error in errors}
    for values, detail in details.items():
        if detail.get("ErrorCode") in _FAILURES:
            raise CatalogFailureError(f"the catalog failed to change the partition {'-'.join(values)}: {detail}")
    for values, detail in details.items():
        if detail.get("ErrorCode") != tolerated:
            raise CatalogError(f"the catalog rejected the partition {'-'.join(values)}: {detail}")
    return set(details)


def _years(window: Window) -> Iterable[Window]:
    """Return parts of a window that each fit into one partition expression."""
    start = window.start
    while start < window.end:
        end = min(start + timedelta(days=365), window.end)
        yield Window(start, end)
        start = end


def _chunks(items: Sequence[T], size: int) -> Iterable[list[T]]:
    iterator = iter(items)
    return iter(lambda: list(itertools.islice(iterator, size)), [])
