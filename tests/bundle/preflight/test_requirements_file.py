import pytest

from bundle.mwaa_image import CONSTRAINTS_URL
from bundle.preflight.requirements_file import Line, check_requirements, logical_lines

CONSTRAINT = f"--constraint {CONSTRAINTS_URL}"


def found(mistakes, *lines, **changes):
    bundle = mistakes.bundle({"requirements.txt": "\n".join(lines) + "\n", **changes.pop("files", {})}, **changes)
    return check_requirements(bundle)


def the_one(findings, *, warning=False):
    (finding,) = findings
    assert finding.warning is warning
    return f"{finding.where} {finding.what} {finding.todo}"


def test_the_repositorys_own_file_passes(mistakes):
    assert check_requirements(mistakes.bundle()) == []


@pytest.mark.parametrize(
    "line", [f"-c {CONSTRAINTS_URL}", f'--constraint "{CONSTRAINTS_URL}"', f"{CONSTRAINT}  # ours"]
)
def test_the_constraint_can_be_written_in_several_ways(mistakes, line):
    assert found(mistakes, line, "requests==2.34.2") == []


def test_a_missing_constraint_is_reported(mistakes):
    report = the_one(found(mistakes, "# nothing special", "requests==2.34.2"))
    assert "no --constraint line" in report
    assert CONSTRAINT in report


def test_a_comment_that_mwaa_mistakes_for_a_constraint_is_reported(mistakes):
    report = the_one(found(mistakes, "requests==2.34.2", "# It has no --constraint line on purpose."))
    assert report.startswith("requirements.txt:2 ")
    assert "installs without constraints" in report


def test_a_comment_is_harmless_if_there_is_a_constraint(mistakes):
    assert found(mistakes, "# what -c and --constraint mean", CONSTRAINT) == []


@pytest.mark.parametrize(
    ("airflow", "python"), [("3.2.1", "3.12"), ("3.3.1", "3.11"), ("2.10.3", "3.11"), ("main", "3.12")]
)
def test_constraints_of_other_versions_are_reported(mistakes, airflow, python):
    url = f"https://raw.githubusercontent.com/apache/airflow/constraints-{airflow}/constraints-{python}.txt"
    report = the_one(found(mistakes, f"--constraint {url}", "requests==2.34.2"))
    assert f"for Airflow {airflow} on Python {python}" in report
    assert "the environment has Airflow 3.3.1 on Python 3.12" in report


def test_a_constraint_that_mwaa_does_not_find_is_reported(mistakes):
    assert "does not find this one" in the_one(found(mistakes, f"--constraint={CONSTRAINTS_URL}"))


def test_constraints_of_unknown_versions_are_reported(mistakes):
    assert "does not name the Airflow" in the_one(found(mistakes, "-c https://example.com/constraints.txt"))


@pytest.mark.parametrize("folder", ["dags", "plugins"])
def test_a_constraints_file_in_the_bundle_is_checked(mistakes, folder):
    line = f'--constraint "/usr/local/airflow/{folder}/constraints.txt"'
    assert f"the bundle has no {folder}" in the_one(found(mistakes, line))
    for text, problem in (
        ("apache-airflow==3.3.1\nrequests==2.34.2\nsomething-else==1\n", None),
        ("apache-airflow==3.2.1\n", "has the constraints of Airflow 3.2.1"),
        ("requests==2.0\n", "allows requests 2.0, but the image has 2.34.2"),
    ):
        path = {"dags": {"files": {"dags/constraints.txt": text}}, "plugins": {"plugins": {"constraints.txt": text}}}
        findings = found(mistakes, line, **path[folder])
        assert problem is None or problem in the_one(findings, warning=text.startswith("requests"))
        assert problem or findings == []


@pytest.mark.parametrize(
    "line",
    ["requests", "requests>=2", "requests==2.34.2,<3", "requests==2.*", "requests~=2.34.2", "requests===2.34.2",
     "requests @ https://example.com/requests.whl"],
)  # fmt: skip
def test_unpinned_requirements_are_reported(mistakes, line):
    report = the_one(found(mistakes, CONSTRAINT, line))
    assert "not pinned" in report
    assert "write `requests==2.34.2`" in report


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("requests==2.31.0", "MWAA's image has 2.34.2"),
        ("apache-airflow==3.2.1", "MWAA's image has 3.3.1"),
        ("Apache_Airflow.Providers-Amazon==9.0.0", "MWAA's image has 9.34.0"),
        ("pandas==2.3.0", "Airflow's constraints allow 3.0.5"),
    ],
)
def test_a_conflict_is_reported(mistakes, line, reason):
    report = the_one(found(mistakes, CONSTRAINT, line))
    assert "pip would install no package at all" in report
    assert reason in report


def test_packages_that_mwaa_would_install_are_warnings(mistakes):
    findings = found(mistakes, CONSTRAINT, "pandas==3.0.5", "some-company-package==1.0", "requests[socks]==2.34.2")
    assert all(finding.warning for finding in findings)
    assert [finding.what.split(" may ")[0].split(" is ")[0] for finding in findings] == [
        "pandas 3.0.5", "some-company-package 1.0", "requests[socks]",
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["-r other.txt", "--requirement other.txt", "-e .", "./wheels/x.whl", "=="])
def test_requirements_that_mwaa_cannot_install_are_reported(mistakes, line):
    assert "not a requirement that MWAA can install" in the_one(found(mistakes, CONSTRAINT, line))


def test_options_and_markers_are_accepted(mistakes):
    lines = ["--find-links /usr/local/airflow/plugins", "--no-index", 'requests == 2.34.2 ; python_version > "3.9"',
             "tenacity==9.1.4 \\", "    --hash=sha256:" + "0" * 64]  # fmt: skip
    assert found(mistakes, CONSTRAINT, *lines) == []


def test_other_encodings_are_reported(mistakes):
    bundle = mistakes.bundle({"requirements.txt": "requests==2.34.2  # für".encode("latin-1")})
    assert "not UTF-8" in the_one(check_requirements(bundle))


def test_lines_are_split_as_pip_does():
    text = "# a\n\nb==1  # why\nc==1 \\\n  --hash=x\n  \nurl#fragment\nlast==1 \\"
    assert list(logical_lines(text)) == [
        Line(3, "b==1"), Line(4, "c==1    --hash=x"), Line(7, "url#fragment"), Line(8, "last==1"),
    ]  # fmt: skip
