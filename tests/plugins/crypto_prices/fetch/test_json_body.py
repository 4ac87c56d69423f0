import pytest
from crypto_prices.fetch.json_body import parse_json


@pytest.mark.parametrize(
    "body", [b"NaN", b"[Infinity]", b"\xff", b"", b"<html>", b"[1", b"\xef\xbb\xbf[]", b"1" * 5000]
)
def test_invalid_json_is_refused(body):
    with pytest.raises(ValueError):  # noqa: PT011 - the subclasses differ
        parse_json(body)


@pytest.mark.parametrize("number", [b"1" * 1001, b"-" + b"1" * 1000, b"0." + b"1" * 999, b"1" * 999 + b"e1"])
def test_a_number_that_the_glue_job_cannot_read_is_refused(number):
    with pytest.raises(ValueError, match="it contains a number of 1001 characters"):
        parse_json(b"[" + number + b"]")
    parse_json(b"[" + number.replace(b"1", b"", 1) + b"]")


@pytest.mark.parametrize("body", [b'{"a":1,"b":2,"a":1}', b'[{"b":{"a":1,"\\u0061":2}}]'])
def test_a_name_twice_in_an_object_is_refused(body):
    with pytest.raises(ValueError, match='it contains "a" twice in one object'):
        parse_json(body)
