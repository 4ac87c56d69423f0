from local_aws.redshift.remembered import Translations
from local_aws.redshift.sql import translate
from local_aws.redshift.types import SqlType

TEXT = "SELECT price / 3 AS third FROM crypto.prices"
WIDE, NARROW = (SqlType("decimal", precision=precision, scale=2) for precision in (30, 10))


def tables(**columns):
    return lambda _schema, table: columns if table == "prices" else None


def test_a_remembered_translation_follows_a_change_of_its_table():
    translations = Translations()
    found = []
    for price in (WIDE, NARROW, WIDE):
        found.append(translations.translate(TEXT, tables(price=price)))
        assert found[-1] == translate(TEXT, tables(price=price))
    assert found[0] != found[1]


def test_the_order_of_the_columns_matters():
    translations = Translations()
    text = "SELECT * FROM crypto.prices"
    for columns in ({"price": WIDE, "volume": NARROW}, {"volume": NARROW, "price": WIDE}):
        assert translations.translate(text, tables(**columns)) == translate(text, tables(**columns))


def test_a_table_that_appears_is_noticed():
    translations = Translations()
    text = "SELECT price AS price, price + 1 AS more FROM crypto.prices"
    for columns_of in (lambda *_: None, tables(price=WIDE)):
        assert translations.translate(text, columns_of) == translate(text, columns_of)
