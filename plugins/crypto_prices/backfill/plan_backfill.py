"""The operator that plans the windows of a backfill and estimates their cost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.glue import GlueJobHook
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.providers.common.compat.sdk import AirflowFailException, conf
from crypto_prices_contract.window import Window, WindowError

from crypto_prices.aws.redshift_data import Value
from crypto_prices.aws.warehouse_operator import WarehouseOperator
from crypto_prices.backfill.loaded_days import find_loads
from crypto_prices.backfill.plan_rebuild import plan_rebuild
from crypto_prices.backfill.plan_text import plan_as_text
from crypto_prices.backfill.price import price_of
from crypto_prices.backfill.read_glue_job import read_glue_job
from crypto_prices.backfill.rebuild import RebuildError
from crypto_prices.backfill.window_run import window_run
from crypto_prices.backfill.windows_to_load import RequestSize, windows_to_load
from crypto_prices.fetch.errors import FatalSourceError
from crypto_prices.fetch.sources import get_source
from crypto_prices.fetch.sources.base import refuse_unclosed
from crypto_prices.plan.ask_exchanges import ask_exchanges
from crypto_prices.plan.check_params import ParamError, check_params
from crypto_prices.plan.check_sources import check_sources
from crypto_prices.settings import SettingsError, select_symbols

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


LEFT_OUT = "left_out"
"""The XCom with the sources that the plan lacks, and the reasons; it does not exist if there are none."""

REBUILD = "rebuild_plan"
"""The XCom with the plan of a rebuild; it does not exist if the backfill asks the exchanges."""


class PlanBackfillOperator(WarehouseOperator):
    """Plans the windows of a backfill, and logs the plan with its cost.

    The task returns one item per window, ``{"trigger_run_id", "conf"}``, over which TriggerDagRunOperator is mapped.
    There are no items if ``plan_only`` is set or all days are loaded. The XCom ``plan`` has the plan as text.

    A source whose exchange does not name its markets is left out, and ``check_backfill`` fails.

    The statements are in ``backfill/`` in the DAG's ``template_searchpath``.

    Args:
        start: First day (ISO, templated), included.
        end: Day after the last (ISO, templated), excluded.
        sources: JSON list of the sources to load (templated); empty for all in the settings.
        symbols: JSON list of the exchange symbols to load (templated); empty for all in the settings.
        chunk_days: Longest window, in days (templated).
        reload: JSON boolean (templated): load even what the warehouse already holds.
        plan_only: JSON boolean (templated): show the plan and return nothing.
        from_raw: JSON boolean (templated): rebuild the whole warehouse from the lake, without asking an exchange. The
            task then returns no items, and ``replay_loads`` reads the plan in the XCom ``rebuild_plan``.
    """

    template_fields: Sequence[str] = aws_template_fields(
        "start", "end", "sources", "symbols", "chunk_days", "reload", "plan_only", "from_raw"
    )

    def __init__(
        self,
        *,
        start: str,
        end: str,
        sources: str,
        symbols: str,
        chunk_days: str,
        reload: str,
        plan_only: str,
        from_raw: str = "false",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.start = start
        self.end = end
        self.sources = sources
        self.symbols = symbols
        self.chunk_days = chunk_days
        self.reload = reload
        self.plan_only = plan_only
        self.from_raw = from_raw

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return the runs to trigger.

        Raises:
            AirflowFailException: The settings or the params are invalid, an exchange does not list a symbol, or there
                are more windows than Airflow can map a task over. A retry would not help.
            RetryableSourceError: No exchange named its markets. Airflow retries the task.
        """
        try:
            check_params(context["dag_run"].conf, context["dag"].params)
            if json.loads(self.from_raw):
                return self._plan_rebuild(context)
            settings = self.settings
            check_sources(settings)
            if not (self.start and self.end):
                raise ParamError("start and end are missing: trigger the DAG again with the days to load")
            span = Window.parse(self.start, self.end)
            refuse_unclosed(span, datetime.now(UTC))
            chosen = select_symbols(settings, json.loads(self.sources), json.loads(self.symbols))
            asked = ask_exchanges(settings, chosen)
        except (ParamError, SettingsError, WindowError, FatalSourceError, RebuildError) as error:
            raise AirflowFailException(str(error)) from error
        markets, left_out = asked.markets, asked.left_out_text
        chosen = {name: symbols for name, symbols in chosen.items() if name not in asked.left_out}
        if left_out:
            context["ti"].xcom_push(key=LEFT_OUT, value=left_out)
        sources = {name: get_source(name, settings.sources[name].api_url) for name in chosen}
        reload, plan_only = json.loads(self.reload), json.loads(self.plan_only)
        plan = windows_to_load(
            span,
            chunk_days=int(self.chunk_days),
            reload=reload,
            markets=markets,
            loads=[] if reload else find_loads(self._query, span, settings.candle_interval),
            interval=next(iter(sources.values())).interval_length(settings.candle_interval),
            request_sizes={
                name: RequestSize(source.rows_per_request, source.bytes_per_record) for name, source in sources.items()
            },
            glue=read_glue_job(self._glue_client(), settings.glue_job_name),
        )
        most = conf.getint("core", "max_map_length")
        if len(plan.windows) > most:
            raise AirflowFailException(
                f"the days [{span.start}, {span.end}) need {len(plan.windows)} windows with chunk_days "
                f"{self.chunk_days}, but a run can start at most {most} (Airflow's core.max_map_length): set a larger "
                "chunk_days, or load fewer days at a time"
            )
        price = price_of(plan.windows, plan.glue, settings.prices)
        text = "\n".join(filter(None, (plan_as_text(plan, price), left_out)))
        context["ti"].xcom_push(key="plan", value=text)
        self.log.info("%s", text)
        if plan_only:
            self.log.info("This is a dry run, so nothing is started")
            return []
        starter = context["dag_run"]
        return [window_run(starter.dag_id, starter.run_id, window, chosen, reload=reload) for window in plan.windows]

    def _plan_rebuild(self, context: Context) -> list[dict[str, Any]]:
        given = [name for name in ("start", "end") if getattr(self, name)]
        given += [name for name in ("sources", "symbols", "reload") if json.loads(getattr(self, name))]
        if given:
            raise ParamError(
                f"from_raw rebuilds the whole warehouse, and takes markets and days from the lake, but "
                f"{', '.join(given)} is set: trigger the DAG again without it"
            )
        logged = self.warehouse.query(self.get_template_env().get_template("rebuild/find_logged_loads.sql").render())
        rebuild, text = plan_rebuild(self.s3_client, self.settings.s3_bucket, logged)
        context["ti"].xcom_push(key="plan", value=text)
        self.log.info("%s", text)
        if json.loads(self.plan_only):
            self.log.info("This is a dry run, so nothing is started")
        else:
            context["ti"].xcom_push(key=REBUILD, value=rebuild.as_xcom())
        return []

    def _query(self, name: str, days: Window) -> list[dict[str, Value]]:
        return self.warehouse.query(self.get_template_env().get_template(name).render(params=days))

    def _glue_client(self) -> Any:
        return GlueJobHook(aws_conn_id=self.aws_conn_id, region_name=self.region_name).conn
