import io
import zipfile

from bundle.contents import GLUE_PACKAGE, GLUE_SCRIPT
from bundle.preflight.bundle import Bundle
from bundle.preflight.glue_check import check_glue


def test_import_errors_are_quoted(mistakes):
    script = mistakes.built[GLUE_SCRIPT].decode().replace("import OPTION_NAMES", "import OPTION_NAMEZ")
    changes = {
        "crypto_prices_etl/raises.py": "raise RuntimeError('not today')\n",
        "crypto_prices_etl/reads_a_file.py": "open('glue_scripts/curate_crypto_prices.py')\n",
        "crypto_prices_etl/late.py": "def run():\n    from crypto_prices_etl.quality import nothing_like_it\n",
        "crypto_prices_etl/exits.py": "raise SystemExit(3)\n",
        "crypto_prices_etl/outside.py": "import local_aws\n",
    }
    findings = {
        finding.where.removeprefix(f"{GLUE_PACKAGE}/crypto_prices_etl/"): finding.what
        for finding in check_glue(mistakes.bundle({GLUE_SCRIPT: script}, glue=changes))
    }
    assert findings.keys() == {GLUE_SCRIPT, "raises.py", "reads_a_file.py", "late.py", "exits.py", "outside.py"}
    assert "RuntimeError: not today" in findings["raises.py"]
    assert "SystemExit: 3" in findings["exits.py"]
    assert "FileNotFoundError" in findings["reads_a_file.py"]
    assert "line 2: ImportError: cannot import name 'nothing_like_it'" in findings["late.py"]
    assert "No module named 'local_aws'" in findings["outside.py"]
    assert "OPTION_NAMEZ" in findings[GLUE_SCRIPT]


def test_a_package_zipped_without_its_folder_is_reported(built):
    flat = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(built[GLUE_PACKAGE])) as old, zipfile.ZipFile(flat, "w") as new:
        for name in old.namelist():
            new.writestr(name.removeprefix("crypto_prices_etl/"), old.read(name))
    findings = check_glue(Bundle(built | {GLUE_PACKAGE: flat.getvalue()}))
    assert "not in one of the folders crypto_prices_contract/ crypto_prices_etl/" in findings[0].what
    assert findings[-1].where.endswith("crypto_prices_etl/__init__.py")
