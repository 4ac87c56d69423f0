import os

import pytest

from local_aws.folder_lock import FolderInUseError, only_process_in


def test_the_second_process_learns_the_holder_of_the_folder(tmp_path):
    with only_process_in(tmp_path):
        with pytest.raises(FolderInUseError, match=str(tmp_path)) as caught, only_process_in(tmp_path):
            pass
        assert caught.value.holder == str(os.getpid())


def test_a_released_folder_can_be_used_again(tmp_path):
    with only_process_in(tmp_path):
        pass
    with only_process_in(tmp_path):
        pass
