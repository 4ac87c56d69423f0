import errno
import os
import pwd
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from local_aws.state_folder import StateFolderError, prepare_state_folder, user_name


def test_a_new_folder_is_private_and_empty(tmp_path):
    folder = tmp_path / "new" / "state"
    prepare_state_folder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.iterdir()) == []
    folder.chmod(0o755)
    prepare_state_folder(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.EROFS, "its disk is read-only"), (errno.ENOSPC, "its disk is full"), (errno.EDQUOT, "your quota")],
)
def test_a_disk_that_takes_no_file_is_reported_in_one_line(tmp_path, monkeypatch, number, reason):
    def refuse(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(StateFolderError, match=reason) as raised:
        prepare_state_folder(tmp_path)
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_in_the_place_of_the_folder_or_of_a_parent_is_named(tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "state"):
        with pytest.raises(StateFolderError, match=r"/file is not a folder"):
            prepare_state_folder(folder)


def test_the_owner_of_another_users_folder_is_named(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    monkeypatch.setattr(pwd, "getpwuid", {os.getuid(): SimpleNamespace(pw_name="alice")}.__getitem__)
    with pytest.raises(StateFolderError, match="belongs to alice, and you are user 4242"):
        prepare_state_folder(tmp_path)


def test_a_user_without_a_name_has_a_number():
    assert user_name(os.getuid()) == pwd.getpwuid(os.getuid()).pw_name
    assert user_name(3_999_999) == "user 3999999"
