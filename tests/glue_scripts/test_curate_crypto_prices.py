from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

import curate_crypto_prices

from local_aws.glue.installed_spark import own_file
from tests.support.lake import BUCKET

SCRIPT = Path(__file__).resolve().parents[2] / "glue_scripts" / "curate_crypto_prices.py"


def test_importing_the_script_does_nothing():
    code = "import sys; import curate_crypto_prices; assert not {'pyspark', 'boto3', 'awsglue'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(SCRIPT.parent)})


def test_the_job_has_no_local_mode():
    for path in [SCRIPT, *(SCRIPT.parent / "crypto_prices_etl").rglob("*.py")]:
        text = path.read_text(encoding="utf-8").lower()
        assert not [
            word for word in ("endpoint_url", "localhost", "local_aws", "moto.", "127.0.0.1") if word in text
        ], path


def test_a_run_deletes_what_killed_runs_left_behind(spark, lake, kline, options, monkeypatch):
    left = "curated/crypto_prices/version=jr_killed/__magic_job-1/job-1/00/task_1.pendingset"
    lake.s3.put_object(Bucket=BUCKET, Key=left, Body=b"x")
    manifest = lake.raw({"BTCUSDT": json.dumps([kline(hour) for hour in range(24)])})
    given = options(manifest, JOB_NAME="curate", JOB_RUN_ID="jr_after_killed")
    words = [word for name, value in given.items() for word in (f"--{name}", value)]
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *words])
    monkeypatch.syspath_prepend(str(own_file("shims")))
    noon = dt.datetime(2024, 1, 2, 12, tzinfo=dt.UTC)
    killed = {"Id": "jr_killed", "JobRunState": "STOPPED", "StartedOn": noon, "CompletedOn": noon}
    runs = {"curate": {"JobRuns": [killed]}}
    monkeypatch.setattr(lake.glue, "get_job_runs", lambda *, JobName, MaxResults: runs[JobName])
    monkeypatch.setattr("boto3.client", lambda service: getattr(lake, service))
    curate_crypto_prices.main()
    assert lake.keys("curated/crypto_prices/version=jr_killed/") == []
    assert lake.keys("curated/_manifests/jr_after_killed/curation_report.json")
