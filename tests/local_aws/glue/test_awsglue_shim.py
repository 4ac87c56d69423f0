"""``getResolvedOptions`` as in Glue 6.0. The tests load it by path, because only job runs have it on PYTHONPATH."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import local_aws.glue

_PATH = Path(local_aws.glue.__file__).parent / "shims" / "awsglue" / "utils.py"
_SPEC = importlib.util.spec_from_file_location("awsglue_utils_under_test", _PATH)
utils = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(utils)

ARGV = [
    "script.py",
    "--JOB_NAME",
    "j",
    "--JOB_RUN_ID",
    "jr_1",
    "--batch_id",
    "b",
    "--window",
    "w",
    "--TempDir",
    "s3://t",
]


def test_named_options_and_those_that_glue_always_returns():
    options = utils.getResolvedOptions(ARGV, ["JOB_NAME", "window"])
    assert (options["JOB_NAME"], options["window"], options["JOB_RUN_ID"]) == ("j", "w", "jr_1")
    assert options["TempDir"] == options["RedshiftTempDir"] == "s3://t"
    assert options["job_bookmark_option"] == "job-bookmark-disable"
    assert "batch_id" not in options


def test_a_prefix_does_not_match_a_name():
    with pytest.raises(utils.GlueArgumentError, match="--batch"):
        utils.getResolvedOptions(ARGV, ["batch"])
    with pytest.raises(utils.GlueArgumentError, match="--batch_identifier"):
        utils.getResolvedOptions(ARGV, ["batch_identifier"])


@pytest.mark.parametrize("name", ["JOB_RUN_ID", "JOB_ID", "job-bookmark-option", "encryption-type"])
def test_reserved_names_are_refused(name):
    with pytest.raises(RuntimeError, match=f"Using reserved arguments --{name}"):
        utils.getResolvedOptions(ARGV, [name])


def test_dashes_in_a_name_become_underscores():
    assert utils.getResolvedOptions(["s", "--my-name", "v"], ["my-name"])["my_name"] == "v"


@pytest.mark.parametrize(
    "statement",
    [
        "from awsglue.context import GlueContext",
        "from awsglue.dynamicframe import DynamicFrame",
        "from awsglue.job import Job",
        "from awsglue.transforms import *",
    ],
)
def test_what_needs_glues_own_jvm_library_is_refused(statement):
    """As a job run imports it. The refusal says what to do instead."""
    ended = subprocess.run(
        [sys.executable, "-c", f"from awsglue.utils import getResolvedOptions\n{statement}"],
        env={"PYTHONPATH": str(_PATH.parent.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    error = ended.stderr.strip().splitlines()[-1]
    assert error.startswith(f"ImportError: {statement.split()[1]} ")
    assert "SparkSession" in error
