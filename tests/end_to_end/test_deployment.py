"""``make prove``: the platform of terraform/ on the local AWS, from apply to destroy. LONG_TESTS adds stages."""

import re
import subprocess
import sys

import pytest

from local_platform.checkout import REPOSITORY
from local_platform.terraform_cli import TerraformCli, TerraformNotFoundError
from tests.support.long_tests import takes_long

pytestmark = pytest.mark.timeout(1500)

DAILY = [
    r"apply: 3\d\d resources",
    r"permissions within the boundary: \d+ calls of 4 roles allowed",
    r"second plan: empty",
    r"a plan in GitHub: crypto-prices-github-plan: \d+ checks allowed",
    r"provisioning: \d+ members compared",
    r"IAM enforced: \d scenarios \w+, \d+ checks allowed",
    r"18 calls, all denied",
    r"destroy: nothing left",
]
RECORDS = [
    r"alarms: 5 ",
    r"terraform fmt, validate, test: \d+ passed, 0 failed",
    r"checkov: dev \d+ passed, 0 failed, \d+ skipped with a reason; prod \d+ passed, 0 failed",
    r"checkov: .*; GitHub's roles \d+ passed, 0 failed",
    r"permissions: \d+ .*: \d+ needed, \d+ not exercised",
    r"workers, capacity and DAG: 4 resources and the estimated cost changed; the next plan is empty",
    r"a deployment in GitHub: crypto-prices-github-apply-dev: \d+ checks allowed",
    r"costs: dev \d+\.\d\d USD per month, prod \d+\.\d\d",
]


@pytest.fixture(scope="module", params=["daily", pytest.param("records", marks=takes_long)])
def proof(starts_airflow, starts_local_aws, starts_spark, starts_terraform, request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("deployment")
    try:
        TerraformCli(folder / "probe")
    except TerraformNotFoundError as reason:
        pytest.skip(str(reason))
    done = subprocess.run(
        [sys.executable, "-m", "dev", "prove", "--extent", request.param, "--keep", str(folder / "proof")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-4000:]}"
    return request.param, done.stdout


def test_every_stage_shows_its_result(proof):
    extent, output = proof
    for result in DAILY + (RECORDS if extent == "records" else []):
        assert re.search(result, output), result
