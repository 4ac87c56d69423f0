import json
from datetime import date

import pytest
from crypto_prices import task_statements

from dev.chaos.boundaries import MARTS_DAY, Boundaries, family, statement_name, task_of
from local_aws.front.server import Call
from local_aws.protocol.http_request import HttpRequest
from local_aws.protocol.http_response import HttpResponse
from local_aws.protocol.signature import RequestContext
from tests.support.rendered_sql import SQL, rendered_sql

DAY = date(2022, 1, 5)
RUN = "jr_" + "a" * 64
DIGEST = "0123456789abcdef"


def call(service, operation, path="/", body=b""):
    request = HttpRequest(method="POST", raw_path=path, query="", headers=(), body=body)
    context = RequestContext(region="us-east-1", account_id="123456789012", access_key_id="x", session_token=None)
    return Call(service, operation, context, request, None)


def s3(key, operation="PutObject", body=b""):
    return call("s3", operation, f"/lake/{key}", body)


def sql(text, operation="ExecuteStatement"):
    return call("redshift-data", operation, body=json.dumps({"Sql": text}).encode())


@pytest.fixture
def boundaries():
    """Boundaries that have seen the start of the day's Glue run."""
    known = Boundaries()
    body = json.dumps({"JobName": "j", "Arguments": {"--batch_id": f"20220105-20220106-{DIGEST}"}}).encode()
    known.learn(call("glue", "StartJobRun", body=body), HttpResponse(200, [], json.dumps({"JobRunId": RUN}).encode()))
    return known


COMMITTER = f"curated/crypto_prices/version={RUN}/__magic_job-1/"
DELETED = f"""<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
<Object><Key>{COMMITTER}a.pendingset</Key></Object><Object><Key>{COMMITTER}b.pendingset</Key></Object></Delete>"""
RAW = "raw/crypto_prices/source=binance/year=2022/month=01/day=05/window=20220105-20220106/attempt=a1/"


@pytest.mark.parametrize(
    ("made", "name", "scope"),
    [
        (s3(f"{RAW}BTCUSDT-0001.json.gz"), "put raw object", "a1"),
        (s3(f"{RAW}manifest.json"), "put raw manifest", "a1"),
        (s3(f"{RAW.replace('attempt=a1', 'listing=l1')}markets-0001.json.gz"), "put raw listing", "l1"),
        (s3(f"curated/_manifests/{RUN}/copy_manifest.json"), "put COPY manifest", RUN),
        (s3(f"curated/_manifests/{RUN}/curation_report.json"), "put curation report", RUN),
        (s3(f"curated/_manifests/{RUN}/quality_report.json"), "put quality report", RUN),
        (s3("loads/000000000012.json", body=f'{{"batch_id": "20220105-20220106-{DIGEST}-1"}}'.encode()),
         "put load record", ""),
        (s3(f"curated/crypto_prices/version={RUN}/year%3D2022/part-0.parquet"), "put curated file", RUN),
        (s3(f"curated/crypto_prices/version={RUN}/__magic_job-1/x.pendingset"), "put committer file", RUN),
        (s3(f"curated/crypto_prices/version={RUN}/_SUCCESS"), "put success marker", RUN),
        (s3(f"curated/crypto_prices/version={RUN}/"), "put folder marker", RUN),
        (call("s3", "DeleteObjects", "/lake", DELETED.encode()), "delete committer files", RUN),
        (call("glue", "BatchCreatePartition", body=f'{{"Parameters": {{"job_run_id": "{RUN}"}}}}'.encode()),
         "create partitions", ""),
        (sql(f"-- load/staging/drop_staging\nDROP TABLE crypto.stg_crypto_prices_{DIGEST}"), "submit drop_staging", ""),
        (sql("-- plan/find_current_loads from '2022-01-05' to '2022-01-06'\nSELECT 1"), "submit plan_load", ""),
        (sql(f"-- load/guards/check_staging\nCALL crypto.check_staging('stg_crypto_prices_{DIGEST}')"),
         "submit check_staging", ""),
    ],
)  # fmt: skip
def test_effects_are_named_and_assigned_to_their_day(boundaries, made, name, scope):
    effect = boundaries.effect(made)
    assert effect is not None
    assert (effect.name, effect.scope, effect.day) == (name, scope, DAY)


