"""``make prove``: Terraform's platform on the local AWS, from apply to destroy; more of it with LONG_TESTS."""

import os
import re
import subprocess
import sys

import pytest

from local_platform.checkout import REPOSITORY
from local_platform.terraform_cli import TerraformCli, TerraformNotFoundError

pytestmark = [pytest.mark.slow, pytest.mark.spark, pytest.mark.timeout(1500)]

DAILY = [
    r"apply: 1\d\d resources",
    r"second plan: empty",
    r"the same as the demo's provisioning: \d+ members compared",
    r"the platform, under IAM: \d scenarios green, \d+ checks allowed",
    r"what no role may do: 15 calls, all denied",
    r"destroy: nothing left",
]
RECORDS = [
    r"alarms: 5 look at figures that the loads have published",
    r"terraform fmt, validate, test: \d+ passed, 0 failed",
    r"checkov: dev \d+ passed, 0 failed, \d+ skipped with a reason; prod \d+ passed, 0 failed",
    r"permissions: \d+ single ones: \d+ needed, \d+ not exercisable here",
    r"changes of workers, capacity and a DAG: 4 resources changed, then an empty plan",
    r"costs: dev \d+\.\d\d USD a month, prod \d+\.\d\d, as the document says",
]


@pytest.fixture(scope="module", params=["daily", "records"])
def proof(request, tmp_path_factory):
    if request.param == "records" and not os.environ.get("LONG_TESTS"):
        pytest.skip("LONG_TESTS is not set: this takes long")
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


def test_it_shows_each_stage(proof):
    extent, output = proof
    for figure in DAILY + (RECORDS if extent == "records" else []):
        assert re.search(figure, output), figure
