"""The operator that reads a Glue run's curation report and rejects a report that does not add up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import AirflowFailException
from botocore.exceptions import ClientError
from crypto_prices_contract import s3_keys

from crypto_prices.aws.console_links import S3PrefixLink
from crypto_prices.settings import load_settings
from crypto_prices.xcom import task_results
from crypto_prices.xcom.curation_report import CurationReportError, check_report, other_code, parse_report

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class ReadCurationReportOperator(AwsBaseOperator[S3Hook]):
    """Reads and checks the curation report of one Glue run. The task returns the report as a dict.

    The Glue job writes its report last, so a run without a report is incomplete and cannot be loaded. This matters for
    runs that were stopped by hand, because the provider's operator does not always treat them as failed.

    Args:
        job_run_id: Id of the Glue run (templated or an XComArg).
    """

    aws_hook_class = S3Hook
    template_fields: Sequence[str] = aws_template_fields("job_run_id")
    operator_extra_links = (S3PrefixLink(),)

    def __init__(self, *, job_run_id: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job_run_id = job_run_id
        self.s3_uri: str | None = None  # of the report; None until the task runs

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the report.

        Raises:
            AirflowFailException: The report is missing, belongs to another batch, or does not add up.
        """
        bucket, key = load_settings().s3_bucket, s3_keys.curation_report_key(self.job_run_id)
        self.s3_uri = s3_keys.s3_uri(bucket, key)
        s3_client: Any = self.hook.conn
        try:
            body = s3_client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("NoSuchKey", "404"):
                raise
            raise AirflowFailException(
                f"Glue run {self.job_run_id} left no report at {s3_keys.s3_uri(bucket, key)}, so it did not finish: "
                "check its log, then clear curate_prices"
            ) from error
        document: dict[str, Any] = json.loads(body)
        try:
            report, batch = parse_report(document), task_results.batch(context["ti"])
            check_report(report, batch)
        except CurationReportError as error:
            raise AirflowFailException(str(error)) from error
        if warning := other_code(report, batch):
            self.log.warning("%s", warning)
        for source, counts in sorted(report.sources.items()):
            self.log.info(
                "%s: %d fetched = %d curated + %d quarantined + %d duplicates",
                source,
                counts.fetched,
                counts.curated,
                counts.quarantined_total,
                counts.duplicates,
            )
            for reason, count in sorted(counts.quarantined.items()):
                self.log.warning("%s: %d quarantined for %s under %s", source, count, reason, report.quarantine)
        for refusal in report.refused:
            self.log.error("%s is not loaded: %s %s", refusal.source, refusal.code, refusal.problem)
        return document
