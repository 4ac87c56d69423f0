"""The operator that prints the receipt of a number and writes it to the lake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import AirflowFailException

from crypto_prices.aws.redshift_data import Value
from crypto_prices.aws.warehouse_operator import WarehouseOperator
from crypto_prices.plan.check_params import check_params
from crypto_prices.receipts.explain import explain, write_receipt
from crypto_prices.receipts.lake import Lake
from crypto_prices.receipts.question import QuestionError, ask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class ExplainPriceOperator(WarehouseOperator):
    """Prints the receipt of a candle or of a mart's row to the log, and writes it to ``receipts/`` in the lake.

    The statements are in ``receipts/`` in the DAG's ``template_searchpath``. The arguments come from a user and are
    checked before anything else.

    Args:
        market: Such as ``BTC/USDT`` (templated).
        source: Name of a source (templated).
        at: Open time of a candle (templated).
        candle_interval: Length of the candle; empty for the one in the settings (templated).
        mart: A mart, to explain its row instead of a candle (templated).
        day: Day of the mart's row (templated).
        as_of: A time, to explain what the warehouse held then (templated).
    """

    template_fields: Sequence[str] = aws_template_fields(
        "market", "source", "at", "candle_interval", "mart", "day", "as_of"
    )

    def __init__(
        self,
        *,
        market: str,
        source: str,
        at: str = "",
        candle_interval: str = "",
        mart: str = "",
        day: str = "",
        as_of: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.market = market
        self.source = source
        self.at = at
        self.candle_interval = candle_interval
        self.mart = mart
        self.day = day
        self.as_of = as_of

    def execute(self, context: Context) -> str:
        """Return the URI of the receipt.

        Raises:
            AirflowFailException: The question is invalid.
        """
        check_params(context["dag_run"].conf, context["dag"].params)
        try:
            question = ask(
                market=self.market,
                source=self.source,
                at=self.at,
                candle_interval=self.candle_interval or self.settings.candle_interval,
                mart=self.mart,
                day=self.day,
                as_of=self.as_of,
            )
        except QuestionError as error:
            raise AirflowFailException(str(error)) from None
        lake = Lake(self.s3_client, self.settings.s3_bucket)
        receipt = explain(question, lake, self)
        for line in receipt.to_text().splitlines():
            self.log.info("%s", line)
        return write_receipt(receipt, lake)

    def query(self, name: str, **values: Any) -> list[dict[str, Value]]:
        """Return the rows of a statement; see ``evidence.Warehouse``."""
        return self.warehouse.query(self._rendered(name, values))

    def query_batch(self, statements: Sequence[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Value]]:
        """Return the rows of the last statement; see ``evidence.Warehouse``."""
        return self.warehouse.query_batch([self._rendered(name, values) for name, values in statements])

    def _rendered(self, name: str, values: Mapping[str, Any]) -> str:
        template = self.get_template_env().get_template(name)
        return template.render(settings=lambda: self.settings, **values)
