"""A correct settings document, and variants of it."""

import json
from typing import Any

GOOD: dict[str, Any] = {
    "s3_bucket": "crypto-prices-lake",
    "glue_job_name": "curate_crypto_prices",
    "catalog_database": "crypto",
    "catalog_table": "crypto_prices",
    "redshift_workgroup": "crypto-prices",
    "redshift_database": "crypto",
    "redshift_secret_arn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:crypto-prices/redshift-admin-AbCdEf",
    "redshift_copy_role_arn": "arn:aws:iam::123456789012:role/crypto-prices-redshift-copy",
    "sources": {"binance": {"symbols": ["BTCUSDT", "ETHUSDT"], "api_url": "http://127.0.0.1:4566/exchange/binance"}},
}


def changed(**changes: Any) -> str:
    """Return the document as JSON, some of its keys replaced. ``...`` leaves a key out."""
    return json.dumps({key: value for key, value in (GOOD | changes).items() if value is not ...})
