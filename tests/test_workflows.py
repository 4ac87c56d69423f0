"""The GitHub workflows: what they may do, what they run, and that their scripts work."""

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from bundle.build import write_bundle
from bundle.label import CHECKSUMS, checksums, labelled
from bundle.zip_file import zip_bytes
from tests.support.sha256sum import needs_sha256sum

REPOSITORY = Path(__file__).parent.parent
SCRIPTS = REPOSITORY / ".github" / "scripts"
WORKFLOWS = {path.name: path for path in sorted((REPOSITORY / ".github" / "workflows").glob("*.y*ml"))}
PARSED = {name: yaml.safe_load(path.read_text()) for name, path in WORKFLOWS.items()}
JOBS = {(name, job): content for name, workflow in PARSED.items() for job, content in workflow["jobs"].items()}
STEPS = [(name, job, step) for (name, job), content in JOBS.items() for step in content.get("steps", [])]
TARGETS = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))


def steps_of(workflow, job):
    return PARSED[workflow]["jobs"][job]["steps"]


def permissions():
    """Return who may write what: workflow, job and permission."""
    return {
        (workflow, job, permission)
        for (workflow, job), content in JOBS.items()
        for permission, access in content["permissions"].items()
        if access == "write"
    }


def test_every_action_is_pinned_to_a_commit_with_its_version():
    for path in WORKFLOWS.values():
        for line in re.findall(r"^\s*(?:- )?uses: (.*)$", path.read_text(), re.MULTILINE):
            assert line.startswith("./") or re.fullmatch(r"[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_an_action_has_the_same_version_everywhere():
    pins = {}
    for path in WORKFLOWS.values():
        for action, pin in re.findall(r"uses: ([\w-]+/[\w./-]+)@(.*)$", path.read_text(), re.MULTILINE):
            pins.setdefault(action, set()).add(pin)
    assert len(pins) >= 6
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


def test_nothing_is_allowed_unless_a_job_asks_for_it():
    assert {name for name, workflow in PARSED.items() if workflow["permissions"] != {}} == set()
    assert permissions() == {
        ("plan.yaml", "plan", "id-token"),
        ("plan.yaml", "comment", "pull-requests"),
        ("release.yaml", "attest", "attestations"),
        ("release.yaml", "attest", "id-token"),
        ("release.yaml", "publish-on-github", "contents"),
        ("release.yaml", "publish-to-s3", "id-token"),
        ("release.yaml", "deploy", "id-token"),
        ("deploy.yaml", "plan", "id-token"),
        ("deploy.yaml", "apply", "id-token"),
        ("update-locks.yaml", "propose", "actions"),
        ("update-locks.yaml", "propose", "contents"),
        ("update-locks.yaml", "propose", "pull-requests"),
    }


def test_no_workflow_has_a_stored_secret():
    """AWS gives credentials for a job's OIDC token, and GitHub for the job itself."""
    for name, path in WORKFLOWS.items():
        text = path.read_text()
        assert "secrets." not in text, name
        assert not re.search(r"aws-(access-key-id|secret-access-key|session-token)", text), name


def test_only_an_environment_with_approval_has_the_role_that_changes_something():
    roles = {
        (name, job): step["with"]["role-to-assume"]
        for name, job, step in STEPS
        if "configure-aws-credentials" in step.get("uses", "")
    }
    assert roles == {
        ("plan.yaml", "plan"): "${{ vars.AWS_PLAN_ROLE_ARN }}",
        ("deploy.yaml", "plan"): "${{ vars.AWS_PLAN_ROLE_ARN }}",
        ("deploy.yaml", "apply"): "${{ vars.AWS_APPLY_ROLE_ARN }}",
        ("release.yaml", "publish-to-s3"): "${{ vars.AWS_PUBLISH_ROLE_ARN }}",
    }
    environments = {key: job["environment"] for key, job in JOBS.items() if "environment" in job}
    assert environments == {
        ("deploy.yaml", "apply"): "${{ inputs.environment }}",
        ("release.yaml", "publish-to-s3"): "release",
    }


def test_jobs_with_credentials_of_aws_install_no_packages():
    for (name, job), content in JOBS.items():
        runs = "\n".join(step.get("run", "") for step in content.get("steps", []))
        if any("configure-aws-credentials" in step.get("uses", "") for step in content.get("steps", [])):
            assert not re.search(r"\bmake\b|\bpip\b|\buv\b|setup\.sh", runs), (name, job)


def test_no_checkout_leaves_a_token_in_the_working_folder():
    checkouts = [step for _, _, step in STEPS if step.get("uses", "").startswith("actions/checkout@")]
    assert len(checkouts) >= 8
    assert [step for step in checkouts if step["with"]["persist-credentials"] is not False] == []


def test_values_from_outside_reach_scripts_as_variables_only():
    for name, job, step in STEPS:
        assert "${{" not in step.get("run", ""), (name, job)


def test_every_job_ends():
    assert {key for key, job in JOBS.items() if "timeout-minutes" not in job and "uses" not in job} == set()


@pytest.mark.parametrize("name", WORKFLOWS)
def test_every_make_target_exists(name):
    used = {
        target
        for workflow, _, step in STEPS
        if workflow == name
        for target in re.findall(r"\bmake ([a-z-]+)", step.get("run", ""))
    }
    assert used <= TARGETS


def test_every_script_exists_and_can_be_run():
    named = {}
    for _, _, step in STEPS:
        for program, path in re.findall(r"(python3 )?(\.(?:github|ci)/[\w./-]+)", step.get("run", "")):
            named[path] = os.R_OK if program else os.X_OK
    assert {".ci/run", ".github/scripts/terraform-plan", ".github/scripts/fetch-release"} <= named.keys()
    assert [path for path, access in named.items() if not os.access(REPOSITORY / path, access)] == []


def test_every_path_that_starts_a_workflow_exists():
    for name, workflow in PARSED.items():
        trigger = (workflow[True] or {}).get("pull_request") or {}  # YAML reads the key "on" as true
        for pattern in trigger.get("paths", []):
            assert list(REPOSITORY.glob(pattern)), f"{name}: {pattern}"


def test_pull_requests_run_the_checks_on_linux_and_the_fast_tests_on_macos():
    assert "pull_request" in PARSED["ci.yaml"][True]
    commands = {
        job["runs-on"].partition("-")[0] + ": " + step["run"]
        for job in PARSED["ci.yaml"]["jobs"].values()
        for step in job["steps"]
        if "run" in step
    }
    assert "ubuntu: PYTHON=$(command -v python) .ci/run" in commands
    assert "macos: PYTHON=$(command -v python) make test-fast" in commands


def test_the_long_tests_run_each_week_and_need_the_browser():
    workflow = PARSED["long-tests.yaml"]
    assert [each["cron"].split()[2:] for each in workflow[True]["schedule"]] == [["*", "*", "6"]]
    (step,) = [each for each in workflow["jobs"]["all-tests"]["steps"] if "run" in each]
    assert "make test LONG_TESTS=1" in step["run"]
    assert step["env"] == {"REQUIRE_BROWSER": "1"}


def test_the_variables_of_the_workflows_are_outputs_of_terraform():
    used = {each for path in WORKFLOWS.values() for each in re.findall(r"\bvars\.(\w+)", path.read_text())}
    outputs = (REPOSITORY / "terraform" / "github" / "outputs.tf").read_text()
    assert used == set(re.findall(r"\b([A-Z][A-Z_]+) +=", outputs))


def test_the_workflows_use_the_terraform_that_the_configuration_needs():
    versions = {step["with"]["terraform_version"] for _, _, step in STEPS if "setup-terraform" in step.get("uses", "")}
    (version,) = versions
    required = re.search(r'required_version = ">= (\d+\.\d+)"', (REPOSITORY / "terraform" / "versions.tf").read_text())
    assert version.startswith(f"{required[1]}.")


def test_updates_cover_every_kind_of_dependency():
    updates = yaml.safe_load((REPOSITORY / ".github" / "dependabot.yml").read_text())["updates"]
    kinds = {update["package-ecosystem"]: update for update in updates}
    assert set(kinds) == {"github-actions", "gomod", "terraform"}
    for update in updates:
        for folder in update.get("directories", [update.get("directory")]):
            assert (REPOSITORY / folder.lstrip("/")).is_dir(), folder
    # Dependabot cannot update the lock files of `make lock`.
    assert any("make lock UPGRADE=1" in step.get("run", "") for step in steps_of("update-locks.yaml", "resolve"))


def lock_files():
    """Return the lock files of Python packages."""
    clients = REPOSITORY / "local_aws" / "conformance" / "clients"
    paths = [*REPOSITORY.glob("requirements*.lock"), *clients.glob("*.lock")]
    return {str(path.relative_to(REPOSITORY)) for path in paths}


def resolutions(*options):
    """Return the arguments of ``uv pip compile`` in ``make lock``, by lock file."""
    command = ["make", "--dry-run", "--no-print-directory", "lock", *options]
    own = {"MAKEFLAGS", "MAKELEVEL", "UPGRADE"}  # of the make that runs the tests
    environment = {name: value for name, value in os.environ.items() if name not in own}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True)
    lines = done.stdout.replace("\\\n", " ").splitlines()
    compiled = [shlex.split(line) for line in lines if "pip compile" in line]
    return {words[words.index("-o") + 1]: words for words in compiled}


