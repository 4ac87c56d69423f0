"""Requests as they are shown and logged: without their secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote_plus, urlsplit, urlunsplit

REDACTED = "***"

_SECRET_WORDS = re.compile(r"key|secret|token|sign|pass|auth|cookie|credential")
"""Parts of the names of query parameters and headers that carry secrets, for example ``x-cg-demo-api-key`` (CoinGecko),
``X-MBX-APIKEY`` and ``signature`` (Binance), ``CB-ACCESS-PASSPHRASE`` (Coinbase), ``Authorization``."""

_SHORTEST_SECRET = 4
"""A shorter value is not searched for in free text: it would blot out half of the message and protect nothing."""


def is_secret_name(name: str) -> bool:
    """Whether a query parameter or a header of this name carries a secret."""
    return bool(_SECRET_WORDS.search(name.lower()))


def redact_url(url: str) -> str:
    """Return the URL with user info and the values of secret query parameters replaced; the rest is left as it is."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{REDACTED}@{host}" if "@" in parts.netloc else host
    query = "&".join(_redact_pair(pair) for pair in parts.query.split("&"))
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers with the values of the secret ones replaced."""
    return {name: REDACTED if is_secret_name(name) else value for name, value in headers.items()}


def secret_values(url: str, headers: Mapping[str, str]) -> frozenset[str]:
    """Return the secret values of a request, raw and decoded, so that they can be taken out of free text."""
    values = {value for name, value in headers.items() if is_secret_name(name)}
    for pair in urlsplit(url).query.split("&"):
        name, _, value = pair.partition("=")
        if is_secret_name(unquote_plus(name)):
            values |= {value, unquote_plus(value)}
    # An exception of a library may quote a value as Python writes it, with its line breaks and quotes escaped.
    values |= {repr(value)[1:-1] for value in values}
    return frozenset(value for value in values if len(value) >= _SHORTEST_SECRET)


def redact_text(text: str, secrets: Iterable[str]) -> str:
    """Return free text, such as an exchange's error message, without the given secret values."""
    # Longest first, so that a secret that contains another one is replaced as a whole.
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    return text


def _redact_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    return f"{name}={REDACTED}" if equals and value and is_secret_name(unquote_plus(name)) else pair
