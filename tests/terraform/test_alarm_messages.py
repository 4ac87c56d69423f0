"""The messages of alarms, as Terraform configures them: EventBridge can send them, and their links work."""

import json
import re
from pathlib import Path

import pytest

from local_aws.front.call_log import CallLog
from local_aws.front.server import Front, HttpServer
from local_aws.moto_backend.state import MotoState
from local_platform.terraform_cli import TerraformCli, TerraformNotFoundError, local_aws_variables
from tests.support.markdown import Document

REPOSITORY = Path(__file__).parents[2]
RUNBOOK = "docs/how-to/troubleshoot.md"


@pytest.fixture(scope="module")
def planned(starts_terraform, tmp_path_factory):
    """The resources of a new platform, by address."""
    folder = tmp_path_factory.mktemp("messages")
    moto, log = MotoState(folder / "journal.sqlite"), CallLog(folder / "calls.jsonl")
    server = HttpServer(Front(moto=moto, services={}, call_log=log), port=0)
    server.start()
    try:
        cli = TerraformCli(folder / "terraform", variables=local_aws_variables(server.endpoint))
        cli.init()
        sources = json.dumps({"binance": {"symbols": ["BTCUSDT"]}, "coin_gecko": {"symbols": ["bitcoin"]}})
        yield cli.planned_resources("-var=bundle_path=tests/bundle", "-var=environment=dev", f"-var=sources={sources}")
    except TerraformNotFoundError as reason:
        pytest.skip(str(reason))
    finally:
        server.stop()
        moto.close()
        log.close()


def _delivered(target, event):
    """Return what EventBridge delivers to a target. It does not deliver what is not JSON.

    It does not escape the values. A variable in quotes becomes part of the string, any other becomes a string itself:
    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
    """
    (transformer,) = target["input_transformer"]
    text = template = transformer["input_template"]
    for name, path in transformer["input_paths"].items():
        value = event
        for member in path.removeprefix("$.").split("."):
            value = value[member]
        in_string = template[: template.index(f"<{name}>")].replace('\\"', "").count('"') % 2 == 1
        text = text.replace(f"<{name}>", value if in_string else f'"{value}"')
    return json.loads(text)


@pytest.mark.parametrize(
    "message",
    [
        'CurationError: unexpected object s3://lake/curated/crypto_prices/version=jr_1/"x" in the run\'s version',
        'ValueError: {"code":-1121,"msg":"Invalid symbol."}',
        'AnalysisException: [UNRESOLVED_COLUMN.WITH_SUGGESTION] A column `"open"` cannot be resolved\nline 2 \\d',
        "Command failed with exit code 10",
    ],
)
def test_the_email_about_a_failed_glue_run_arrives_whatever_the_error_contains(planned, message):
    detail = {"jobName": "crypto-prices-dev-curate", "state": "FAILED", "jobRunId": "jr_1", "message": message}
    email = _delivered(planned["aws_cloudwatch_event_target.glue_failed"], {"detail": detail})
    assert email.startswith("Glue run jr_1 of crypto-prices-dev-curate: FAILED.")
    assert email.endswith(f" See {RUNBOOK}#glue-failed")


def test_each_alarm_links_to_a_section_of_the_runbook(planned):
    messages = [
        *(alarm["alarm_description"] for name, alarm in planned.items() if name.startswith("aws_cloudwatch_metric_")),
        planned["aws_cloudwatch_event_target.glue_failed"]["input_transformer"][0]["input_template"].strip('"'),
    ]
    links = [re.fullmatch(rf".+\. See {re.escape(RUNBOOK)}#([a-z-]+)", message) for message in messages]
    assert all(links), messages
    sections = Document(REPOSITORY / RUNBOOK).anchors
    used = {link[1] for link in links}
    assert used <= sections
    assert used == {
        "dag-failed", "dags-not-importable", "glue-failed", "load-does-not-add-up", "marts-stale", "scheduler-silent",
        "stale", "tasks-failing", "warehouse-expensive",
    }  # fmt: skip
