"""The removal of secrets from requests that are shown or logged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote_plus, urlsplit, urlunsplit

REDACTED = "***"

_SECRET_WORDS = re.compile(r"key|secret|token|sign|pass|auth|cookie|credential")
"""Parts of the names of query parameters and headers that carry secrets, for example ``x-cg-demo-api-key`` (CoinGecko),
``X-MBX-APIKEY`` and ``signature`` (Binance), ``CB-ACCESS-PASSPHRASE`` (Coinbase), ``Authorization``."""

_SHORTEST_SECRET = 4
"""Length in characters. Shorter values stay in free text: replacing them would garble messages and protect nothing."""


def is_secret_name(name: str) -> bool:
    """Return whether a query parameter or header with this name carries a secret."""
    return bool(_SECRET_WORDS.search(name.lower()))


def redact_url(url: str) -> str:
    """Return the URL with its user info and the values of its secret query parameters replaced."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{REDACTED}@{host}" if "@" in parts.netloc else host
    query = "&".join(_redact_pair(pair) for pair in parts.query.split("&"))
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


def secret_values(url: str, headers: Mapping[str, str]) -> frozenset[str]:
    """Return the secret values of a request, raw and decoded, so that they can be removed from free text."""
    values = {value for name, value in headers.items() if is_secret_name(name)}
    for pair in urlsplit(url).query.split("&"):
        name, _, value = pair.partition("=")
        if is_secret_name(unquote_plus(name)):
            values |= {value, unquote_plus(value)}
    # A library's exception may contain the repr of a value, with line breaks and quotes escaped.
    values |= {repr(value)[1:-1] for value in values}
    return frozenset(value for value in values if len(value) >= _SHORTEST_SECRET)


def redact_text(text: str, secrets: Iterable[str]) -> str:
    """Return free text, such as an exchange's error message, without the given secret values."""
    # Longest first, so that a secret that contains another one is replaced completely.
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    return text


def _redact_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    return f"{name}={REDACTED}" if equals and value and is_secret_name(unquote_plus(name)) else pair
