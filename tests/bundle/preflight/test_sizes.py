import pytest

from bundle.preflight.sizes import Limits, check_sizes


def test_a_built_bundle_passes(mistakes):
    assert check_sizes(mistakes.bundle()) == []


def test_a_large_statement_is_reported(mistakes):
    (finding,) = check_sizes(mistakes.bundle({"dags/sql/load/lock_loads.sql": "x" * (100 * 1024 + 1)}))
    assert (finding.where, finding.warning) == ("dags/sql/load/lock_loads.sql", False)
    assert "102,401 bytes" in finding.what


def test_a_large_plugins_zip_is_reported(mistakes, built):
    size = len(built["plugins.zip"])
    assert check_sizes(mistakes.bundle(), Limits(plugins=size + 1)) == []
    (finding,) = check_sizes(mistakes.bundle(), Limits(plugins=size))
    assert (finding.where, finding.warning) == ("plugins.zip", False)
    assert f"{size:,} bytes" in finding.what


@pytest.mark.parametrize(
    ("where", "changes"),
    [
        ("dags/large.py", {"dags": True}),
        ("plugins.zip/large.csv", {"plugins": {"large.csv": "x" * (1024 * 1024 + 1)}}),
        ("glue/crypto_prices_etl.zip/large.csv", {"glue": {"large.csv": "x" * (1024 * 1024 + 1)}}),
    ],
)
def test_a_size_unusual_for_code_is_a_warning(mistakes, where, changes):
    files = {where: "x" * (1024 * 1024 + 1)} if changes.pop("dags", False) else {}
    (finding,) = check_sizes(mistakes.bundle(files, **changes))
    assert (finding.where, finding.warning) == (where, True)
