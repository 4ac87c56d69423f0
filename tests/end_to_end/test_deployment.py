"""``make prove`` without taking permissions away: Terraform's platform on the local AWS, from apply to destroy."""

import re
import subprocess
import sys

import pytest

from local_aws.airflow_environment import REPOSITORY
from local_aws.deployment.terraform_cli import TerraformCli, TerraformNotFoundError

pytestmark = [pytest.mark.slow, pytest.mark.spark, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deployment")
    try:
        TerraformCli(folder / "probe")
    except TerraformNotFoundError as reason:
        pytest.skip(str(reason))
    done = subprocess.run(
        [sys.executable, "-m", "local_aws.deployment", "--without-removals", "--keep", str(folder / "proof")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.mark.parametrize(
    "figure",
    [
        r"checkov: \d+ passed, 0 failed, \d+ skipped with a reason",
        r"apply: 1\d\d resources",
        r"second plan: empty",
        r"the same as the demo's provisioning: \d+ members compared",
        r"the platform, under IAM: 8 scenarios green, \d+ checks allowed",
        r"permissions: \d+ single ones: \d+ needed, \d+ not exercisable here",
        r"changes of workers, capacity and a DAG: 4 resources changed, then an empty plan",
        r"destroy: nothing left",
    ],
)
def test_it_shows(output, figure):
    assert re.search(figure, output)


def test_what_is_not_exercised_has_a_reason(output):
    rows = [line for line in output.splitlines() if "not exercised" in line]
    assert rows
    assert all(re.search(r"not exercised: \w+", row) for row in rows)
