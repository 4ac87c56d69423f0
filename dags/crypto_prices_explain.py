"""Explains a number: prints its receipt and writes it to the lake."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from airflow.sdk import DAG, Param
from crypto_prices.fetch.sources import known_sources
from crypto_prices.load_window import load_window_dag_arguments
from crypto_prices.receipts.explain_price import ExplainPriceOperator
from crypto_prices.receipts.question import MARTS

SQL_FOLDER = Path(__file__).parent / "sql"

DOCS = """
### Where does this number come from?

Prints the receipt of a candle to the log of `explain_price`, and writes it as JSON to `receipts/` in the lake. Each
link between the exchange's response and the number is checked independently of the code that loaded it. The receipt
names a link that is broken, and says what it cannot show.

It also explains a candle that is missing, a candle as the warehouse held it at an earlier time (`as_of`), and a row of
a mart (`mart` and `day` instead of `at`). The DAG changes neither the warehouse nor any other object
(docs/how-to/explain-a-number.md).
"""

with DAG(
    dag_id="crypto_prices_explain",
    dag_display_name="6. crypto_prices_explain: where a number comes from",
    description="The receipt of a number: each step from the exchange's response to the warehouse, checked again",
    doc_md=DOCS,
    schedule=None,
    catchup=False,
    max_active_runs=16,
    is_paused_upon_creation=False,
    dagrun_timeout=timedelta(hours=1),
    tags=["crypto_prices", "for analysts"],
    params={
        "market": Param(type="string", maxLength=49, description="Base and quote, such as BTC/USDT"),
        "at": Param(
            None, type=["null", "string"], maxLength=32, description="Open time of the candle, UTC: 2024-01-05T13:00"
        ),
        "source": Param(type="string", enum=known_sources(), description="Source of the candle"),
        "interval": Param(
            None,
            type=["null", "string"],
            maxLength=8,
            description="Length of the candle, such as 1h, instead of the one in the settings",
        ),
        "as_of": Param(
            None,
            type=["null", "string"],
            maxLength=32,
            description="Explain what the warehouse held at this time, UTC, instead of now",
        ),
        "mart": Param(
            None, type=["null", "string"], enum=[None, *MARTS], description="Explain a row of this mart, not a candle"
        ),
        "day": Param(None, type=["null", "string"], format="date", description="Day of the mart's row"),
    },
    **load_window_dag_arguments(SQL_FOLDER),
):
    ExplainPriceOperator(
        task_id="explain_price",
        market="{{ params.market }}",
        source="{{ params.source }}",
        at="{{ params.at or '' }}",
        candle_interval="{{ params.interval or '' }}",
        mart="{{ params.mart or '' }}",
        day="{{ params.day or '' }}",
        as_of="{{ params.as_of or '' }}",
        doc_md="Prints the receipt, and writes it to `receipts/` in the lake. The result is its URI.",
    )