def test_make_lock_writes_every_lock_file():
    assert resolutions().keys() == lock_files()


def test_the_proposal_contains_every_lock_file():
    """The workflow proposes what its ``git diff`` names."""
    (script,) = [step["run"] for step in steps_of("update-locks.yaml", "resolve") if step.get("id") == "diff"]
    (diff,) = [line for line in script.splitlines() if line.startswith("git diff")]
    listed = ["git", "ls-files", "--", *re.findall(r"'([^']+)'", diff)]
    done = subprocess.run(listed, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == lock_files()


def test_an_upgrade_takes_versions_that_are_a_week_old():
    """As the cooldown of dependabot.yml does."""
    updates = yaml.safe_load((REPOSITORY / ".github" / "dependabot.yml").read_text())["updates"]
    (days,) = {update["cooldown"]["default-days"] for update in updates}
    for words in resolutions("UPGRADE=1").values():
        assert words[words.index("--upgrade") + 1 :][:2] == ["--exclude-newer", f"{days} days"]
    for words in resolutions().values():
        assert not {"--upgrade", "--exclude-newer"} & set(words)


# ---------------------------------------------------------------------------------------------------- the scripts


@pytest.fixture
def checkout(tmp_path):
    """A checkout that has only what the scripts need."""
    folder = tmp_path / "checkout"
    shutil.copytree(SCRIPTS, folder / ".github" / "scripts")
    (folder / "terraform" / "environments").mkdir(parents=True)
    shutil.copy(REPOSITORY / "terraform" / "backend.tf.example", folder / "terraform")
    (folder / "terraform" / "environments" / "dev.tfvars").touch()
    return folder


def install(checkout, name, program):
    """Put a program on the PATH of the scripts."""
    path = checkout.parent / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/usr/bin/env bash\nset -euo pipefail\n{program}")
    path.chmod(0o755)


def run(checkout, script, *arguments, **environment):
    path = f"{checkout.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    variables = os.environ | {"PATH": path, "CALLS": str(checkout.parent / "calls")} | environment
    command = [checkout / ".github" / "scripts" / script, *arguments]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


STATES = {
    "TF_STATE_BUCKET": "states",
    "AWS_REGION": "eu-central-1",
    "AWS_PERMISSIONS_BOUNDARIES": '{"dev": "arn:of-dev"}',
}


def test_a_plan_uses_the_state_and_the_variables_of_its_environment(checkout):
    install(
        checkout,
        "terraform",
        'echo "$* within $TF_VAR_permissions_boundary_arn" >> "$CALLS"\n[ "$2" != show ] || echo "shown by $3"\n',
    )
    done = run(checkout, "terraform-plan", "dev", "-lock=false", **STATES)
    assert done.returncode == 0, done.stderr
    init, plan, *_ = (checkout.parent / "calls").read_text().splitlines()
    assert "-backend-config=bucket=states -backend-config=key=crypto-prices/dev.tfstate" in init
    assert "-backend-config=region=eu-central-1" in init
    assert "-lockfile=readonly" in init
    assert "-lock=false -var-file=environments/dev.tfvars -out=../plan/plan.tfplan" in plan
    assert plan.endswith(" within arn:of-dev")
    assert (checkout / "plan" / "plan.txt").read_text() == "shown by -no-color\n"
    assert (checkout / "plan" / "plan.json").read_text() == "shown by -json\n"
    assert 'backend "s3"' in (checkout / "terraform" / "backend.tf").read_text()


def test_a_plan_of_an_unknown_environment_names_the_missing_file(checkout):
    done = run(checkout, "terraform-plan", "staging", **STATES)
    assert done.returncode == 1
    assert "terraform/environments/staging.tfvars does not exist" in done.stderr


def test_no_plan_is_made_without_the_permissions_boundary_of_the_environment(checkout):
    install(checkout, "terraform", 'echo "$*" >> "$CALLS"\n')
    done = run(checkout, "terraform-plan", "dev", **STATES | {"AWS_PERMISSIONS_BOUNDARIES": '{"prod": "arn:of-prod"}'})
    assert done.returncode == 1
    assert "AWS_PERMISSIONS_BOUNDARIES has no policy for dev" in done.stderr
    assert not (checkout.parent / "calls").exists()


FILES = {"plugins.zip": b"p", "catalog_table.json": b"{}"}


def published(folder, files):
    """Write a release with these files of its bundle to a folder."""
    archive = {"crypto-prices-1.2.3.zip": zip_bytes(files)}
    folder.mkdir()
    for name, content in {**archive, CHECKSUMS: checksums(archive)}.items():
        (folder / name).write_bytes(content)


def commit(folder):
    """Make a folder a checkout of a new commit."""
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for arguments in (["init"], [*identity, "commit", "--allow-empty", "--no-gpg-sign", "--message", "a"]):
        subprocess.run(["git", *arguments, "--quiet"], cwd=folder, check=True)


def head_of(folder):
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True, check=True)
    return head.stdout.strip()


