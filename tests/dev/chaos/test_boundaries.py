import json
from datetime import date

import pytest

from dev.chaos.boundaries import Boundaries, family, first_words, statement_role
from local_aws.front.server import Call
from local_aws.moto_backend.journal import HttpRequest
from local_aws.protocol.wire import Answer, RequestContext

DAY = date(2022, 1, 5)
RUN = "jr_" + "a" * 64
DIGEST = "0123456789abcdef"


def call(service, operation, path="/", body=b""):
    request = HttpRequest(method="POST", raw_path=path, query="", headers=(), body=body)
    context = RequestContext(region="us-east-1", account_id="123456789012", access_key_id="x", session_token=None)
    return Call(service, operation, context, request, None)


def s3(key, operation="PutObject"):
    return call("s3", operation, f"/lake/{key}")


def sql(text, operation="ExecuteStatement"):
    return call("redshift-data", operation, body=json.dumps({"Sql": text}).encode())


@pytest.fixture
def boundaries():
    """One that has seen the Glue run of the day being started."""
    known = Boundaries()
    body = json.dumps({"JobName": "j", "Arguments": {"--batch_id": f"20220105-20220106-{DIGEST}"}}).encode()
    known.learn(call("glue", "StartJobRun", body=body), Answer(200, [], json.dumps({"JobRunId": RUN}).encode()))
    return known


RAW = "raw/crypto_prices/source=binance/year=2022/month=01/day=05/window=20220105-20220106/attempt=a1/"


@pytest.mark.parametrize(
    ("made", "name", "scope"),
    [
        (s3(f"{RAW}BTCUSDT-0001.json.gz"), "put raw object", "a1"),
        (s3(f"{RAW}manifest.json"), "put raw manifest", "a1"),
        (s3(f"curated/_manifests/{RUN}/copy_manifest.json"), "put COPY manifest", RUN),
        (s3(f"curated/_manifests/{RUN}/curation_report.json"), "put curation report", RUN),
        (s3(f"curated/_manifests/{RUN}/quality_report.json"), "put quality report", RUN),
        (s3(f"curated/crypto_prices/version={RUN}/year%3D2022/part-0.parquet"), "put curated file", RUN),
        (s3(f"curated/crypto_prices/version={RUN}/_temporary/0/x"), "put temporary file", RUN),
        (call("glue", "BatchCreatePartition", body=f'{{"Parameters": {{"job_run_id": "{RUN}"}}}}'.encode()),
         "create partitions", ""),
        (sql(f"DROP TABLE IF EXISTS crypto.stg_crypto_prices_{DIGEST}"), "submit drop_staging", ""),
        (sql(f"CALL crypto.check_staging('stg_crypto_prices_{DIGEST}', 48)"), "submit check_staging", ""),
    ],
)  # fmt: skip
def test_effects_are_named_and_belong_to_their_day(boundaries, made, name, scope):
    effect = boundaries.effect(made)
    assert effect is not None
    assert (effect.name, effect.scope, effect.day) == (name, scope, DAY)


@pytest.mark.parametrize(
    "made",
    [
        s3(f"{RAW}manifest.json", "GetObject"),
        call("glue", "GetJobRun", body=f'{{"RunId": "{RUN}"}}'.encode()),
        sql("DROP TABLE IF EXISTS crypto.stg_crypto_prices_ffffffffffffffff"),
        s3("glue/curate_crypto_prices.py"),
        sql("SELECT 1"),
    ],
    ids=["a read", "a poll", "another load", "no load", "no role"],
)
def test_reads_and_what_belongs_to_no_load_are_no_effects(boundaries, made):
    assert boundaries.effect(made) is None


def test_a_refused_start_teaches_nothing():
    known = Boundaries()
    body = json.dumps({"Arguments": {"--batch_id": f"20220105-20220106-{DIGEST}"}}).encode()
    known.learn(call("glue", "StartJobRun", body=body), Answer(400, [], b"{}"))
    assert known.staging_tables() == {}


def test_the_bundles_own_statements_have_their_roles():
    """What tells them apart is in the files; a file that changes must not lose its role."""
    from tests.sql.test_sql_files import rendered

    def role(*files):
        return statement_role(json.dumps([rendered(f"load/{file}.sql") for file in files]))

    assert role("find_current_loads") == "plan_load"
    assert role("drop_staging", "create_staging", "copy_to_staging") == "copy_to_staging"
    assert role("check_staging") == "check_staging"
    assert (
        role("lock_loads", "check_staging", "delete_superseded", "merge_into_fact", "count_load") == "merge_into_fact"
    )
    assert role("lock_loads", "record_load") == "record_load"
    assert role("drop_staging") == "drop_staging"
    assert role("find_load_order") == "publish_partitions"
    assert role("find_loads_of_window") == "reconcile"


def test_the_first_words_of_a_statement_leave_comments_out():
    assert first_words("-- why\nDELETE FROM x\nWHERE y") == "DELETE FROM"


def test_the_first_words_of_a_statement_are_the_same_in_every_load():
    assert first_words(f"COPY crypto.stg_crypto_prices_{DIGEST}\nFROM") == "COPY crypto.stg_crypto_prices"
    assert first_words("CALL crypto.check_removed('20220105', 48)") == "CALL crypto.check_removed"
    assert first_words("CALL crypto.check_staging(\n'20220105'") == "CALL crypto.check_staging"


def test_a_family_is_equal_effects_or_the_statements_of_one_transaction():
    assert family("put raw object #12") == "put raw object"
    assert family("merge_into_fact: statement 12 (DELETE FROM)") == "merge_into_fact: statement"
    assert family("merge_into_fact: commit") == "merge_into_fact: commit"
    assert family("submit merge_into_fact") == "submit merge_into_fact"
