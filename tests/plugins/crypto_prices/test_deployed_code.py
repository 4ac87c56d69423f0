import json
from types import SimpleNamespace

from crypto_prices.deployed_code import dags_digest, rules_in_force
from crypto_prices.quality_rules import quality_rules


def deployed(folder, **files):
    """Return a DAG in a folder with its files, such as those of an environment with other DAGs."""
    (folder / "sql" / "load").mkdir(parents=True)
    contents = {"crypto_prices_daily.py": "1", "sql/load/lock.sql": "2", "sql/load/scope.jinja": "3", "other.py": "4"}
    for name, content in (contents | files).items():
        (folder / name).write_text(content)
    return SimpleNamespace(fileloc=str(folder / "crypto_prices_daily.py"))


def test_the_digest_covers_this_platforms_dags_and_sql_only(tmp_path):
    before = dags_digest(deployed(tmp_path / "before"))
    assert dags_digest(deployed(tmp_path / "same", **{"other.py": "5"})) == before
    for number, name in enumerate(("crypto_prices_daily.py", "sql/load/lock.sql", "sql/load/scope.jinja")):
        assert dags_digest(deployed(tmp_path / str(number), **{name: "changed"})) != before


def test_the_rules_in_force_are_the_configured_ones():
    rules = quality_rules({"negative_volume": {"action": "warn"}, "price_jump": {"action": "fail", "threshold": 0.2}})
    assert json.loads(rules_in_force(SimpleNamespace(rules=rules, max_rejected_share=0.05))) == {
        "max_rejected_share": 0.05,
        "row_rules": {"negative_volume": "warn"},
        "market_rules": {
            "completeness": {"action": "warn", "threshold": 1.0},
            "price_jump": {"action": "fail", "threshold": 0.2},
        },
    }