GH = """echo "$*" >> "$CALLS"
case "$1 $2" in
"release download") mkdir "$7"; cp "$PUBLISHED"/* "$7" ;;
"attestation verify") [ -z "${UNSIGNED:-}" ] && [[ $* == *" --source-digest $BUILT_FROM "* ]] ;;
esac
"""


def fetch(checkout, files, **environment):
    folder = checkout.parent / "published"
    published(folder, files)
    install(checkout, "gh", GH)
    commit(checkout)
    environment = {"BUILT_FROM": head_of(checkout), "PUBLISHED": str(folder), **environment}
    environment["GITHUB_REPOSITORY"] = "our-company/platform"
    return run(checkout, "fetch-release", "1.2.3", **environment)


@needs_sha256sum
def test_a_verified_release_is_unpacked(checkout):
    write_bundle(labelled(FILES, "1.0.0") | {"dags/old.py": b""}, checkout / "dist")
    done = fetch(checkout, labelled(FILES, "1.2.3"))
    assert done.returncode == 0, done.stderr
    assert (checkout / "dist" / "VERSION").read_text() == "1.2.3\n"
    assert not (checkout / "dist" / "dags").exists()
    download, verify = (checkout.parent / "calls").read_text().splitlines()
    head = head_of(checkout)
    assert download == "release download v1.2.3 --repo our-company/platform --dir release"
    assert verify == (
        "attestation verify release/crypto-prices-1.2.3.zip --repo our-company/platform --source-ref refs/tags/v1.2.3 "
        f"--source-digest {head} "
        "--signer-workflow our-company/platform/.github/workflows/release.yaml --deny-self-hosted-runners"
    )


