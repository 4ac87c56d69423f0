from dev.prove.comparison import EXPECTED, differences, needless

SAME = {"job.GlueVersion": "6.0", "job.Timeout": 60, "table.StorageDescriptor.Columns.0.Name": "source"}


def test_equal_resources_do_not_differ():
    assert differences(SAME, dict(SAME)) == []


def test_missing_and_changed_members_are_differences():
    assert differences({**SAME, "job.MaxCapacity": 2}, SAME) == [
        "job.MaxCapacity: Terraform has 2, the local provisioning None"
    ]
    assert differences(SAME, {**SAME, "job.Timeout": 30}) == [
        "job.Timeout: Terraform has 60, the local provisioning 30"
    ]


def test_expected_differences_are_not_reported():
    assert differences(dict.fromkeys(EXPECTED, "a"), dict.fromkeys(EXPECTED, "b")) == []


def test_an_expected_difference_that_does_not_occur_is_reported():
    other, *rest = EXPECTED
    assert needless({other: "same", **dict.fromkeys(rest, "a")}, {other: "same", **dict.fromkeys(rest, "b")}) == [
        f"{other} is the same on both sides, although a difference is expected"
    ]
