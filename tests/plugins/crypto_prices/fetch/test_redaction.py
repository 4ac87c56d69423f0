import pytest
from crypto_prices.fetch.redaction import redact_text, redact_url, secret_values


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h/p?symbol=BTCUSDT&limit=5", "https://h/p?symbol=BTCUSDT&limit=5"),
        ("https://h/p?x_cg_demo_api_key=abc&ids=a%20b", "https://h/p?x_cg_demo_api_key=***&ids=a%20b"),
        ("https://h/p?apiKey=a=b&signature=ff&timestamp=1", "https://h/p?apiKey=***&signature=***&timestamp=1"),
        ("https://h/p?%61pi%5Fkey=abc", "https://h/p?%61pi%5Fkey=***"),
        ("https://me:pass@h:8/p", "https://***@h:8/p"),
        ("https://h/p?token=&a", "https://h/p?token=&a"),
    ],
)
def test_urls_are_shown_without_secrets(url, shown):
    assert redact_url(url) == shown


def test_only_the_values_of_secret_headers_are_secrets():
    headers = {"X-MBX-APIKEY": "aaaa", "CB-ACCESS-SIGN": "bbbb", "Authorization": "cccc", "Accept": "json"}
    assert secret_values("https://h/p", headers) == {"aaaa", "bbbb", "cccc"}


def test_secrets_are_removed_from_free_text():
    secrets = secret_values("https://h/?api_key=s%2Fcret&symbol=BTCUSDT", {"X-MBX-APIKEY": "hunter2"})
    assert secrets == {"s%2Fcret", "s/cret", "hunter2"}
    assert redact_text("key s/cret (s%2Fcret) or hunter2, BTCUSDT", secrets) == "key *** (***) or ***, BTCUSDT"


def test_a_secret_is_found_as_an_exception_escapes_it():
    header = {"x-cg-demo-api-key": "planted\n'key'"}
    shown = redact_text(f"Invalid header value: {header['x-cg-demo-api-key']!r}", secret_values("https://x", header))
    assert "planted" not in shown
