import pytest
from crypto_prices.fetch.request_retry_policy import RequestRetryPolicy


def test_invalid_bounds_are_refused():
    with pytest.raises(ValueError, match="max_attempts"):
        RequestRetryPolicy(max_attempts=0)
    with pytest.raises(ValueError, match="deadline_seconds"):
        RequestRetryPolicy(deadline_seconds=float("inf"))
