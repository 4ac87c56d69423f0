from types import SimpleNamespace

import pytest
from crypto_prices.aws.console_links import RedshiftWorkgroupLink, S3PrefixLink, redshift_workgroup_url, s3_prefix_url


@pytest.mark.parametrize(
    ("region", "console"),
    [
        ("eu-central-1", "https://console.aws.amazon.com"),
        ("cn-north-1", "https://console.amazonaws.cn"),
        ("us-gov-west-1", "https://console.amazonaws-us-gov.com"),
    ],
)
def test_each_partition_has_its_console(region, console):
    assert s3_prefix_url(region, "s3://lake/raw/") == f"{console}/s3/buckets/lake?region={region}&prefix=raw/"
    assert (
        redshift_workgroup_url(region, "crypto-prices")
        == f"{console}/redshiftv2/home?region={region}#serverless-workgroup?workgroup=crypto-prices"
    )


def test_an_objects_uri_links_to_its_quoted_prefix():
    uri = "s3://lake/raw/source=binance/manifest.json"
    assert s3_prefix_url("us-east-1", uri).endswith("/s3/buckets/lake?region=us-east-1&prefix=raw/source%3Dbinance/")
    assert redshift_workgroup_url("us-east-1", "a&b").endswith("?workgroup=a%26b")


def operator(**attributes):
    return SimpleNamespace(hook=SimpleNamespace(conn_region_name="us-east-1"), **attributes)


def test_a_task_that_ended_early_has_no_link():
    assert S3PrefixLink().get_link(operator(s3_uri=None), ti_key=None) == ""
    unrendered = operator(workgroup_name="{{ settings().redshift_workgroup }}")
    assert RedshiftWorkgroupLink().get_link(unrendered, ti_key=None) == ""


def test_a_task_with_a_prefix_has_a_link():
    assert "prefix=raw/" in S3PrefixLink().get_link(operator(s3_uri="s3://lake/raw/x"), ti_key=None)
    assert "workgroup=w" in RedshiftWorkgroupLink().get_link(operator(workgroup_name="w"), ti_key=None)
