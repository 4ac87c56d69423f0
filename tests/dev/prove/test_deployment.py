import pytest

from dev.prove.deployment import UnexpectedPlanError, require_plan, reverted


def test_the_opposite_plan_deletes_what_was_created():
    assert reverted({"create a", "delete b[0]", "update c", "delete and create d", "update output e"}) == {
        "delete a", "create b[0]", "update c", "delete and create d", "update output e",
    }  # fmt: skip


def test_a_plan_with_exactly_the_expected_changes_passes():
    require_plan(["update b", "create a"], {"create a", "update b"})


@pytest.mark.parametrize(
    ("planned", "message"),
    [
        (["create a", "delete c"], r"unexpected changes: \['delete c'\]; missing changes: \['update b'\]"),
        ([], r"unexpected changes: none; missing changes: \['create a', 'update b'\]"),
    ],
)
def test_a_different_plan_is_described(planned, message):
    with pytest.raises(UnexpectedPlanError, match=message):
        require_plan(planned, {"create a", "update b"})
