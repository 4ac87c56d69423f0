import pytest

from bundle.source_files import BundleError, belongs, read_folder


@pytest.mark.parametrize(
    "name", ["settings.py", "merge.sql", "places.jinja", ".airflowignore", "view.html", "x.swift", "swap.py"]
)
def test_sources_belong_to_the_bundle(name):
    assert belongs(name)


@pytest.mark.parametrize(
    "name",
    [
        "__pycache__",
        "x.pyc",
        "x.pyo",
        ".DS_Store",
        ".env",
        ".x.py.swp",
        "x.py~",
        "#x.py#",
        "x.py.orig",
        "x.swp",
        "a.bak",
    ],
)
def test_leftovers_do_not_belong_to_the_bundle(name):
    assert not belongs(name)


def test_links_are_followed_and_paths_sorted(tmp_path):
    (tmp_path / "sql" / "load").mkdir(parents=True)
    (tmp_path / "sql" / "load" / "b.sql").write_text("b")
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "z.py").write_text("z")
    (tmp_path / "dags" / "a.py").write_text("a")
    (tmp_path / "dags" / "sql").symlink_to("../sql")
    assert list(read_folder(tmp_path / "dags", tmp_path).items()) == [
        ("a.py", b"a"), ("sql/load/b.sql", b"b"), ("z.py", b"z"),
    ]  # fmt: skip


def test_a_link_out_of_the_checkout_is_refused(tmp_path):
    (tmp_path / "secret").write_text("key")
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "x.py").symlink_to("../secret")
    with pytest.raises(BundleError, match="outside"):
        read_folder(tmp_path / "checkout", tmp_path / "checkout")


def test_a_broken_link_is_refused(tmp_path):
    (tmp_path / "x.py").symlink_to("gone.py")
    with pytest.raises(BundleError, match="broken link"):
        read_folder(tmp_path, tmp_path)


def test_a_link_loop_is_refused(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "again").symlink_to("..")
    with pytest.raises(BundleError, match="which contains it"):
        read_folder(tmp_path, tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(BundleError, match="nothing is not a folder"):
        read_folder(tmp_path / "nothing", tmp_path)


def test_a_link_that_git_checked_out_as_a_file_is_refused(tmp_path):
    """As ``git clone -c core.symlinks=false`` does. The bundle would have no SQL."""
    (tmp_path / "sql").mkdir()
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "__init__.py").touch()
    (tmp_path / "dags" / "sql").write_text("../sql")
    with pytest.raises(BundleError, match=r"core\.symlinks true"):
        read_folder(tmp_path / "dags", tmp_path)


@pytest.mark.parametrize("content", ["", "../sql\n", "../nowhere", "SELECT 1", "a" * 5000])
def test_other_files_are_no_links(tmp_path, content):
    (tmp_path / "sql").mkdir()
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "a.sql").write_text(content)
    assert read_folder(tmp_path / "dags", tmp_path) == {"a.sql": content.encode()}
