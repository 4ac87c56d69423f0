import copy
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".github" / "scripts" / "plan_report.py"


@pytest.fixture(scope="module")
def report():
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("plan_report", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def change(address, *actions, before=None, after=None):
    return {"address": address, "change": {"actions": list(actions), "before": before, "after": after}}


PLAN = {
    "timestamp": "2026-01-01T00:00:00Z",
    "resource_changes": [
        change("aws_s3_object.bundle", "update", before={"etag": "a"}, after={"etag": "b"}),
        change("aws_glue_job.curate", "no-op"),
        change("aws_subnet.private", "delete", "create"),
        change("aws_cloudwatch_metric_alarm.old", "delete"),
    ],
    "output_changes": {"bundle_version": {"actions": ["update"], "before": "1.0.0", "after": "1.1.0"}},
}


def test_changes_are_named_by_what_happens_to_the_resource(report):
    assert report.changes(PLAN) == {
        "aws_s3_object.bundle": "change",
        "aws_subnet.private": "replace",
        "aws_cloudwatch_metric_alarm.old": "delete",
    }


def test_the_same_changes_have_the_same_digest(report):
    later = PLAN | {"timestamp": "2026-01-02T00:00:00Z", "resource_drift": [1]}
    assert report.digest(later) == report.digest(PLAN)


@pytest.mark.parametrize(
    "altered",
    [
        lambda plan: plan["resource_changes"][0]["change"].update(after={"etag": "c"}),
        lambda plan: plan["resource_changes"][0]["change"].update(before={"etag": "c"}),
        lambda plan: plan["resource_changes"].append(change("aws_iam_role.new", "create")),
        lambda plan: plan["resource_changes"].pop(),
        lambda plan: plan["output_changes"]["bundle_version"].update(after="1.2.0"),
    ],
)
def test_every_other_change_has_another_digest(report, altered):
    plan = copy.deepcopy(PLAN)
    altered(plan)
    assert report.digest(plan) != report.digest(PLAN)


def test_the_description_begins_with_numbers_and_losses(report):
    shown = report.markdown(PLAN, "the whole plan", "dev", 1000)
    assert shown.startswith("### Plan for dev: 1 to change, 1 to delete, 1 to replace\n")
    assert "replace aws_subnet.private\ndelete aws_cloudwatch_metric_alarm.old" in shown
    assert "```text\nthe whole plan\n```" in shown


def test_a_plan_without_changes_is_one_line(report):
    plan = {"resource_changes": [change("a.b", "no-op")]}
    assert report.markdown(plan, "No changes.", "dev", 1000) == "### Plan for dev: no changes\n"


def test_a_long_plan_is_shortened_and_says_so(report):
    shown = report.markdown(PLAN, "x" * 5000, "dev", 1000)
    assert len(shown) < 2000
    assert "4000 more characters" in shown


def test_text_of_the_plan_cannot_leave_its_block(report):
    """A value in the plan may contain Markdown, such as the end of a code block and a mention of everyone."""
    shown = report.markdown(PLAN, "before\n```\n# Approved @everyone\n````\nafter", "dev", 1000)
    assert "`````text\nbefore\n```\n# Approved @everyone\n````\nafter\n`````" in shown


@pytest.fixture
def plan(tmp_path):
    (tmp_path / "plan.json").write_text(json.dumps({"resource_changes": []}))
    (tmp_path / "plan.txt").write_text("No changes.\n")
    return ["--json", str(tmp_path / "plan.json"), "--text", str(tmp_path / "plan.txt"), "--environment", "dev"]


def test_it_prints_markdown_or_the_digest_alone(report, plan, capsys):
    assert report.main(plan) == 0
    assert capsys.readouterr().out == "### Plan for dev: no changes\n"
    assert report.main([*plan, "--digest"]) == 0
    assert capsys.readouterr().out == f"{report.digest({})}\n"


@pytest.mark.parametrize("environment", ["", "Dev", "dev](http://example.com)"])
def test_an_environment_is_a_name(report, plan, capsys, environment):
    with pytest.raises(SystemExit):
        report.main([*plan, "--environment", environment])
    assert "is not the name of an environment" in capsys.readouterr().err


def test_it_needs_only_the_standard_library(plan):
    """The jobs with credentials of AWS install no packages."""
    done = subprocess.run([sys.executable, "-S", str(SCRIPT), *plan], capture_output=True, text=True, check=True)
    assert done.stdout == "### Plan for dev: no changes\n"
