from bundle.preflight.currency import check_current


def test_a_new_bundle_is_current(built):
    assert check_current(dict(built), built) == []


def test_every_stale_file_is_named(mistakes, built):
    old = mistakes.files(
        {"dags/crypto_prices_daily.py": "old", "dags/gone.py": "x", "dags/crypto_prices_audit.py": None}
    )
    assert {(finding.where, finding.what) for finding in check_current(old, built)} == {
        ("dags/crypto_prices_daily.py", "stale: the checkout has different contents"),
        ("dags/gone.py", "stale: the checkout no longer has it"),
        ("dags/crypto_prices_audit.py", "stale: the checkout has it, the bundle does not"),
    }
