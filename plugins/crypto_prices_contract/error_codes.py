"""Codes of errors that the same input causes again, so that retrying cannot help.

The warehouse's procedures (sql/migrations/) and the Glue job begin such a message with the code. Programs decide by the
code, never by the words after it. A code has no spaces, so no layer that wraps or prints a message can split it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

EMPTY_STAGING = "CP-01"
STAGING_DIFFERS_FROM_REPORT = "CP-02"
STAGING_OUTSIDE_WINDOW = "CP-03"
STAGING_REPEATS_KEYS = "CP-04"
STAGING_OF_ANOTHER_BATCH = "CP-05"
FETCHED_LATER = "CP-06"
WOULD_DELETE_CANDLES = "CP-07"
MARKET_RULE_FAILED = "CP-08"
MARKETS_MISSING = "CP-09"
REMOVED_LATER = "CP-10"
TOO_MANY_REJECTED = "CP-11"
ROW_RULE_FAILED = "CP-12"
RAW_OBJECTS_DIFFER = "CP-14"
NOT_THE_NEXT_LOAD = "CP-15"

ERROR_CODES: Mapping[str, str] = {
    EMPTY_STAGING: "The staging table is empty.",
    STAGING_DIFFERS_FROM_REPORT: "The staging table has more or fewer rows than the curation report counts.",
    STAGING_OUTSIDE_WINDOW: "The staging table has rows outside the window.",
    STAGING_REPEATS_KEYS: "The staging table has a key more than once.",
    STAGING_OF_ANOTHER_BATCH: "The staging table has rows of another attempt.",
    FETCHED_LATER: "The load would add or replace candles that another load fetched later.",
    WOULD_DELETE_CANDLES: "The load would delete candles.",
    MARKET_RULE_FAILED: "The candles of a market break a quality rule whose action is fail.",
    MARKETS_MISSING: "The warehouse lacks the list of the load's markets.",
    REMOVED_LATER: "The load would bring back candles that a user removed after they were fetched.",
    TOO_MANY_REJECTED: "The Glue job rejected too many records of a source.",
    ROW_RULE_FAILED: "Records break a quality rule whose action is fail.",
    RAW_OBJECTS_DIFFER: "The Glue job cannot split raw objects of a source into the records that were fetched.",
    NOT_THE_NEXT_LOAD: "The load that is replayed is not the warehouse's next one.",
}
"""The meaning of each code."""

REMEDIES: Mapping[str, str] = {
    EMPTY_STAGING: "clear the task with downstream",
    STAGING_DIFFERS_FROM_REPORT: "clear the task with downstream",
    STAGING_OUTSIDE_WINDOW: "clear curate_prices with downstream",
    STAGING_REPEATS_KEYS: "clear curate_prices with downstream",
    STAGING_OF_ANOTHER_BATCH: "clear the task with downstream",
    FETCHED_LATER: "usually nothing, or clear the whole run",
    WOULD_DELETE_CANDLES: "check with the exchange, then clear the whole run, or use force if the deletion is correct",
    MARKET_RULE_FAILED: "check the data, then change the rule if the data is correct",
    MARKETS_MISSING: "clear plan_load with downstream",
    REMOVED_LATER: "usually nothing, or clear the whole run",
    TOO_MANY_REJECTED: "read the quarantine, then correct the parser, clear the whole run or accept the bad day",
    ROW_RULE_FAILED: "read the quarantine, then correct the parser, clear the whole run or change the rule",
    RAW_OBJECTS_DIFFER: "clear the whole run, which fetches again",
    NOT_THE_NEXT_LOAD: "clear replay_loads of the backfill, or start the rebuild again with an empty warehouse",
}
"""What to do about each code. docs/reference/error-codes.md has the details."""

# A printed message may have an escaped character before the code, such as a line break or a typographic quotation mark.
_CODE = re.compile(
    r"(?:(?<![A-Za-z0-9-])|(?<=\\[abfnrtv])|(?<=\\x[0-9a-fA-F]{2})|(?<=\\u[0-9a-fA-F]{4})|(?<=\\U[0-9a-fA-F]{8}))"
    r"CP-[0-9]{2}(?![0-9])"
)


def find_error_code(text: str) -> str | None:
    """Return the first known code in a text, such as an exception's message or a task's log; None if it has none."""
    return next((code for code in _CODE.findall(text) if code in ERROR_CODES), None)
