import json

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from botocore.exceptions import ClientError
from crypto_prices_contract.curation_report import REPORT_VERSION
from crypto_prices_contract.s3_keys import curation_report_key

from tests.support.tasks import batch, fetched, report

REFUSED = {"source": "binance", "code": "CP-11", "problem": "24 of 24 records of binance were rejected"}


@pytest.fixture
def read(aws, make_task, make_context):
    """Return a function that puts a Glue run's report, if any, into the lake and then runs the task."""

    def run(job_run_id, document=None):
        if document is not None:
            key = curation_report_key(job_run_id)
            aws.client("s3").put_object(Bucket=aws.names["bucket"], Key=key, Body=json.dumps(document).encode())
        context = make_context(plan_load=batch().as_xcom())
        return make_task("read_curation_report", job_run_id=job_run_id).execute(context)

    return run


def test_the_runs_own_report_is_returned_and_logged(read, task_log):
    document = report(batch(), "jr_good") | {"quarantine": "s3://lake/quarantine/"}
    document["sources"]["binance"] = {"fetched": 48, "curated": 44, "quarantined": {"off_grid": 3}, "duplicates": 1}
    assert read("jr_good", document) == document
    assert "binance: 48 fetched = 44 curated + 3 quarantined + 1 duplicates" in task_log.text
    assert "binance: 3 quarantined for off_grid under s3://lake/quarantine/" in task_log.text


def test_a_run_without_a_report_is_rejected(read):
    with pytest.raises(AirflowFailException) as error:
        read("jr_stopped")
    assert "Glue run jr_stopped left no report" in str(error.value)
    assert "s3://crypto-prices-lake/curated/_manifests/jr_stopped/curation_report.json" in str(error.value)
    assert "clear curate_prices" in str(error.value)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (report(batch(run_id="another")), "it belongs to batch 20231218-20231220-.*, this run's batch is "),
        (report(batch(fetched(records=47))), "it counts 47 records, but the raw manifest has 48"),
        (report(batch(fetched("coinbase"))), r"it has the sources \['coinbase'\], but the run fetched \['binance'\]"),
        (report(batch(), report_version=REPORT_VERSION + 1), "were not deployed together"),
        (report(batch(), sources={}, refused=[REFUSED]), "nothing to load"),
    ],
)
def test_a_report_of_another_batch_or_with_wrong_counts_is_refused(read, document, message):
    with pytest.raises(AirflowFailException, match=message):
        read("jr_foreign", document)


def test_an_unreadable_lake_is_not_mistaken_for_a_missing_report(aws, read):
    aws.change(s3_bucket="no-such-bucket-here")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        read("jr_1")
