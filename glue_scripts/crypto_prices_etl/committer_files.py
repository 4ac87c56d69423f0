"""The objects that S3A's magic committer keeps below a version while Spark writes it.

The committer deletes them when a write ends, but not if its Glue run is killed. No reader sees them, and a later run
deletes them. https://hadoop.apache.org/docs/r3.4.2/hadoop-aws/tools/hadoop-aws/committers.html
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from crypto_prices_contract import s3_keys

from crypto_prices_etl.errors import CurationError

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_glue.type_defs import JobRunTypeDef
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

logger = logging.getLogger(__name__)

_FOLDER = "__magic_job-"
"""Start of the name of the folder that each write has below its target."""

_ENDED = frozenset({"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR"})
_RUNS_LOOKED_AT = 200
"""Maximum number of runs per GetJobRuns response. They are the newest."""


def written_objects(s3: S3Client, bucket: str, prefix: str) -> Iterator[ObjectTypeDef]:
    """Yield the objects below the prefix of a run's version, without the committer's, ordered by key.

    Args:
        s3: An S3 client.
        bucket: The bucket of the lake.
        prefix: The key prefix of the version, ending in a slash.
    """
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            if not item["Key"].startswith(f"{prefix}{_FOLDER}"):
                yield item


def delete_leftovers(s3: S3Client, glue: GlueClient, *, job_name: str, bucket: str) -> None:
    """Delete the committer's objects of runs of the job that have ended.

    A version is named after its run, so the objects of concurrent runs are safe. Incomplete uploads are not deleted:
    the bucket's lifecycle rule aborts them.

    Args:
        s3: An S3 client.
        glue: A Glue client.
        job_name: The Glue job.
        bucket: The bucket of the lake.

    Raises:
        CurationError: An object cannot be deleted.
    """
    runs = glue.get_job_runs(JobName=job_name, MaxResults=_RUNS_LOOKED_AT)["JobRuns"]
    for run_id in runs_to_clean_up(runs):
        for prefix in (s3_keys.curated_version_prefix(run_id), s3_keys.quarantine_prefix(run_id)):
            _delete_below(s3, bucket, f"{prefix}{_FOLDER}")


def runs_to_clean_up(runs: Sequence[JobRunTypeDef]) -> list[str]:
    """Return the ids of the ended runs whose leftovers may still exist.

    A run starts by cleaning up after all runs that have ended. So only runs that ended after the newest successful run
    started can have leftovers. The successful run is one of them, because the committer only logs a failed cleanup.

    Args:
        runs: Runs of the job, as GetJobRuns returns them.
    """
    ended = [run for run in runs if run["JobRunState"] in _ENDED]
    starts = [run["StartedOn"] for run in ended if run["JobRunState"] == "SUCCEEDED"]
    return [run["Id"] for run in ended if not starts or run["CompletedOn"] >= max(starts)]


def _delete_below(s3: S3Client, bucket: str, prefix: str) -> None:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        keys = [item["Key"] for item in page.get("Contents", [])]
        if not keys:
            continue
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True})
        if errors := answer.get("Errors"):
            failed = errors[0]
            raise CurationError(
                f"{s3_keys.s3_uri(bucket, failed['Key'])}, which an ended run left behind, cannot be deleted: "
                f"{failed['Code']} {failed['Message']}"
            )
        logger.info("deleted %d objects of S3A's committer below %s", len(keys), s3_keys.s3_uri(bucket, prefix))
