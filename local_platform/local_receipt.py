"""Makes receipts of numbers in the local warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from crypto_prices.aws.redshift_data import RedshiftStatementError
from crypto_prices.receipts.explain import explain, write_receipt
from crypto_prices.receipts.lake import Lake
from crypto_prices.receipts.question import Question
from crypto_prices.receipts.receipt import Receipt
from crypto_prices.settings import Settings

from local_aws.clients import local_client, local_session
from local_platform.names import Provisioned
from local_platform.provisioned_settings import provisioned_settings
from local_platform.warehouse_address import WarehouseAddress
from local_platform.warehouse_queries import WarehouseQueries, WarehouseQueryError


def local_receipt(question: Question, names: Provisioned | WarehouseAddress) -> tuple[Receipt, str]:
    """Write the receipt of a number to the local lake; return it with its URI.

    Args:
        question: The number.
        names: The running local AWS.

    Raises:
        NoWarehouseError: The local AWS has no settings.
        RedshiftStatementError: A statement failed.
        WarehouseQueryError: A query failed or timed out.
    """
    settings = provisioned_settings(names)
    s3 = local_client("s3", names.endpoint, local_session(region=names.region))
    lake = Lake(s3, settings.s3_bucket)
    receipt = explain(question, lake, _LocalWarehouse(WarehouseQueries(names), settings))
    return receipt, write_receipt(receipt, lake)


class _LocalWarehouse:
    """Runs the receipts' statements in the local warehouse.

    Args:
        queries: The warehouse.
        settings: The bundle's settings.
    """

    def __init__(self, queries: WarehouseQueries, settings: Settings) -> None:
        self._queries = queries
        self._settings = settings

    def query(self, name: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a statement; see ``evidence.Warehouse``."""
        return self._queries.answer(name, settings=lambda: self._settings, **values)

    def query_batch(self, statements: Sequence[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
        """Return the rows of the last statement; see ``evidence.Warehouse``."""
        filled = [(name, {"settings": lambda: self._settings, **values}) for name, values in statements]
        try:
            return self._queries.answer_batch(filled)
        except WarehouseQueryError as error:
            # A receipt reports what COPY says about a damaged file.
            if isinstance(error.__cause__, RedshiftStatementError):
                raise error.__cause__ from None
            raise
