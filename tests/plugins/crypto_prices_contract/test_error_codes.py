import re
from pathlib import Path

from crypto_prices_contract import error_codes
from crypto_prices_contract.error_codes import ERROR_CODES, find_error_code

CODES_OF_THE_GLUE_JOB = {
    error_codes.TOO_MANY_REJECTED,
    error_codes.ROW_RULE_FAILED,
    error_codes.RAW_OBJECTS_DIFFER,
}
MIGRATIONS = Path(__file__).parents[3] / "sql" / "migrations"


def test_the_warehouses_procedures_raise_each_of_the_other_codes_once():
    # A later migration replaces a procedure of the same name.
    procedures = {
        created[1]: text
        for text in (path.read_text() for path in sorted(MIGRATIONS.glob("*.sql")))
        if (created := re.search(r"CREATE OR REPLACE PROCEDURE (\S+)", text))
    }
    del procedures["crypto.remove_candles"]  # A user calls it, no task.
    raised = [
        re.search(r"RAISE EXCEPTION '(\S+) ", line)
        for text in procedures.values()
        for line in text.splitlines()
        if "RAISE EXCEPTION" in line
    ]
    assert all(raised), "an exception without a code"
    assert sorted(found[1] for found in raised) == sorted(set(ERROR_CODES) - CODES_OF_THE_GLUE_JOB)


def test_every_code_has_a_meaning_and_none_is_used_twice():
    codes = [value for name, value in vars(error_codes).items() if name.isupper() and isinstance(value, str)]
    assert sorted(codes) == sorted(ERROR_CODES)
    assert len(set(codes)) == len(codes)


def test_the_first_known_code_of_a_text_is_found():
    assert find_error_code("Error: CP-99 or CP-07 or CP-01") == "CP-07"
    assert find_error_code("no code") is None
