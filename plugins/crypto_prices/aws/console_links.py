"""Links from a task to what it worked on in the AWS console, of the region that the task used.

Airflow asks for them in the worker, after the task has ended in whatever way, and keeps what it gets: no page of the UI
needs this module. The Glue run's own link is the Amazon provider's (``GlueJobOperator``).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.providers.common.compat.sdk import BaseOperatorLink

_CONSOLES = {"cn-": "amazonaws.cn", "us-gov-": "amazonaws-us-gov.com"}


def s3_prefix_url(region: str, uri: str) -> str:
    """Return the console's page of an S3 prefix.

    Args:
        region: Region of the bucket.
        uri: ``s3://bucket/prefix/``; of an object, the prefix that it lies in is shown.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    prefix = key[: key.rfind("/") + 1]
    return f"{_console(region)}/s3/buckets/{bucket}?region={region}&prefix={quote(prefix, safe='/')}"


def redshift_workgroup_url(region: str, workgroup: str) -> str:
    """Return the console's page of a Redshift Serverless workgroup, from which its queries are reached.

    The console has no address for a single statement of the Data API; its id is the task's result and in its log.
    """
    page = f"serverless-workgroup?workgroup={quote(workgroup, safe='')}"
    return f"{_console(region)}/redshiftv2/home?region={region}#{page}"


def _console(region: str) -> str:
    domain = next((domain for start, domain in _CONSOLES.items() if region.startswith(start)), "aws.amazon.com")
    return f"https://console.{domain}"


class S3PrefixLink(BaseOperatorLink):
    """Leads to the prefix that the operator names as ``s3_uri``, once it knows it."""

    name = "S3 prefix"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the link, or nothing when the task ended before it knew the prefix."""
        return s3_prefix_url(operator.hook.conn_region_name, operator.s3_uri) if operator.s3_uri else ""


class RedshiftWorkgroupLink(BaseOperatorLink):
    """Leads to the workgroup in which a RedshiftDataOperator's statements ran."""

    name = "Redshift workgroup"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the link, or nothing when the task ended before its templates were rendered."""
        workgroup = operator.workgroup_name
        return "" if "{{" in workgroup else redshift_workgroup_url(operator.hook.conn_region_name, workgroup)
