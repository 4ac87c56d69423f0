from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "glue_scripts" / "curate_crypto_prices.py"


def test_importing_the_script_does_nothing():
    code = "import sys; import curate_crypto_prices; assert not {'pyspark', 'boto3', 'awsglue'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(SCRIPT.parent)})


def test_the_job_has_no_local_mode():
    for path in [SCRIPT, *(SCRIPT.parent / "crypto_prices_etl").rglob("*.py")]:
        text = path.read_text(encoding="utf-8").lower()
        assert not [
            word for word in ("endpoint_url", "localhost", "local_aws", "moto.", "127.0.0.1") if word in text
        ], path
