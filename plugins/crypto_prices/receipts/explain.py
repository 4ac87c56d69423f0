"""Answers a question with a receipt, and writes it to the lake."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from crypto_prices_contract.s3_keys import receipt_key

from crypto_prices.receipts.candle_receipt import candle_receipt
from crypto_prices.receipts.daily_receipt import collect_daily, daily_receipt
from crypto_prices.receipts.evidence import Warehouse, collect
from crypto_prices.receipts.lake import Lake
from crypto_prices.receipts.question import Question
from crypto_prices.receipts.receipt import Receipt


def explain(question: Question, lake: Lake, warehouse: Warehouse) -> Receipt:
    """Return the receipt of a number. Every link is read now."""
    if question.mart is not None:
        return daily_receipt(collect_daily(question, warehouse))
    return candle_receipt(collect(question, lake, warehouse))


def write_receipt(receipt: Receipt, lake: Lake) -> str:
    """Write a receipt to the lake and return its URI. The same answer to the same question is the same object."""
    document = receipt.to_json() | {"checked_at": datetime.now(UTC).isoformat(timespec="seconds")}
    content = json.dumps(document, indent=1).encode()
    return lake.write(receipt_key(receipt.question.name, receipt.digest), content)
