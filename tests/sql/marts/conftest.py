"""The marts of a warehouse without candles."""

from __future__ import annotations

import pytest

from local_aws.redshift.warehouse import Warehouse
from tests.support.data_api import Client
from tests.support.mart_refreshes import Marts


@pytest.fixture
def marts(session_client: Client, warehouse: Warehouse) -> Marts:
    """Return empty marts."""
    found = Marts(session_client, warehouse)
    found.empty()
    return found
