"""The statements of a load of one day, and of the marts' refresh after it, rendered as the tasks of the DAGs do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any

import jinja2
from crypto_prices.marts.refresh import Refresh
from crypto_prices.quality_rules import quality_rules
from crypto_prices.templates import FILTERS, MACROS
from crypto_prices.xcom.batch import Batch
from crypto_prices.xcom.fetched_source import FetchedSource
from crypto_prices_contract.curation_report import REPORT_VERSION, CurationReport, RowRuleResult, SourceCounts
from crypto_prices_contract.row_rules import ROW_RULES
from crypto_prices_contract.stored_objects import StoredDocument
from crypto_prices_contract.window import Window

from local_platform.checkout import REPOSITORY

SOURCE = "binance"
CANDLE_INTERVAL = "1h"
CANDLES_OF_A_DAY = 24
_DAG_ID = "crypto_prices_daily"


class DayLoad:
    """One run's load of a day with all hourly candles of some markets.

    Args:
        day: The day.
        markets: Canonical names of the markets, such as ``BTC/USDT``.
        run_id: The run. Two runs load the same day under different names.
        fetched_at: When the run fetched the candles, UTC.
        load_number: The number that the warehouse gives to the load. Only the marts' refresh needs it.
    """

    def __init__(
        self, day: date, markets: Sequence[str], run_id: str, fetched_at: datetime, *, load_number: int = 1
    ) -> None:
        self.window = Window.of_day(day)
        rows = CANDLES_OF_A_DAY * len(markets)
        manifest = f"s3://crypto-prices-lake/raw/{SOURCE}/{CANDLE_INTERVAL}/{day}/{run_id}/manifest.json"
        source = FetchedSource(
            source=SOURCE,
            candle_interval=CANDLE_INTERVAL,
            raw_manifest=manifest,
            content_hash="a" * 64,
            records=rows,
            markets=sorted(markets),
            gaps=[],
            incomplete={},
            fetched_at=f"{fetched_at:%Y-%m-%dT%H:%M:%SZ}",
        )
        batch = Batch.of_run(_DAG_ID, run_id, self.window, [source])
        self.market_set = source.market_set
        self.staging_table = batch.staging_table
        self.batch_id = batch.attempt_id(1)
        report = CurationReport(
            report_version=REPORT_VERSION,
            batch_id=self.batch_id,
            job_run_id=f"jr_{batch.batch_id}",
            code_digest="c" * 64,
            window=self.window,
            raw_manifests=(manifest,),
            sources={SOURCE: SourceCounts(fetched=rows, curated=rows, quarantined={}, duplicates=0)},
            refused=(),
            copy_manifest=StoredDocument(
                f"s3://crypto-prices-lake/curated/_manifests/jr_{batch.batch_id}/copy_manifest.json",
                version_id=None,
                etag="e" * 32,
                sha256="a" * 64,
            ),
            curated_files=(),
            quarantine=None,
            days={},
            row_rules=tuple(RowRuleResult(SOURCE, rule, actions[0], rows, 0) for rule, actions in ROW_RULES.items()),
            quarantined_candles=(),
        )
        results: dict[str, Any] = {
            "resolve_window": [{"source": SOURCE, "window_start": batch.window_start, "window_end": batch.window_end}],
            "fetch_prices": [asdict(source)],
            "plan_load": batch.as_xcom(),
            "read_curation_report": report.to_json(),
        }
        settings = SimpleNamespace(rules=quality_rules({}), max_rejected_share=0.01)
        refresh = Refresh(
            full=False,
            after_load=load_number - 1,
            through_load=load_number,
            first_day=batch.window_start,
            end_day=batch.window_end,
            reason="",
        )
        self._values = MACROS | {
            "refresh": lambda _ti: refresh,
            "marts_digest": lambda: "d" * 64,
            "ti": SimpleNamespace(xcom_pull=lambda task_ids, **_: results[task_ids]),
            "dag": SimpleNamespace(fileloc=str(REPOSITORY / "dags" / f"{_DAG_ID}.py")),
            "dag_run": SimpleNamespace(dag_id=_DAG_ID, run_id=run_id, triggering_user_name=None),
            "params": {
                "force": False,
                "accepted_sources": None,
                "start": batch.window_start,
                "end": batch.window_end,
            },
            "settings": lambda: settings,
        }

    def sql(self, files: Iterable[str]) -> list[str]:
        """Return statements of this load.

        Args:
            files: Names of files under sql/, such as ``load/lock_loads.sql``.
        """
        return [_TEMPLATES.get_template(name).render(self._values) for name in files]


_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(REPOSITORY / "sql"),
    undefined=jinja2.StrictUndefined,
    autoescape=False,  # noqa: S701 - SQL, not HTML; values go through the literal filter
)
_TEMPLATES.filters |= FILTERS
