from dev.prove.comparison import EXPECTED, differences, needless

SAME = {"job.GlueVersion": "6.0", "job.Timeout": 60, "table.StorageDescriptor.Columns.0.Name": "source"}


def test_what_is_the_same_differs_in_nothing():
    assert differences(SAME, dict(SAME)) == []


def test_a_member_that_only_one_has_is_a_difference():
    assert differences({**SAME, "job.MaxCapacity": 2}, SAME) == [
        "job.MaxCapacity: Terraform has 2, the local provisioning None"
    ]
    assert differences(SAME, {**SAME, "job.Timeout": 30}) == [
        "job.Timeout: Terraform has 60, the local provisioning 30"
    ]


def test_what_is_meant_to_differ_is_no_difference():
    assert differences(dict.fromkeys(EXPECTED, "a"), dict.fromkeys(EXPECTED, "b")) == []


def test_an_expected_difference_that_is_none_is_told():
    other, *rest = EXPECTED
    assert needless({other: "same", **dict.fromkeys(rest, "a")}, {other: "same", **dict.fromkeys(rest, "b")}) == [
        f"{other} does not differ, although it is expected to"
    ]
