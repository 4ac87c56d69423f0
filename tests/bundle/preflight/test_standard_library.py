import pytest

from bundle.preflight.standard_library import in_standard_library


@pytest.mark.parametrize(
    ("module", "version", "there"),
    [("json", (3, 12), True), ("distutils", (3, 12), False), ("distutils", (3, 11), True), ("cgi", (3, 12), True),
     ("cgi", (3, 13), False), ("requests", (3, 12), False)],
)  # fmt: skip
def test_the_answer_is_for_the_given_python_version(module, version, there):
    assert in_standard_library(module, version) is there
