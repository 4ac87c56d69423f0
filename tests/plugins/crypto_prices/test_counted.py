import pytest
from crypto_prices.counted import counted


@pytest.mark.parametrize(("number", "text"), [(0, "0 days"), (1, "1 day"), (2, "2 days")])
def test_only_one_is_singular(number, text):
    assert counted(number, "day") == text
