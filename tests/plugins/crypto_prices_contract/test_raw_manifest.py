import copy
import json
from dataclasses import replace

import pytest
from crypto_prices_contract.markets import Market
from crypto_prices_contract.raw_manifest import RawManifest, RawManifestError

from tests.support.raw_manifests import MANIFEST


def test_a_manifest_survives_json():
    document = json.loads(json.dumps(MANIFEST.to_json()))
    assert RawManifest.from_json(MANIFEST.uri, document) == MANIFEST
    assert (document["records"], document["surplus"]) == (24, 1)
    assert [entry["outcome"] for entry in document["symbols"]] == ["candles", "no_candles"]


def test_the_content_hash_has_the_markets_names_and_not_the_listings():
    """A load of the same responses under other names is another load. exchangeInfo has the time of its response."""
    renamed = Market("JTOUSDT", "JITO", "USDT")
    assert replace(MANIFEST, markets=(MANIFEST.markets[0], renamed)).content_hash != MANIFEST.content_hash
    assert replace(MANIFEST, listings=()).content_hash == MANIFEST.content_hash


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (["source"], None, "source is None, not a text"),
        (["objects", 0, "records"], "25", "records is '25', not a whole number"),
        (["objects", 0, "surplus"], True, "surplus is True, not a whole number"),
        (["window", "end"], "2023-12-18", "must end after it starts"),
        (["objects", 0, "requested_from"], 0, "requested_from is 0, not a text"),
        (["objects", 0, "version_id"], 1, "version_id is 1, not a text"),
        (["objects", 0, "symbol"], "ETH", r"objects of markets that it does not list: \['BTCUSDT'\]"),
        (["listings"], None, "not a complete raw manifest"),
        (["listings", 0, "status"], "200", "status is '200', not a whole number"),
        (["records"], 25, "counts 25 records, but its objects have 24"),
    ],
)
def test_an_invalid_manifest_is_refused_and_named(path, value, message):
    document = copy.deepcopy(MANIFEST.to_json())
    *above, last = path
    place = document
    for step in above:
        place = place[step]
    place[last] = value
    with pytest.raises(RawManifestError, match=message) as error:
        RawManifest.from_json(MANIFEST.uri, document)
    assert MANIFEST.uri in str(error.value)
