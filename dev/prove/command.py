"""``python -m dev prove``: apply terraform/ to a local AWS with IAM enforced, run the platform, destroy it."""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from bundle.build import write_bundle
from bundle.contents import bundle_files
from dev.prove import comparison, forbidden
from dev.prove.boundary import require_within
from dev.prove.checkov import CheckovError, checkov
from dev.prove.costs import cost_table
from dev.prove.deployment import BEFORE, NOT_IN_THIS_DEPLOYMENT, UnexpectedPlanError, deploy, require_plan
from dev.prove.github_roles import (
    RolesError,
    TerraformCalls,
    managed_policy,
    policies_of,
    publish,
    require_allowed,
    require_boundary,
    require_denied,
    require_needed,
    tamper,
)
from dev.prove.inventory import inventory
from dev.prove.least_privilege import DAYS_APART, LeastPrivilege, Need, ScenarioRecord
from dev.prove.not_exercised import EXCEPTIONS, Exceptions
from dev.prove.scenarios import (
    API_KEY,
    FIRST_DAY,
    METRICS_NAMESPACE,
    SCENARIOS,
    SOURCES,
    Hold,
    Platform,
    first_error,
)
from dev.prove.worker import session_clients
from local_aws.clients import local_client
from local_aws.emulator import LocalAws
from local_aws.iam.role_sessions import AIRFLOW, GLUE, REDSHIFT
from local_aws.protocol.account import ACCOUNT_ID, DEFAULT_REGION
from local_platform.checkout import REPOSITORY
from local_platform.console import standard_output
from local_platform.exchange import exchange_mount
from local_platform.local_aws_process import running_platform_aws
from local_platform.terraform_cli import (
    GITHUB_FILES,
    TERRAFORM_FILES,
    TerraformCli,
    TerraformError,
    TerraformNotFoundError,
    local_aws_variables,
)

DAILY_SCENARIOS = ("deploy", "daily")
WATCHED = {"LoadsReconciled", "RecordsFetched"}
"""The bundle's metrics that must have alarms."""
DEPLOY_DOCUMENT = REPOSITORY / "docs" / "how-to" / "deploy-to-aws.md"
GITHUB_OPTIONS = ("-var=subject_prefix=repo:our-company/our-platform", "-var=destroy_data=true")
PLAN_ROLE = "crypto-prices-github-plan"
PUBLISH_ROLE = "crypto-prices-github-publish"


class ProofError(Exception):
    """A check of the proof failed; the message has the details."""


@dataclass(frozen=True)
class Deployment:
    """Terraform with the variables of one environment.

    Attributes:
        terraform: Terraform on a copy of terraform/.
        environment: The environment.
        overrides: A file with variables that override the environment's.
    """

    terraform: TerraformCli
    environment: str
    overrides: Path

    @property
    def options(self) -> tuple[str, str]:
        """The options that name the variables."""
        return f"-var-file=environments/{self.environment}.tfvars", f"-var-file={self.overrides}"

    def apply(self) -> None:
        """Create and change resources."""
        self.terraform.apply(*self.options)

    def changes(self) -> list[str]:
        """Return the changes that an apply would make."""
        return self.terraform.changes(*self.options)

    def destroy(self) -> None:
        """Destroy all resources."""
        self.terraform.destroy(*self.options)


