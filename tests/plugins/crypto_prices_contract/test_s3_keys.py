from datetime import date

import pytest
from crypto_prices_contract import s3_keys
from crypto_prices_contract.window import Window

WINDOW = Window.parse("2023-12-08", "2024-01-01")


def test_each_zone_has_its_keys():
    attempt = s3_keys.raw_attempt_prefix("binance", WINDOW, "a1")
    assert attempt == "raw/crypto_prices/source=binance/year=2023/month=12/day=08/window=20231208-20240101/attempt=a1/"
    assert s3_keys.raw_object_key(attempt, "BTCUSDT", 1) == f"{attempt}BTCUSDT-0001.json.gz"
    assert s3_keys.raw_manifest_key(attempt) == f"{attempt}manifest.json"
    assert s3_keys.curated_version_prefix("jr_1") == "curated/crypto_prices/version=jr_1/"
    day = "curated/crypto_prices/version=jr_1/year=2023/month=12/day=08/"
    assert s3_keys.curated_day_prefix("jr_1", date(2023, 12, 8)) == day
    assert s3_keys.quarantine_prefix("jr_1") == "quarantine/crypto_prices/version=jr_1/"
    assert s3_keys.copy_manifest_key("jr_1") == "curated/_manifests/jr_1/copy_manifest.json"
    assert s3_keys.quality_report_key("jr_1") == "curated/_manifests/jr_1/quality_report.json"
    assert s3_keys.curation_report_key("jr_1") == "curated/_manifests/jr_1/curation_report.json"
    assert s3_keys.load_record_key(431) == "loads/000000000431.json"
    assert s3_keys.partition_values(date(2023, 12, 8)) == ["2023", "12", "08"]


def test_a_key_has_no_colon():
    assert s3_keys.raw_object_key("raw/", "tDOGE:USD", 2) == "raw/tDOGE_USD-0002.json.gz"


def test_a_uri_is_split_into_its_bucket_and_key():
    assert s3_keys.split_s3_uri(s3_keys.s3_uri("lake", "raw/x.json")) == ("lake", "raw/x.json")


@pytest.mark.parametrize("uri", ["", "lake/raw/x", "s3://lake", "s3://lake/", "https://lake/x"])
def test_a_uri_that_is_not_an_objects_is_refused(uri):
    with pytest.raises(ValueError, match="not the s3:// URI of an object"):
        s3_keys.split_s3_uri(uri)
