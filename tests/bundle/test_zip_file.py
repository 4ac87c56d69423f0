import io
import zipfile

from bundle.zip_file import zip_bytes


def test_the_order_of_the_files_does_not_matter():
    files = {"b/c.py": b"c", "a.py": b"a", "b.py": b""}
    assert zip_bytes(files) == zip_bytes(dict(reversed(files.items())))


def test_the_contents_can_be_read_back():
    with zipfile.ZipFile(io.BytesIO(zip_bytes({"b/ü.py": b"c", "a.py": b""}))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {"a.py": b"", "b/ü.py": b"c"}
