import pytest

from local_aws.redshift.remembered import Translations
from local_aws.redshift.sql import translate
from local_aws.redshift.types import SqlType

WIDE, NARROW = (SqlType("numeric", precision=precision, scale=2) for precision in (30, 10))


def tables(columns):
    return lambda _schema, table: columns if table == "prices" else None


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("SELECT price / price AS one FROM crypto.prices", {"price": WIDE}, {"price": NARROW}),
        ("SELECT price + 1 AS more, more * 2 AS double FROM crypto.prices", {"price": WIDE},
         {"price": WIDE, "more": WIDE}),
        ("SELECT price / price AS one FROM crypto.prices", None, {"price": WIDE}),
    ],
    ids=["another type", "a new column", "a new table"],
)  # fmt: skip
def test_a_remembered_translation_follows_a_change_of_its_table(text, first, second):
    translations = Translations()
    found = []
    for columns in (first, first, second, first):
        found.append(translations.translate(text, tables(columns)))
        assert found[-1] == translate(text, tables(columns))
    assert found[1] != found[2]
