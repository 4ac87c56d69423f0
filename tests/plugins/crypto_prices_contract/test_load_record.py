import copy
import json
from dataclasses import replace

import pytest
from crypto_prices_contract.load_record import LoadRecord, LoadRecordError, record_digest
from crypto_prices_contract.stored_objects import StoredDocument

from tests.support.load_records import LOAD, REMOVAL

MISSING = replace(
    LOAD, sources=(replace(LOAD.sources[0], raw_manifest=StoredDocument("s3://lake/gone", None, None, None)),)
)


@pytest.mark.parametrize("record", [LOAD, REMOVAL, MISSING, replace(LOAD, load_number=1, previous=None)])
def test_a_record_survives_its_bytes(record):
    assert LoadRecord.from_bytes("s3://lake/loads/2.json", record.to_bytes()) == record


def test_a_record_names_the_bytes_before_it():
    """Any changed byte of a record is noticed in the next one."""
    content = LOAD.to_bytes()
    assert record_digest(content) == record_digest(LoadRecord.from_bytes("", content).to_bytes())
    assert record_digest(content) != record_digest(content.replace(b"4821", b"4822"))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["record_version"], 2, "not a version 1 load record"),
        (["dataset"], "other", "not a version 1 load record"),
        (["load_number"], "2", "load_number is '2', not a whole number"),
        (["forced"], 0, "forced is 0, not true or false"),
        (["kind"], "audit", "kind is 'audit', not one of load, removal"),
        (["window", "end"], "2023-12-18", "must end after it starts"),
        (["sources", 0, "markets"], [1], "markets is 1, not a text"),
        (["sources", 0, "raw_manifest", "uri"], None, "uri is None, not a text"),
        (["sources", 0, "raw_manifest"], None, "a source of the load has no raw manifest"),
        (["sources", 0, "objects"], [{}], "not a complete load record: KeyError"),
        (["curated", 0, "bytes"], True, "bytes is True, not a whole number"),
        (["rules"], [], r"rules is \[\], not an object"),
        (["sources"], [], "it has no source"),
        (["kind"], "removal", "it is a removal, but removal is None"),
        (["previous"], None, "record 2 has the previous record None"),
        (["previous", "load_number"], 2, "record 2 follows record 2"),
    ],
)
def test_an_invalid_record_is_refused_and_named(path, value, message):
    document = copy.deepcopy(LOAD.to_json())
    *above, last = path
    place = document
    for step in above:
        place = place[step]
    place[last] = value
    with pytest.raises(LoadRecordError, match=f"^s3://lake/2.json .*{message}"):
        LoadRecord.from_bytes("s3://lake/2.json", json.dumps(document).encode())


@pytest.mark.parametrize(("content", "message"), [(b"{", "is not JSON"), (b"[]", "is not a JSON object")])
def test_bytes_that_are_not_a_record_are_refused(content, message):
    with pytest.raises(LoadRecordError, match=message):
        LoadRecord.from_bytes("s3://lake/2.json", content)
