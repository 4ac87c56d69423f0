"""The examples have the documented format, and what is not in the format is refused."""

from __future__ import annotations

import pytest

from local_aws.conformance.example_files import FOLDER, ExampleError, api_examples, client_checks, sql_examples

SOURCE = "source: https://docs.aws.amazon.com/page.html"


def test_all_examples_have_the_format():
    assert len(sql_examples()) >= 300
    services = {example.area for example in api_examples()}
    assert services >= {"glue", "iam", "redshift-data", "s3", "secretsmanager", "sts"}


def test_each_check_of_a_client_has_its_script_and_a_lock_with_hashes():
    checks = client_checks()
    assert {check.area for check in checks} == {"airflow", "awscli", "awswrangler", "redshift-connector"}
    for check in checks:
        assert (FOLDER / "clients" / check.script).is_file(), check.script
        assert "--hash=sha256:" in (FOLDER / "clients" / f"{check.area}.lock").read_text(), check.area


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (f"{{name: a, {SOURCE}, sql: SELECT 1, rows: [['1']], color: red}}", "unknown key color"),
        ("{name: a, sql: SELECT 1, rows: [['1']]}", "source is missing"),
        ("{name: a, source: the manual, sql: SELECT 1, rows: [['1']]}", "source must be the URL"),
        (f"{{name: a, {SOURCE}, rows: [['1']]}}", "sql is missing"),
        (f"{{name: a, {SOURCE}, sql: SELECT 1}}", "rows, columns, error or unknown is missing"),
        (f"{{name: a, {SOURCE}, sql: SELECT 1, rows: [['1']], error: true}}", "rows and error exclude each other"),
        (f"{{name: a, {SOURCE}, sql: SELECT 1, rows: [[1]]}}", r"the row \[1\]"),
        (f"{{name: a, {SOURCE}, sql: SELECT 1, refused: no BIT}}", "rows, columns, error or unknown is missing"),
        (f"{{name: a, {SOURCE}, sql: SELECT 1, rows: [], refused: true}}", "refused must be a text"),
        (f"{{name: a, {SOURCE}, sql: SELECT 1, error: false}}", "error must be a text"),
        (f"{{name: a, {SOURCE}, sql: SELECT 1, unknown: hard to say}}", "the reason 'hard to say' is not one of those"),
        (f"{{name: a, {SOURCE}, sql: SELECT 1, rows: [], setup: CREATE TABLE t (i int)}}", "setup must be a list"),
        (f"{{name: a, {SOURCE}, sql: SELECT 1, columns: [{{kind: int4}}]}}", "the column"),
    ],
)
def test_an_example_without_the_format_is_refused(tmp_path, entry, reason):
    (tmp_path / "area.yaml").write_text(f"- {entry}\n")
    with pytest.raises(ExampleError, match=reason):
        sql_examples(tmp_path)


def test_two_examples_of_an_area_have_different_names(tmp_path):
    example = f"- {{name: same, {SOURCE}, sql: SELECT 1, rows: [['1']]}}\n"
    (tmp_path / "area.yaml").write_text(example * 2)
    with pytest.raises(ExampleError, match="two examples with the name 'same'"):
        sql_examples(tmp_path)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (f"{{name: a, {SOURCE}, operation: GetTable, refused: no}}", "exactly one of response, error and unknown"),
        (f"{{name: a, {SOURCE}, operation: GetTable, response: {{}}, error: X}}", "exactly one of"),
        (f"{{name: a, {SOURCE}, operation: GetTable, response: {{}}, setup: [{{request: {{}}}}]}}", "needs operation"),
    ],
)
def test_a_call_without_the_format_is_refused(tmp_path, entry, reason):
    (tmp_path / "glue.yaml").write_text(f"- {entry}\n")
    with pytest.raises(ExampleError, match=reason):
        api_examples(tmp_path)
