import pytest

from local_aws.replaced_file import replacing


def test_a_reader_sees_the_old_content_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "file.json"
    path.write_text("old")
    with replacing(path) as draft:
        draft.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_keeps_the_old_content_and_leaves_no_draft(tmp_path):
    path = tmp_path / "file.json"
    path.write_text("old")

    def fail():
        with replacing(path) as draft:
            draft.write_text("half")
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_concurrent_replacements_do_not_interfere(tmp_path):
    path = tmp_path / "file.json"
    with replacing(path) as first, replacing(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"  # its block ends last


def test_a_secret_is_never_readable_by_others(tmp_path):
    path = tmp_path / "secret"
    with replacing(path, mode=0o600) as draft:
        assert draft.stat().st_mode & 0o777 == 0o600
        draft.write_text("hush")
    assert path.stat().st_mode & 0o777 == 0o600