def test_a_release_that_no_workflow_signed_is_not_unpacked(checkout):
    assert fetch(checkout, labelled(FILES, "1.2.3"), UNSIGNED="1").returncode == 1
    assert not (checkout / "dist").exists()


@needs_sha256sum
def test_a_release_that_was_built_from_another_commit_is_not_unpacked(checkout):
    """Its tag was moved, and the checkout has another terraform/ than the release was built with."""
    assert fetch(checkout, labelled(FILES, "1.2.3"), BUILT_FROM="0" * 40).returncode == 1
    assert not (checkout / "dist").exists()


@needs_sha256sum
def test_a_release_of_another_version_is_refused(checkout):
    done = fetch(checkout, labelled(FILES, "1.2.4"))
    assert done.returncode == 1
    assert "contains the version 1.2.4, not 1.2.3" in done.stderr


def test_a_bundle_that_differs_from_its_checksums_is_refused(checkout):
    assert fetch(checkout, labelled(FILES, "1.2.3") | {"plugins.zip": b"changed"}).returncode == 1


AWS = """arguments=$*
key=${arguments##*--key }
object=$BUCKET/$(echo "${key%% *}" | tr / _)
case $2 in
put-object)
    [[ $arguments == *"--if-none-match *" ]]
    [ ! -e "$object" ] || { echo PreconditionFailed >&2; exit 254; }
    body=${arguments##*--body }
    cp "${body%% *}" "$object" ;;
get-object) cp "$object" "${@: -1}" ;;
esac
"""


