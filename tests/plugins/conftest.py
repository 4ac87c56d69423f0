import pytest


@pytest.fixture(autouse=True)
def settings_are_read_anew():
    """Settings are kept for some seconds; one test's must not be another's."""
    from crypto_prices import settings

    settings._load_settings.cache_clear()
