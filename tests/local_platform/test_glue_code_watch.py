import os
import threading
import time

import pytest

from local_platform.glue_code_watch import GlueCodeWatch, stamp
from local_platform.names import Names

NAMES = Names(bucket="lake")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "glue_scripts"
    (made / "package").mkdir(parents=True)
    (made / "script.py").write_text("one\n")
    (made / "package" / "module.py").write_text("one\n")
    return made


@pytest.fixture
def contract(tmp_path):
    made = tmp_path / "contract"
    made.mkdir()
    (made / "window.py").write_text("one\n")
    return made


@pytest.fixture
def uploads():
    return []


@pytest.fixture
def watch(folder, contract, uploads):
    def upload(endpoint, names, of):
        uploads.append((endpoint, names, of))
        return ("object s3://lake/script.py",)

    return GlueCodeWatch("http://aws", NAMES, folder, contract, upload=upload)


def test_nothing_is_uploaded_before_an_edit(watch, uploads):
    assert watch.look() is False
    assert uploads == []


@pytest.mark.parametrize("edit", ["change", "same size", "add", "remove"])
def test_an_edit_is_uploaded_once(watch, uploads, folder, edit):
    module = folder / "package" / "module.py"
    if edit == "change":
        module.write_text("two, longer\n")
    elif edit == "same size":
        module.write_text("two\n")
        os.utime(module, (2_000_000_000, 2_000_000_000))
    elif edit == "add":
        (folder / "package" / "other.py").write_text("")
    else:
        module.unlink()
    assert watch.look() is True
    assert watch.look() is False
    assert uploads == [("http://aws", NAMES, folder)]


def test_an_edit_of_the_contract_package_is_uploaded(watch, uploads, folder, contract):
    (contract / "window.py").write_text("two, longer\n")
    assert watch.look() is True
    assert uploads == [("http://aws", NAMES, folder)]


def test_bytecode_files_are_not_edits(watch, folder):
    (folder / "package" / "__pycache__").mkdir()
    (folder / "package" / "__pycache__" / "module.pyc").write_bytes(b"x")
    assert watch.look() is False


def test_an_unfinished_edit_is_logged_and_the_next_one_is_uploaded(folder, caplog):
    outcomes = iter([SyntaxError("half"), ("object s3://lake/script.py",)])

    def upload(*_):
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    watch = GlueCodeWatch("http://aws", NAMES, folder, upload=upload)
    caplog.set_level("INFO")
    (folder / "script.py").write_text("def f(\n")
    assert watch.look()
    assert "could not be uploaded" in caplog.text
    (folder / "script.py").write_text("def f(): ...\n")
    assert watch.look()
    assert "object s3://lake/script.py" in caplog.text


def test_a_file_that_disappears_during_a_look_is_ignored(folder):
    (folder / "gone.py").symlink_to(folder / "nowhere")
    assert {path for path, _, _ in stamp(folder)} == {"script.py", os.path.join("package", "module.py")}


def test_the_thread_uploads_edits_until_it_is_stopped(watch, uploads, folder):
    with watch:
        (folder / "script.py").write_text("two, longer\n")
        deadline = time.monotonic() + 20
        while not uploads:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert "glue-code-watch" not in {thread.name for thread in threading.enumerate()}