@pytest.fixture
def publish(checkout):
    bucket = checkout.parent / "bucket"
    bucket.mkdir()
    published(checkout / "release", labelled(FILES, "1.2.3"))
    install(checkout, "aws", AWS)
    return lambda: run(checkout, "publish-release", "1.2.3", ARTIFACT_BUCKET="artifacts", BUCKET=str(bucket))


def test_a_release_is_published_below_its_version(checkout, publish):
    done = publish()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "s3://artifacts/releases/1.2.3/SHA256SUMS", "s3://artifacts/releases/1.2.3/crypto-prices-1.2.3.zip",
    ]  # fmt: skip


def test_an_interrupted_publication_can_be_repeated(checkout, publish):
    assert publish().returncode == 0
    (checkout.parent / "bucket" / "releases_1.2.3_SHA256SUMS").unlink()
    done = publish()
    assert done.returncode == 0, done.stderr
    assert "crypto-prices-1.2.3.zip was already published" in done.stdout


def test_a_published_release_is_never_replaced(checkout, publish):
    assert publish().returncode == 0
    shutil.rmtree(checkout / "release")
    published(checkout / "release", labelled({**FILES, "plugins.zip": b"changed"}, "1.2.3"))
    before = {path.name: path.read_bytes() for path in (checkout.parent / "bucket").iterdir()}
    done = publish()
    assert done.returncode == 1
    assert "has different contents" in done.stderr
    assert {path.name: path.read_bytes() for path in (checkout.parent / "bucket").iterdir()} == before


def run_step(workflow, job, name, folder, **environment):
    """Run a step's commands in a folder, as GitHub does."""
    (step,) = [step for step in steps_of(workflow, job) if step.get("name") == name]
    path = f"{folder.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-e", "-c", step["run"]],
        cwd=folder, env=os.environ | {"PATH": path, "CALLS": str(folder.parent / "calls")} | environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


RELEASES = """echo "$1 $2" >> "$CALLS"
[ "$2" != view ] || [ -d "$RELEASED" ] || exit 1
[ "$2" != download ] || cp -r "$RELEASED" published
[ "$2" != create ] || cp -r release "$RELEASED"
"""


@pytest.fixture
def release_on_github(checkout):
    published(checkout / "release", labelled(FILES, "1.2.3"))
    install(checkout, "gh", RELEASES)
    released = str(checkout.parent / "released")
    step = ("release.yaml", "publish-on-github", "Create the release", checkout)
    return lambda: run_step(*step, VERSION="1.2.3", RELEASED=released)


