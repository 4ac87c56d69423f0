"""Links from a task to its data in the AWS console, in the task's region.

Airflow computes the links in the worker when a task ends, whether it succeeded or not, and stores them. So the UI does
not need this module. The link to a Glue run comes from the Amazon provider's ``GlueJobOperator``.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.providers.common.compat.sdk import BaseOperatorLink

_CONSOLES = {"cn-": "amazonaws.cn", "us-gov-": "amazonaws-us-gov.com"}


def s3_prefix_url(region: str, uri: str) -> str:
    """Return the URL of the console's page of an S3 prefix.

    Args:
        region: Region of the bucket.
        uri: ``s3://bucket/prefix/``, or the URI of an object; the page then shows its prefix.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    prefix = key[: key.rfind("/") + 1]
    return f"{_console(region)}/s3/buckets/{bucket}?region={region}&prefix={quote(prefix, safe='/')}"


def redshift_workgroup_url(region: str, workgroup: str) -> str:
    """Return the URL of the console's page of a Redshift Serverless workgroup, which leads to its queries.

    The console has no page for a single statement of the Data API. The task's result and log have the statement's id.
    """
    page = f"serverless-workgroup?workgroup={quote(workgroup, safe='')}"
    return f"{_console(region)}/redshiftv2/home?region={region}#{page}"


def _console(region: str) -> str:
    domain = next((domain for start, domain in _CONSOLES.items() if region.startswith(start)), "aws.amazon.com")
    return f"https://console.{domain}"


class S3PrefixLink(BaseOperatorLink):
    """Links to the prefix in the operator's ``s3_uri``."""

    name = "S3 prefix"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the link, or an empty string if the task ended before it set the prefix."""
        return s3_prefix_url(operator.hook.conn_region_name, operator.s3_uri) if operator.s3_uri else ""


class RedshiftWorkgroupLink(BaseOperatorLink):
    """Links to the workgroup that ran a RedshiftDataOperator's statements."""

    name = "Redshift workgroup"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the link, or an empty string if the task ended before its templates were rendered."""
        workgroup = operator.workgroup_name
        return "" if "{{" in workgroup else redshift_workgroup_url(operator.hook.conn_region_name, workgroup)
