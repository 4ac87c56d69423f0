import pytest

from dev.prove.checkov import CheckovError, read_report

SKIPPED = {"check_id": "CKV_AWS_1", "resource": "aws_s3_bucket.this", "check_result": {"suppress_comment": "a reason"}}
FAILED = {"check_id": "CKV_AWS_2", "resource": "aws_kms_key.this", "check_name": "Ensure rotation"}


def report(*, failed=(), skipped=(), parsing_errors=0):
    return {
        "results": {"failed_checks": list(failed), "skipped_checks": list(skipped)},
        "summary": {
            "passed": 7, "failed": len(failed), "skipped": len(skipped), "parsing_errors": parsing_errors,
        },
    }  # fmt: skip


def test_a_report_is_summarized_in_one_line():
    assert str(read_report(report(skipped=[SKIPPED]))) == "7 passed, 0 failed, 1 skipped with a reason"


def test_a_failed_check_is_reported_by_name():
    with pytest.raises(CheckovError, match=r"1 checks failed: CKV_AWS_2 aws_kms_key\.this: Ensure rotation"):
        read_report(report(failed=[FAILED]))


def test_an_unparseable_file_fails():
    with pytest.raises(CheckovError):
        read_report(report(parsing_errors=1))


@pytest.mark.parametrize("comment", ["", " ", ":", None])
def test_a_skip_without_a_reason_fails(comment):
    with pytest.raises(CheckovError, match=r"skipped without a reason: CKV_AWS_1 aws_s3_bucket\.this"):
        read_report(report(skipped=[{**SKIPPED, "check_result": {"suppress_comment": comment}}]))