def test_a_release_is_created_on_github_once(checkout, release_on_github):
    for _ in range(2):
        done = release_on_github()
        assert done.returncode == 0, done.stdout + done.stderr
    calls = (checkout.parent / "calls").read_text().splitlines()
    assert calls == ["release view", "release create", "release view", "release download"]


@pytest.mark.parametrize("file", ["crypto-prices-1.2.3.zip", "another-file"])
def test_a_release_on_github_is_never_replaced(checkout, release_on_github, file):
    assert release_on_github().returncode == 0
    (checkout / "release" / file).write_bytes(b"changed")
    done = release_on_github()
    assert done.returncode == 1
    assert "The release v1.2.3 already exists with other files" in done.stdout


needs_jq = pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")


@needs_jq
@pytest.mark.parametrize("failed", [(), ("prod",), ("dev", "prod")])
def test_the_comment_on_a_pull_request_has_every_plan_or_says_that_it_failed(checkout, failed):
    """Otherwise the comment would keep the plans of an older commit."""
    install(checkout, "gh", 'cat "${@: -1}" > "$CALLS"')
    environments = ["prod", "dev"]
    for environment in {*environments} - {*failed}:
        (checkout / "reports").mkdir(exist_ok=True)
        (checkout / "reports" / f"{environment}.md").write_text(f"### Plan for {environment}: no changes\n")
    done = run_step(
        "plan.yaml", "comment", "Write or replace the comment", checkout,
        COMMIT="abc", ENVIRONMENTS=json.dumps(environments), NUMBER="7", RUN="https://github.com/run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    comment = (checkout.parent / "calls").read_text()
    assert comment.startswith("Plans for the commit abc\n")
    for environment in environments:
        outcome = "failed\n\nSee [the run](https://github.com/run)." if environment in failed else "no changes"
        assert f"### Plan for {environment}: {outcome}\n" in comment


def test_the_comment_on_a_pull_request_is_written_even_if_a_plan_failed():
    """Without a status function in ``if``, GitHub adds ``success()``. Without AWS, there is no plan and no comment."""
    assert JOBS["plan.yaml", "comment"]["if"] == "${{ !cancelled() && needs.plan.result != 'skipped' }}"


def test_the_checkout_is_compared_with_the_approved_plan_before_it_is_applied(tmp_path):
    names = [step.get("name") for step in steps_of("deploy.yaml", "apply")]
    assert names.index("Plan again") < names.index("Compare with the approved plan") < names.index("Apply")
    (compare,) = [
        step for step in steps_of("deploy.yaml", "apply") if step.get("name") == "Compare with the approved plan"
    ]
    (tmp_path / "plan").mkdir()
    changed = {"address": "a.b", "change": {"actions": ["update"], "before": 1, "after": 2}}
    (tmp_path / "plan" / "plan.json").write_text(json.dumps({"resource_changes": [changed]}))
    (tmp_path / ".github").symlink_to(REPOSITORY / ".github")
    digest = subprocess.run(
        ["python3", ".github/scripts/plan_report.py", "--json", "plan/plan.json", "--digest"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip

    def applied(approved):
        command = ["bash", "-e", "-c", compare["run"]]
        return (
            subprocess.run(command, cwd=tmp_path, env=os.environ | {"APPROVED": approved}, check=False).returncode == 0
        )

    assert applied(digest)
    assert not applied("another")
    assert not applied("")


def test_each_variable_is_an_output_of_the_roles():
    """docs/how-to/deploy-from-github.md stores the outputs as variables."""
    outputs = (REPOSITORY / "terraform" / "github" / "outputs.tf").read_text()
    used = {name for path in WORKFLOWS.values() for name in re.findall(r"vars\.([A-Z_]+)", path.read_text())}
    assert used == set(re.findall(r"([A-Z_]{5,}) +=", outputs))