@pytest.mark.parametrize(
    "made",
    [
        s3(f"{RAW}manifest.json", "GetObject"),
        call("glue", "GetJobRun", body=f'{{"RunId": "{RUN}"}}'.encode()),
        sql("-- load/staging/drop_staging\nDROP TABLE IF EXISTS crypto.stg_crypto_prices_ffffffffffffffff"),
        s3("glue/curate_crypto_prices.py"),
        sql("SELECT 1"),
    ],
    ids=["a read", "a poll", "another load", "no load", "no role"],
)
def test_reads_and_calls_outside_a_load_are_not_effects(boundaries, made):
    assert boundaries.effect(made) is None


def test_a_refresh_of_the_marts_belongs_to_no_day_of_a_load(boundaries):
    statements = [rendered_sql(name) for name in task_statements.REFRESH_MARTS]
    refresh = call("redshift-data", "BatchExecuteStatement", body=json.dumps({"Sqls": statements}).encode())
    effect = boundaries.effect(refresh)
    assert (effect.name, effect.day) == ("submit refresh_marts", MARTS_DAY)


def test_a_rejected_job_start_is_ignored():
    known = Boundaries()
    body = json.dumps({"Arguments": {"--batch_id": f"20220105-20220106-{DIGEST}"}}).encode()
    known.learn(call("glue", "StartJobRun", body=body), HttpResponse(400, [], b"{}"))
    assert known.staging_tables() == {}


def submitted_by(*files):
    return task_of(rendered_sql(f"{file}.sql") for file in files)


def test_the_bundles_statements_map_to_their_tasks():
    assert submitted_by("plan/find_current_loads") == "plan_load"
    assert submitted_by(*without_suffix(task_statements.COPY_TO_STAGING)) == "copy_to_staging"
    assert submitted_by("load/guards/check_staging") == "check_staging"
    assert submitted_by(*without_suffix(task_statements.MERGE_INTO_FACT)) == "merge_into_fact"
    assert submitted_by(*without_suffix(task_statements.RECORD_LOAD)) == "record_load"
    assert submitted_by("records/find_newest_load") == "write_load_records"
    assert submitted_by("load/staging/drop_staging") == "drop_staging"
    assert submitted_by("publish/find_load_order") == "publish_partitions"
    assert submitted_by("reconcile/find_loads_of_window") == "reconcile"
    assert submitted_by("marts/find_work") == "plan_refresh"
    assert submitted_by(*without_suffix(task_statements.REFRESH_MARTS)) == "refresh_marts"


def without_suffix(files):
    return [file.removesuffix(".sql") for file in files]


@pytest.mark.parametrize("path", sorted(path for path in SQL.rglob("*.sql") if path.parent.name != "migrations"))
def test_every_statement_starts_with_its_name(path):
    name = str(path.relative_to(SQL)).removesuffix(".sql")
    assert statement_name(rendered_sql(f"{name}.sql")) == name


def test_a_statement_without_a_name_comment_has_no_name():
    assert statement_name("-- why it is here\nDELETE FROM x") is None
    assert statement_name("SELECT 1") is None


def test_a_family_groups_equal_effects_or_the_statements_of_one_transaction():
    assert family("put raw object #12") == "put raw object"
    assert family("merge_into_fact: statement load/replace/delete_replaced_rows") == "merge_into_fact: statement"
    assert family("merge_into_fact: commit") == "merge_into_fact: commit"
    assert family("submit merge_into_fact") == "submit merge_into_fact"