@dataclass
class Proof:
    """The stages of the proof, in order, and their results.

    Attributes:
        folder: Folder for all files of the proof.
        environment: The environment in terraform/environments/ to apply.
        extent: ``daily`` loads a day. ``records`` also proves from the recorded checks that each permission is needed.
            ``all`` also removes each permission.
        console: The console for the progress.
        results: The result of each finished stage.
        problems: Failed checks that did not end the proof.
    """

    folder: Path
    environment: str
    extent: str
    console: Console
    results: list[tuple[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Run the stages.

        Raises:
            ProofError: A check failed.
            TerraformError: Terraform failed.
            TerraformNotFoundError: Terraform or its provider is not installed.
        """
        module = TerraformCli(self.folder / "module")
        with self._stage("bundle") as say:
            files = bundle_files(REPOSITORY)
            write_bundle(files, self.folder / "dist")
            say(f"{len(files)} files")
        if self.extent != "daily":
            self._static(module)
        hold = Hold()
        state = self.folder / "state"
        emulator = LocalAws(state, port=0, mounts=exchange_mount(), enforce_iam=True, interceptor=hold.intercept)
        with emulator as aws:
            self._applied(aws, hold)
        if self.problems:
            raise ProofError("\n".join(self.problems))

    def _static(self, module: TerraformCli) -> None:
        """Check the module. It is applied even if a check fails."""
        try:
            with self._stage("terraform fmt, validate, test") as say:
                module.init()
                module.check_format()
                module.validate()
                say(module.test().strip().rpartition("\n")[2].removeprefix("Success! "))
        except TerraformError as error:
            self._problem(str(error))
        try:
            with self._stage("checkov") as say:
                shown = [str(checkov(TERRAFORM_FILES, self.folder / "checkov", name)) for name in ("dev", "prod")]
                roles = checkov(GITHUB_FILES, self.folder / "checkov-github", None)
                say(f"dev {shown[0]}; prod {shown[1]}; GitHub's roles {roles}")
        except CheckovError as error:
            self._problem(str(error))

    def _applied(self, aws: LocalAws, hold: Hold) -> None:
        def client(service: str) -> Any:
            return local_client(service, aws.endpoint)

        before = inventory(client)
        github = TerraformCli(self.folder / "github", variables=local_aws_variables(aws.endpoint), source=GITHUB_FILES)
        github.init()
        other = "prod" if self.environment == "dev" else "dev"
        github_options = (f"-var=environments={json.dumps([self.environment, other])}", *GITHUB_OPTIONS)
        with self._stage("roles of GitHub's workflows") as say:
            github.apply(*github_options)
            say(f"{len(github.resources())} resources")
        repository = github.outputs()["repository_variables"]
        boundary = json.loads(repository["AWS_PERMISSIONS_BOUNDARIES"])[self.environment]
        apply_role = f"crypto-prices-github-apply-{self.environment}"
        with self._stage("calls that GitHub's roles must be denied") as say:
            policies = policies_of(client("iam"), apply_role)
            denied = require_denied(apply_role, policies, forbidden.to_apply(self.environment, other))
            limit = managed_policy(client("iam"), boundary)
            within = require_denied(boundary, limit, forbidden.within_boundary(self.environment, other))
            say(f"{apply_role}: {denied}; within its boundary: {within}")
        calls = TerraformCalls(aws.state_dir / "authorizations.jsonl", boundary)
        calls.skip()
        with self._stage("a publication in GitHub") as say:
            publish(client("s3"), repository["ARTIFACT_BUCKET"])
            made = calls.all_checks()
            allowed = require_allowed(client("iam"), PUBLISH_ROLE, made)
            require_needed(client("iam"), PUBLISH_ROLE, made, {})
            calls.skip()
            tamper(client("s3"), repository["ARTIFACT_BUCKET"])
            policies = policies_of(client("iam"), PUBLISH_ROLE)
            say(f"{allowed}, {require_denied(PUBLISH_ROLE, policies, calls.all_checks())}")
        variables = self._write_variables(aws.endpoint, boundary)
        terraform = TerraformCli(self.folder / "terraform", variables=local_aws_variables(aws.endpoint))
        terraform.init()
        deployment = Deployment(terraform, self.environment, variables)
        with self._stage("apply") as say:
            deployment.apply()
            say(f"{len(terraform.resources())} resources")
        calls.skip()
        outputs = terraform.outputs()
        platform = outputs["airflow_environment"]
        with self._stage("permissions within the boundary") as say:
            limited = require_boundary(client("iam"), f"{platform}-", boundary)
            decided = sum(
                require_within(limit, role, policies_of(client("iam"), role), {"platform": platform})
                for role in limited
            )
            say(f"{decided} calls of {len(limited)} roles allowed")
        with self._stage("second plan") as say:
            require_plan(deployment.changes(), ())
            say("empty")
        with self._stage("a plan in GitHub") as say:
            made = calls.checks()
            allowed = require_allowed(client("iam"), PLAN_ROLE, made)
            require_needed(client("iam"), PLAN_ROLE, made, {})
            say(allowed)
        self._compare(client, outputs)
        self._run_platform(Platform(aws, hold, outputs, platform, self.folder / "workers"))
        if self.extent != "daily":
            calls.skip()
            with self._stage("a changed platform, and back") as say:
                changed = deploy(terraform, deployment.options, variables, self.folder / "dist")
                say(f"{changed} changes, and as many back; the next plans are empty")
            with self._stage("a deployment in GitHub") as say:
                made = calls.checks()
                allowed = require_allowed(client("iam"), apply_role, made)
                require_needed(client("iam"), apply_role, made, NOT_IN_THIS_DEPLOYMENT)
                say(allowed)
            try:
                with self._stage("costs") as say:
                    say(self._costs(terraform))
            except ProofError as error:
                self._problem(str(error))
        with self._stage("destroy") as say:
            deployment.destroy()
            github.destroy(*github_options)
            # Terraform does not delete log groups that a service created.
            if left := inventory(client) - before:
                raise ProofError(f"resources are left after destroy: {', '.join(sorted(left))}")
            say("nothing left")

    def _compare(self, client: Callable[[str], Any], outputs: dict[str, Any]) -> None:
        with self._stage("comparison with the local provisioning") as say:
            database, _, table = outputs["catalog_table"].partition(".")
            names = comparison.Names(
                outputs["glue_job"], database, table, outputs["redshift_workgroup"], outputs["settings_secret"]
            )
            ours = comparison.describe(client, names)
            with running_platform_aws(self.folder / "demo") as demo:
                given = demo.names
                names = comparison.Names(
                    given["glue_job"], given["catalog_database"], given["catalog_table"], given["redshift_workgroup"],
                    given["settings_secret"],
                )  # fmt: skip
                theirs = comparison.describe(demo.client, names)
            if found := [*comparison.differences(ours, theirs), *comparison.needless(ours, theirs)]:
                raise ProofError("; ".join(found))
            say(f"{len(ours)} members compared")

    def _run_platform(self, platform: Platform) -> None:
        platform.client("secretsmanager").put_secret_value(
            SecretId=f"airflow/{platform.environment}/connections/coingecko",
            SecretString=json.dumps({"conn_type": "http", "password": API_KEY}),
        )
        rules = f"{platform.aws.endpoint}/exchange/_rules"
        requests.put(rules, json={"coingecko_api_key": API_KEY}, timeout=10).raise_for_status()
        prefix = f"{platform.environment}-"
        names = [role["RoleName"] for role in platform.client("iam").list_roles()["Roles"]]
        roles = {name.removeprefix(prefix): name for name in sorted(names) if name.startswith(prefix)}
        log = platform.aws.state_dir / "authorizations.jsonl"
        # The first scenario loads nothing. The second one loads the day that later ones expect.
        privilege = LeastPrivilege(platform, roles, log, first_day=FIRST_DAY - dt.timedelta(days=DAYS_APART))
        exceptions = Exceptions(EXCEPTIONS)
        scenarios = DAILY_SCENARIOS if self.extent == "daily" else tuple(SCENARIOS)
        try:
            with self._stage("the platform with IAM enforced") as say:
                records = privilege.run_all(self._say_scenario, scenarios)
                _all_green(records)
                say(f"{len(records)} scenarios passed, {sum(len(record.checks) for record in records)} checks allowed")
            with self._stage("calls that must be denied") as say:
                say(_denied(platform, roles))
            if self.extent == "daily":
                return
            with self._stage("alarms") as say:
                say(_watched_metrics(platform))
            with self._stage("permissions") as say:
                say(self._permissions(privilege.needs(records, exceptions), exceptions))
            if self.extent == "all":
                with self._stage("removed permissions") as say:
                    say(self._take_away(privilege, privilege.removals(records, exceptions)))
                with self._stage("the platform with all permissions restored") as say:
                    # Proves that the removals caused the failures before, not their leftovers.
                    again = privilege.run_all(self._say_scenario)
                    _all_green(again)
                    say(f"{len(again)} scenarios passed")
            else:
                self.results.append(("removed permissions", "skipped"))
        finally:
            platform.close()

    def _say_scenario(self, name: str) -> None:
        self.console.print(f"    {name} …", style="dim")

    def _permissions(self, needs: Sequence[Need], exceptions: Exceptions) -> str:
        table = Table("role", "statement", "action", "resource", "needed by", title="Single permissions")
        problems: list[str] = []
        for need in needs:
            permission = need.permission
            if need.check is not None:
                why = f"{need.scenario}: {need.check.operation}"
                if need.reason is not None:
                    problems.append(f"{permission} is needed by {why}, but is listed as not exercised")
            elif need.reason is not None:
                why = f"not exercised: {need.reason}"
            else:
                why = "NOTHING"
                problems.append(f"{permission.role}, {permission}: nothing needs it")
            table.add_row(permission.role, permission.sid, permission.action, _short(permission.resource), why)
        self.console.print(table)
        problems += [f"the exception {each} matches no permission" for each in exceptions.unused()]
        if problems:
            self._problem("\n".join(problems))
        needed = sum(need.check is not None for need in needs)
        return f"{len(needs)} single permissions: {needed} needed, {len(needs) - needed} not exercised (see the table)"

    def _take_away(self, privilege: LeastPrivilege, needs: Sequence[Need]) -> str:
        table = Table("role", "removed", "failed step", "reason", title="Failures without a permission")
        problems = [
            f"{need.permission.role}, {need.permission}: nothing needs it"
            for need in needs
            if need.scenario is None and need.reason is None
        ]
        expected = [need for need in needs if need.scenario is not None]
        shown = 0
        for number, removal in enumerate(privilege.take_away(expected), start=1):
            permission = removal.need.permission
            red = removal.red.name if removal.red else "NOTHING"
            why = (removal.red.error or "") if removal.red else ""
            self.console.print(f"    {number} of {len(expected)}  {permission.role}  {permission}: {red}", style="dim")
            table.add_row(permission.role, str(permission), red, why[:120])
            if removal.red is None:
                problems.append(f"{permission.role} without {permission}: every step succeeded")
            elif not removal.denied:
                problems.append(f"{permission.role} without {permission}: {red} failed, but nothing was denied: {why}")
            else:
                shown += 1
        self.console.print(table)
        if problems:
            self._problem("\n".join(problems))
        return f"{shown} of {len(expected)} actions and resources are needed"

    def _costs(self, terraform: TerraformCli) -> str:
        """Compare the costs that Terraform computes with the document."""
        bundle = f"-var=bundle_path={self.folder / 'dist'}"
        dev, prod = (
            terraform.planned_outputs(f"-var-file=environments/{name}.tfvars", bundle)["estimated_cost_usd"]
            for name in ("dev", "prod")
        )
        if (table := cost_table(dev, prod)) not in DEPLOY_DOCUMENT.read_text(encoding="utf-8"):
            raise ProofError(
                f"{DEPLOY_DOCUMENT.relative_to(REPOSITORY)} has different costs. Replace its table with:\n{table}"
            )
        return f"dev {dev['month']} USD per month, prod {prod['month']}, as in the document"

    def _write_variables(self, endpoint: str, boundary: str) -> Path:
        """Write the variables that differ on the local AWS: the exchanges' URLs, and that all data can be destroyed."""
        path = self.folder / "proof.tfvars.json"
        sources = {
            name: {**settings, "api_url": f"{endpoint}/exchange/{name}", "requests_per_second": 100}
            for name, settings in SOURCES.items()
        }
        values = {
            **BEFORE,
            "bundle_path": str(self.folder / "dist"),
            "permissions_boundary_arn": boundary,
            "sources": sources,
            "destroy_data": True,
            "secret_recovery_days": 0,
        }
        path.write_text(json.dumps(values))
        return path

    def _problem(self, what: str) -> None:
        self.problems.append(what)
        self.console.print(f"  [red]FAILED:[/red] {what}", highlight=False)

    @contextlib.contextmanager
    def _stage(self, name: str) -> Iterator[Callable[[str], None]]:
        began = time.monotonic()
        self.console.print(f"  {name} …")
        shown: list[str] = []
        yield shown.append
        self.results.append((name, f"{' '.join(shown)}  ({time.monotonic() - began:.0f} s)"))
        self.console.print(f"  {name}: {self.results[-1][1]}", style="green")


def _all_green(records: Sequence[ScenarioRecord]) -> None:
    for record in records:
        if (red := first_error(list(record.steps))) is not None:
            denied = [check for check in record.checks if not check.allowed]
            what = "".join(f"\n  denied: {c.role or c.principal} {c.action} on {c.resource} {c.reason}" for c in denied)
            raise ProofError(f"{record.name}: {red.name}: {red.error}{what}")


def _watched_metrics(platform: Platform) -> str:
    """Check that each alarm on the bundle's metrics uses one that the daily load published."""
    cloudwatch = platform.client("cloudwatch")
    alarms = [
        alarm for alarm in cloudwatch.describe_alarms()["MetricAlarms"] if alarm.get("Namespace") == METRICS_NAMESPACE
    ]
    for alarm in alarms:
        metric = {"Namespace": METRICS_NAMESPACE, "MetricName": alarm["MetricName"]}
        if not cloudwatch.list_metrics(**metric, Dimensions=alarm["Dimensions"])["Metrics"]:
            raise ProofError(f"the alarm {alarm['AlarmName']} uses a metric that no load publishes: {alarm}")
    names = {alarm["MetricName"] for alarm in alarms}
    if names != WATCHED:
        raise ProofError(f"expected alarms on the metrics {sorted(WATCHED)}, found {sorted(names)}")
    others = len(cloudwatch.describe_alarms()["MetricAlarms"]) - len(alarms)
    return (
        f"{len(alarms)} use metrics that the loads published; {others} use AWS's own metrics, which do not exist here; "
        f"{_watched_events(platform)}"
    )


def _watched_events(platform: Platform) -> str:
    """Check that the rule on Glue runs matches failed runs only."""
    events, job = platform.client("events"), platform.outputs["glue_job"]
    (rule,) = [rule for rule in events.list_rules()["Rules"] if rule["Name"].startswith(platform.environment)]
    pattern = events.describe_rule(Name=rule["Name"])["EventPattern"]
    taken = {
        state: events.test_event_pattern(EventPattern=pattern, Event=json.dumps(glue_event(name, state)))["Result"]
        for name, state in ((job, "FAILED"), (job, "TIMEOUT"), (job, "SUCCEEDED"), (job, "STOPPED"))
    }
    if taken != {"FAILED": True, "TIMEOUT": True, "SUCCEEDED": False, "STOPPED": False}:
        raise ProofError(f"the rule {rule['Name']} must match FAILED and TIMEOUT only: {taken}")
    other = json.dumps(glue_event("another-job", "FAILED"))
    if events.test_event_pattern(EventPattern=pattern, Event=other)["Result"]:
        raise ProofError(f"the rule {rule['Name']} matches the failures of other jobs")
    return "the rule on Glue runs matches FAILED and TIMEOUT"


def glue_event(job: str, state: str) -> dict[str, Any]:
    """Return the event of a finished Glue run.

    https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html
    """
    return {
        "version": "0",
        "id": "abcdef00-1234-5678-9abc-def012345678",
        "detail-type": "Glue Job State Change",
        "source": "aws.glue",
        "account": ACCOUNT_ID,
        "time": "2024-01-05T00:00:00Z",
        "region": DEFAULT_REGION,
        "resources": [],
        "detail": {"jobName": job, "severity": "INFO", "state": state, "jobRunId": "jr_1", "message": "…"},
    }


def _denied(platform: Platform, roles: Mapping[str, str]) -> str:
    """Check that calls that a role must not make are denied."""
    lake, bundle = platform.outputs["lake_bucket"], platform.outputs["bundle_bucket"]
    services = {"mwaa": (AIRFLOW, None), "glue": (GLUE, None), "copy": (REDSHIFT, _database_user(platform))}
    clients = {actor: session_clients(platform.aws.endpoint, roles[actor], *sent) for actor, sent in services.items()}
    secret = platform.outputs["settings_secret"]
    metric = {"MetricData": [{"MetricName": "LoadsReconciled", "Value": 1}]}
    calls: list[tuple[str, str, str, Mapping[str, Any]]] = [
        ("mwaa", "s3", "put_object", {"Bucket": lake, "Key": "curated/crypto_prices/a", "Body": b""}),
        # Without If-None-Match, it could replace an object.
        ("mwaa", "s3", "put_object", {"Bucket": lake, "Key": "raw/a", "Body": b""}),
        ("mwaa", "s3", "put_object", {"Bucket": lake, "Key": "loads/a", "Body": b""}),
        ("mwaa", "s3", "delete_object", {"Bucket": lake, "Key": "raw/a"}),
        ("mwaa", "s3", "delete_object", {"Bucket": lake, "Key": "loads/a"}),
        ("mwaa", "s3", "put_object", {"Bucket": bundle, "Key": "dags/a.py", "Body": b""}),
        ("mwaa", "cloudwatch", "put_metric_data", {"Namespace": "Other", **metric}),
        ("mwaa", "secretsmanager", "get_secret_value", {"SecretId": "another"}),
        ("mwaa", "secretsmanager", "put_secret_value", {"SecretId": secret, "SecretString": "{}"}),
        ("mwaa", "glue", "start_job_run", {"JobName": "another"}),
        ("mwaa", "glue", "update_job", {"JobName": platform.outputs["glue_job"], "JobUpdate": {"Role": "any"}}),
        ("mwaa", "iam", "list_roles", {}),
        ("glue", "s3", "put_object", {"Bucket": lake, "Key": "raw/a", "Body": b""}),
        ("glue", "s3", "put_object", {"Bucket": bundle, "Key": "glue/curate_crypto_prices.py", "Body": b""}),
        ("glue", "secretsmanager", "get_secret_value", {"SecretId": secret}),
        ("copy", "s3", "get_object", {"Bucket": lake, "Key": "raw/a"}),
        ("copy", "s3", "put_object", {"Bucket": lake, "Key": "curated/a", "Body": b""}),
        ("copy", "s3", "list_objects_v2", {"Bucket": lake, "Prefix": "raw/"}),
    ]
    for actor, service, operation, arguments in calls:
        try:
            getattr(clients[actor](service), operation)(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"):
                continue
            raise ProofError(f"{actor} {operation} failed for a reason other than a denial: {error}") from error
        raise ProofError(f"{roles[actor]} is allowed to call {operation} {arguments}, but must be denied")
    return f"{len(calls)} calls, all denied"


def _database_user(platform: Platform) -> str:
    """Return the ARN of the user that runs COPY."""
    name = platform.outputs["redshift_workgroup"]
    workgroup = platform.client("redshift-serverless").get_workgroup(workgroupName=name)["workgroup"]
    identifier = f"serverless-{ACCOUNT_ID}-{workgroup['workgroupId']}"
    return f"arn:aws:redshift:{DEFAULT_REGION}:{ACCOUNT_ID}:dbuser:{identifier}/admin"


def _short(resource: str) -> str:
    return resource.split(":", 5)[-1] if resource.startswith("arn:") else resource


def main(arguments: Sequence[str]) -> int:
    """Run the proof.

    Returns:
        0 if all checks passed, 1 if one failed, 2 if Terraform or its provider is not installed.
    """
    parser = argparse.ArgumentParser(prog="python -m dev prove", usage="%(prog)s [options]", description=__doc__)
    parser.add_argument("--environment", choices=("dev", "prod"), default="dev", help="which tfvars (default: dev)")
    parser.add_argument(
        "--extent",
        choices=("daily", "records", "all"),
        default="all",
        help="daily: apply, load a day, destroy (4 minutes); records: also prove from recorded checks that each "
        "permission is needed (10 minutes); all: also remove each permission (default, 30 minutes)",
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="folder for all files, which is kept")
    options = parser.parse_args(arguments)
    console = standard_output()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="crypto-prices-prove-"))
    folder.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=folder / "local_aws.log", level=logging.INFO)
    proof = Proof(folder.absolute(), options.environment, options.extent, console)
    began = time.monotonic()
    try:
        proof.run()
    except TerraformNotFoundError as error:
        console.print(f"The proof cannot run on this machine: {error}")
        return 2
    except (ProofError, RolesError, TerraformError, UnexpectedPlanError) as error:
        console.print(f"[red]FAILED:[/red] {error}", highlight=False)
        return 1
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    table = Table("stage", "result", title="Deployment")
    for name, result in proof.results:
        table.add_row(name, result)
    console.print(table)
    what = {
        "daily": "Proved: apply, one day, destroy",
        "records": "Proved: everything except the removal of permissions",
        "all": "Proved: everything",
    }[options.extent]
    console.print(f"{what} ({dt.timedelta(seconds=round(time.monotonic() - began))}).")
    return 0
