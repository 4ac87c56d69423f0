"""The page in a real browser, with the answers of tests/support/page_answers.py instead of an Airflow."""

import json
import re
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from airflow.api_fastapi.core_api import openapi
from airflow.dag_processing.dagbag import DagBag
from crypto_prices.page.documents import page_documents
from crypto_prices.page.snapshot import Snapshot

from dev.report.html_file import self_contained
from tests.support.browser import AIRFLOW, PageInAirflow
from tests.support.page_answers import AROUND, page_answers

DAGS = Path(__file__).parents[4] / "dags"
ANSWERS = page_answers()
DOCUMENTS = {path.rpartition("/")[2]: answer["value"] for path, answer in ANSWERS.items() if "/xcomEntries/" in path}
VIEWS = ("status", "coverage", "prices", "loads")
HOSTILE = "<img src=x onerror=document.title='hacked'>"
ON_A_PHONE = {"width": 390, "height": 844}


@pytest.fixture
def context(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900}, timezone_id="Pacific/Auckland")
    yield context
    context.close()


@pytest.fixture
def served(context):
    served = PageInAirflow(context, ANSWERS)
    # The day after the newest load.
    served.page.clock.set_fixed_time(datetime(2023, 12, 19, 9, tzinfo=UTC))
    return served


@pytest.fixture(scope="module")
def explain_params():
    """Return the params of the DAG that prints a receipt."""
    return set(DagBag(dag_folder=DAGS / "crypto_prices_explain.py").dags["crypto_prices_explain"].params)


@cache
def airflow_routes():
    """Return the routes of Airflow's REST API, from the specification in the installed version."""
    specification = Path(openapi.__file__).with_name("v2-rest-api-generated.yaml")
    return yaml.load(specification.read_text(), yaml.CSafeLoader)["paths"]


def text_of(page):
    return page.inner_text("main")


def tile(page, name):
    return page.inner_text(f".tile:has(dt:text-is('{name}'))")


def cells_of(page, source):
    """Return the cells of the chosen day's row of a source, by head."""
    heads = page.locator("section table.rows thead th").all_inner_texts()
    row = page.locator(f"section table.rows tbody tr:has(th:text-is('{source}'))")
    return dict(zip(heads, row.locator("th, td").all_inner_texts(), strict=True))


def days_with(source, day, **values):
    """Return the status's days, one of them with other values."""
    return [
        {**each, **values} if (each["source"], each["day"]) == (source, day) else each
        for each in json.loads(DOCUMENTS["status"])["days"]
    ]


def cut_coverage(days):
    """Return members of the coverage: the first days of the first market, and one range. Older ranges were left out."""
    markets = json.loads(DOCUMENTS["coverage_2023"])["markets"]
    markets[0]["days"] = days + markets[0]["days"][len(days) :]
    return {
        "markets": markets,
        "gaps": [[0, "2023-12-10T00:00", "2023-12-10T01:00", 1, "venue_down"]],
        "gaps_left_out": 7,
    }


class TestViews:
    def test_status_shows_each_day_of_each_source_and_what_to_look_at(self, served):
        page = served.open("status")
        assert page.locator("table.matrix tbody tr").count() == 4
        assert page.locator(".cell[data-state=failed]").count() == 1
        assert "1 failed" in text_of(page)
        page.click("text=coingecko, 2023-12-17: failed", force=True)
        row = page.locator("tr", has=page.locator(".state[data-state=failed]")).last
        links = row.locator("a").evaluate_all("links => links.map(link => link.pathname)")
        run = "/base/dags/crypto_prices_daily/runs/manual__2023-12-17"
        assert run in links
        assert any(link.startswith(f"{run}/tasks/fetch_prices/mapped/") for link in links)
        assert "docs/how-to/troubleshoot.md#fetch_prices" in row.inner_text()
        assert served.problems == []

    def test_a_source_that_was_loaded_although_another_failed_is_not_shown_as_failed(self, served):
        page = served.open("status")
        page.click("text=binance, 2023-12-17: loaded", force=True)
        row = page.locator("section table.rows tbody tr").first
        assert "loaded" in row.inner_text()
        assert "failed run" in row.inner_text()
        # It is red because of the other source.
        assert "require_sources" not in row.inner_text()

    @pytest.mark.parametrize(
        ("values", "why"),
        [
            ({"status": "merged"}, "counts differ between the steps"),
            ({"published": False}, "not published"),
            ({"missing": {"rows_missing": 3}}, "3 rows are missing from the table without a reason"),
        ],
    )
    def test_a_load_that_is_not_right_is_not_shown_as_loaded(self, served, values, why):
        served.change("status", days=days_with("binance", "2023-12-18", **values))
        page = served.open("status")
        assert page.locator("[data-of='2023-12-18'][data-state=partial]").count() == 1
        assert "partial" in cells_of(page, "binance")["State"]
        assert why in " ".join(cells_of(page, "binance").values())
        assert "need a look" in tile(page, "Days of sources")

    def test_a_load_whose_counts_reconcile_refused_is_not_shown_as_loaded(self, served):
        (path,) = (
            path for path in served.answers if "crypto_prices_daily/dagRuns/~/taskInstances?state=failed" in path
        )
        red, *others = served.answers[path]["task_instances"]
        reconcile = red | {"task_id": "reconcile", "map_index": -1, "rendered_map_index": None}
        served.answers[path] = {"task_instances": [reconcile, *others]}
        page = served.open("status")
        page.click("text=binance, 2023-12-17: partial", force=True)
        assert "reconcile failed" in cells_of(page, "binance")["Loaded"]

    @pytest.mark.parametrize("state", ["failed", "success", "running"])
    def test_a_later_run_does_not_hide_that_reconcile_failed(self, served, state):
        """The later run has loaded nothing: its fetch failed, or the content was loaded already."""
        (path,) = (path for path in served.answers if "crypto_prices_daily/dagRuns?" in path)
        (first,) = (run for run in served.answers[path]["dag_runs"] if run["dag_run_id"] == "manual__2023-12-18")
        second = first | {"dag_run_id": "again__2023-12-18", "state": state, "run_after": "2023-12-19T06:00:00Z"}
        served.answers[path] = {"dag_runs": [second, *served.answers[path]["dag_runs"]]}
        (path,) = (
            path for path in served.answers if "crypto_prices_daily/dagRuns/~/taskInstances?state=failed" in path
        )
        task = {"dag_id": "crypto_prices_daily", "map_index": -1, "rendered_map_index": None}
        served.answers[path] = {
            "task_instances": [
                task | {"dag_run_id": "again__2023-12-18", "task_id": "resolve_window"},
                task | {"dag_run_id": "manual__2023-12-18", "task_id": "reconcile"},
            ]
        }
        page = served.open("status")
        cells = cells_of(page, "binance")
        assert "partial" in cells["State"]
        assert "reconcile failed" in cells["Loaded"]
        links = page.locator("section table.rows tbody tr").first.locator("a")
        assert any(
            link.endswith("/manual__2023-12-18/tasks/reconcile")
            for link in links.evaluate_all("links => links.map(link => link.pathname)")
        )

    def test_a_source_without_a_candle_is_the_worst(self, served):
        sources = json.loads(DOCUMENTS["status"])["sources"]
        served.change(
            "status", sources=[each | ({"newest": None} if each["source"] == "bitstamp" else {}) for each in sources]
        )
        page = served.open("status")
        assert "bitstamp has no candle in 14 days" in tile(page, "Freshness")
        assert page.locator(".tile .figure.poor", has_text="late").count() == 1

    def test_the_tile_names_the_source_with_the_oldest_candle(self, served):
        sources = json.loads(DOCUMENTS["status"])["sources"]
        served.change("status", sources=[
            each | ({"newest": "2023-12-15T23:00"} if each["source"] == "coinbase" else {}) for each in sources
        ])  # fmt: skip
        assert "coinbase" in tile(served.open("status"), "Freshness")

    def test_a_source_that_was_removed_from_the_settings_is_neither_late_nor_missing(self, served):
        status = json.loads(DOCUMENTS["status"])
        gone = {"source": "kraken", "newest": None, "is_in_settings": False}
        served.change("status", sources=[*status["sources"], gone])
        page = served.open("status")
        assert "kraken" not in tile(page, "Freshness")
        assert page.locator(".cell[data-state=missing]").count() == 0
        assert "no longer in the settings" in page.inner_text("tr:has-text('kraken')")

    @pytest.mark.parametrize(("now", "idle"), [("2024-01-02", 14), ("2024-03-19", 91)])
    def test_weeks_without_a_load_are_not_right(self, served, now, idle):
        days = [each for each in json.loads(DOCUMENTS["status"])["days"] if each["day"] != "2023-12-17"]
        served.change("status", days=days, coverage={"first": "2023-12-18", "years": [2023]})
        served.page.clock.set_fixed_time(datetime.fromisoformat(f"{now}T09:00:00Z"))
        page = served.open("status")
        assert page.locator(".cell").count() == 4
        assert f"No load since 2023-12-18, which is {idle} days before today" in page.inner_text("[role=alert]")
        assert f"no load in {idle} days" in tile(page, "Days of sources")
        assert "right" not in tile(page, "Days of sources")

    @pytest.mark.parametrize("state", ["running", "success"])
    def test_a_day_that_is_being_loaded_is_not_known_yet(self, served, state):
        served.change("status", coverage={"first": "2023-12-18", "years": [2023]})
        run = {
            "dag_run_id": "scheduled__2023-12-19", "state": state, "conf": {},
            "logical_date": "2023-12-19T00:00:00Z", "run_after": "2023-12-20T00:00:00Z",
            "end_date": "2023-12-20T00:02:00Z" if state == "success" else None,
        }  # fmt: skip
        (path,) = (path for path in served.answers if "crypto_prices_daily/dagRuns?" in path)
        served.answers[path] = {"dag_runs": [run, *served.answers[path]["dag_runs"]]}
        served.page.clock.set_fixed_time(datetime(2023, 12, 20, 0, 3, tzinfo=UTC))
        assert "4 of 8 not known yet" in tile(served.open("status"), "Days of sources")

    def test_quarantined_candles_of_a_load_of_several_days_are_counted(self, served):
        served.change("status", days=days_with("binance", "2023-12-10", missing={"quarantined": 5, "no_trade": 2}))
        page = served.open("status")
        assert "5 quarantined" in tile(page, "Missing candles")
        page.click("text=binance, 2023-12-10: partial", force=True)
        assert cells_of(page, "binance")["Quarantined"] == "5"

    def test_days_since_the_newest_load_are_missing(self, served):
        served.page.clock.set_fixed_time(datetime(2023, 12, 21, 9, tzinfo=UTC))
        page = served.open("status")
        assert page.locator(".cell[data-state=missing]").count() == 2 * 4
        assert "late" in text_of(page)

    def test_a_day_that_was_loaded_after_the_page_was_updated_is_not_missing(self, served):
        run = {
            "dag_run_id": "scheduled__2023-12-19", "state": "success", "conf": {},
            "logical_date": "2023-12-19T00:00:00Z", "run_after": "2023-12-20T00:00:00Z",
            "end_date": "2023-12-20T00:02:00Z",
        }  # fmt: skip
        (path,) = (path for path in served.answers if "crypto_prices_daily/dagRuns?" in path)
        served.answers[path] = {"dag_runs": [run, *served.answers[path]["dag_runs"]]}
        served.page.clock.set_fixed_time(datetime(2023, 12, 20, 0, 3, tzinfo=UTC))
        page = served.open("status")
        assert page.locator(".cell[data-state=recent]").count() == 4
        assert page.locator(".cell[data-state=missing]").count() == 0
        row = page.locator("section table.rows tbody tr").first
        assert row.locator("a").get_attribute("href") == "../dags/crypto_prices_daily/runs/scheduled__2023-12-19"

    def test_coverage_leads_to_the_json_that_fixes_a_gap(self, served):
        page = served.open("coverage")
        page.click(".pick:has-text('coingecko')")
        page.click("text=2023-12-17: never fetched", force=True)
        page.click("text=How to fix it")
        conf = json.loads(page.inner_text("pre"))
        assert conf == {"start": "2023-12-17", "end": "2023-12-18", "sources": ["coingecko"]}
        assert page.locator("a:has-text('crypto_prices_backfill')").count() == 1

    def test_a_day_whose_ranges_were_left_out_is_not_called_complete(self, served):
        served.change("coverage_2023", **cut_coverage("ccccg"))
        page = served.open("coverage")
        page.click("text=2023-11-05: gap", force=True)
        assert "No candle is missing" not in text_of(page)
        assert "only in crypto.candle_gaps" in text_of(page)
        statement = page.inner_text("pre")
        assert (
            "source = 'binance' AND symbol = 'BTC' AND quote_currency = 'USDT' AND candle_interval = '1h'" in statement
        )
        assert "starts_at < '2023-11-06' AND ends_at > '2023-11-05'" in statement
        page.click("text=2023-11-06: complete", force=True)
        assert "No candle is missing on 2023-11-06" in text_of(page)

    def test_days_of_missing_rows_do_not_lead_to_the_table_of_gaps(self, served):
        """crypto.candle_gaps has none of their ranges."""
        served.change(
            "coverage_2023", **cut_coverage("ggp"), rows_missing=[[0, "2023-11-01T00:00", "2023-11-03T00:00", 48]]
        )
        page = served.open("coverage")
        page.click("text=2023-11-01: gap", force=True)
        assert "rows are missing from the table without a reason" in text_of(page)
        assert "Ranges of this day are only in" not in text_of(page)
        assert "Ranges of this day with a reason, if there are any" in text_of(page)
        page.click("text=2023-11-03: partial", force=True)
        assert "Ranges of this day are only in crypto.candle_gaps" in text_of(page)

    def test_missing_rows_that_were_left_out_lead_to_the_audit(self, served):
        newest = [0, "2023-12-01T00:00", "2023-12-02T00:00", 24]
        served.change("coverage_2023", **cut_coverage("g"), rows_missing=[newest], rows_missing_left_out=1)
        page = served.open("coverage")
        page.click("text=2023-11-01: gap", force=True)
        assert "Ranges of this day are only in" not in text_of(page)
        assert json.loads(page.inner_text("pre >> nth=0")) == {"start": "2023-11-01", "end": "2023-11-02"}
        assert page.locator("a:has-text('crypto_prices_audit')").count() == 1
        page.click("text=2023-11-05: complete", force=True)
        assert "No candle is missing on 2023-11-05" in text_of(page)

    def test_rows_that_are_missing_are_reloaded_by_the_audit(self, served):
        served.change("coverage_2023", rows_missing=[[0, "2023-12-10T00:00", "2023-12-11T00:00", 3]])
        page = served.open("coverage")
        page.click("text=How to fix it")
        assert json.loads(page.inner_text("pre")) == {"start": "2023-12-10", "end": "2023-12-11"}
        assert page.locator("a:has-text('crypto_prices_audit')").count() == 1

    def test_a_market_that_the_settings_do_not_have_has_nothing_to_fix(self, served):
        markets = [{**each, "is_in_settings": False} for each in json.loads(DOCUMENTS["coverage_2023"])["markets"]]
        served.change("coverage_2023", markets=markets)
        page = served.open("coverage")
        page.click(".pick:has-text('coingecko')")
        assert "no longer in the settings" in text_of(page)
        assert page.locator("text=How to fix it").count() == 0

    def test_the_calendar_is_usable_with_the_keyboard(self, served):
        page = served.open("coverage")
        page.focus(".calendar [tabindex='0']")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowLeft")
        assert page.evaluate("document.activeElement.dataset.of") == "2023-11-17"
        page.keyboard.press("Enter")
        assert "2023-11-17" in page.locator("[aria-selected=true]").inner_text()

    def test_prices_show_every_digit(self, served):
        page = served.open("prices")
        (market,) = (
            json.loads(document)
            for key, document in DOCUMENTS.items()
            if key.startswith("prices") and json.loads(document)["source"] == "binance" and '"BTC"' in document
        )
        page.select_option("#market", "BTC/USDT")
        page.wait_for_selector(".chart canvas")
        time, *values, _ = market["daily"].splitlines()[-1].split(",")
        reading = page.inner_text(".reading")
        assert [value for value in (time, *values) if value not in reading] == []
        page.focus(".chart")
        page.keyboard.press("ArrowLeft")
        assert market["daily"].splitlines()[-2].split(",")[4] in page.inner_text(".reading")
        assert served.problems == []

    def test_the_table_has_every_candle_of_every_line(self, served):
        page = served.open("prices")
        page.select_option("#market", "BTC/USDT")
        page.click("button:has-text('Hourly')")
        page.wait_for_selector(".chart canvas")
        page.click("summary")
        # A browser reports the opening of the details after the click.
        page.wait_for_selector("details thead th")
        table = page.locator("details table")
        heads = table.locator("thead th").all_inner_texts()
        assert heads == [
            "Opens at",
            "Open",
            "High",
            "Low",
            "Close",
            "Volume",
            "bitstamp",
            "coinbase",
            "consensus (USD)",
            "Restated",
        ]
        opened = table.locator("tbody td:first-child").all_inner_texts()
        while page.locator("button:text-is('Older')").is_enabled():
            page.click("button:text-is('Older')")
            opened += table.locator("tbody td:first-child").all_inner_texts()
        assert (len(opened), opened[0], opened[-1]) == (14 * 24, "2023-12-18 23:00 UTC", "2023-12-05 00:00 UTC")
        assert len(set(opened)) == len(opened)
        (consensus,) = (json.loads(text) for key, text in DOCUMENTS.items() if key.startswith("consensus"))
        assert consensus["hourly"].splitlines()[0].split(",")[1] in table.locator("tbody tr").last.inner_text()

    def test_candles_that_were_left_out_are_counted(self, served):
        key = next(each["key"] for each in json.loads(DOCUMENTS["status"])["markets"] if each["source"] == "binance")
        served.change(key, left_out={"daily": 12, "hourly": 0})
        page = served.open("prices")
        assert "The oldest 12 daily candles of binance are left out" in text_of(page)
        page.click("button:has-text('Hourly')")
        page.wait_for_selector("#unit-hourly[aria-pressed=true]")
        assert "left out" not in text_of(page)

    @pytest.mark.parametrize(
        ("unit", "command", "question"),
        [
            (
                "Hourly",
                "make explain MARKET=BTC/USDT AT=2023-12-18T23:00 SOURCE=binance",
                {"market": "BTC/USDT", "source": "binance", "at": "2023-12-18T23:00"},
            ),
            (
                "Daily",
                "make explain MARKET=BTC/USDT MART=daily DAY=2023-12-18 SOURCE=binance",
                {"market": "BTC/USDT", "source": "binance", "mart": "daily", "day": "2023-12-18"},
            ),
        ],
    )
    def test_a_candle_leads_to_its_receipt(self, served, explain_params, unit, command, question):
        page = served.open("prices")
        page.select_option("#market", "BTC/USDT")
        page.click(f"button:has-text('{unit}')")
        page.wait_for_selector(".chart canvas")
        page.focus(".chart")
        page.keyboard.press("Enter")
        as_json, shown = page.locator("pre").all_inner_texts()
        assert shown == command
        assert json.loads(as_json) == question
        assert set(question) <= explain_params
        assert page.locator("main a[href='../dags/crypto_prices_explain']").count() == 1

    def test_a_restated_candle_is_marked_and_counted(self, served):
        page = served.open("prices")
        page.select_option("#market", "BTC/USDT")
        page.wait_for_selector(".chart canvas")
        assert "marks a restated candle" in text_of(page)
        page.focus(".chart")
        for _ in range(2):
            page.keyboard.press("ArrowLeft")
        assert "2023-12-16 UTC" in page.inner_text(".reading")
        assert "1 of 24 candles restated" in page.inner_text(".reading")
        page.keyboard.press("ArrowLeft")
        assert "restated" not in page.inner_text(".reading")
        page = served.open("status")
        assert "1 candle restated" in page.inner_text(".tiles")
        page.click("text=binance, 2023-12-16: loaded", force=True)
        heads = page.locator("section table.rows thead th").all_inner_texts()
        cells = page.locator("section table.rows tbody tr").first.locator("th, td").all_inner_texts()
        assert dict(zip(heads, cells, strict=True))["Restated"] == "1"

    def test_the_consensus_is_a_line_in_dollars(self, served):
        page = served.open("prices")
        page.select_option("#market", "BTC/USDT")
        page.wait_for_selector(".chart canvas")
        (document,) = (json.loads(text) for key, text in DOCUMENTS.items() if key.startswith("consensus"))
        price = document["daily"].splitlines()[-1].split(",")[1]
        assert f"consensus (USD) {price}" in page.inner_text(".reading")
        page.focus(".chart")
        for _ in range(2):
            page.keyboard.press("ArrowLeft")
        assert "(weak)" in page.inner_text(".reading")
        page.uncheck("label:has-text('consensus (USD)') input")
        page.wait_for_selector(".reading:not(:has-text('consensus'))")
        assert "consensus" not in page.inner_text(".reading")
        page.select_option("#market", "ETH/USDT")
        page.wait_for_selector("h1:text-is('ETH/USDT')")
        assert page.locator("label:has-text('consensus (USD)')").count() == 0

    def test_loads_show_the_counts_and_durations_of_each_step(self, served):
        page = served.open("loads")
        steps = page.locator(".flow li").all_inner_texts()
        assert [step.splitlines()[0] for step in steps] == ["Fetched", "Curated", "Staged", "Merged"]
        assert all("median" in step for step in steps)
        assert "The counts of all steps agree" in text_of(page)

    def test_the_source_of_prices_is_attributed(self, served):
        served.open("prices")
        assert "Data provided by CoinGecko" in served.page.inner_text("footer")

    def test_it_follows_airflows_color_mode(self, served):
        served.page.add_init_script("localStorage.setItem('theme', 'dark')")
        page = served.open("status")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"


CONTRASTS = """(selector) => {
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const luminance = (color) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((each) => each / 255)
      .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (node) => {
    const color = getComputedStyle(node).backgroundColor;
    return color === "rgba(0, 0, 0, 0)" ? background(node.parentElement) : color;
  };
  const name = (node) => `${node.className} ${node.dataset.day || node.dataset.state}`;
  const nodes = new Map([...document.querySelectorAll(selector)].map((node) => [name(node), node]));
  return [...nodes].map(([name, node]) => {
    const [dark, light] = [getComputedStyle(node).color, background(node)].map(luminance).sort((a, b) => a - b);
    return [name, (light + 0.05) / (dark + 0.05)];
  });
}"""


class TestWithoutColors:
    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_every_mark_can_be_read(self, served, theme):
        """WCAG 2.2, 1.4.3: the contrast of a text is at least 4.5 to 1."""
        document = json.loads(DOCUMENTS["coverage_2023"])
        markets = [{**each, "days": ("cqpgnu" * 9)[: len(each["days"])]} for each in document["markets"]]
        served.change("coverage_2023", markets=markets)
        served.page.add_init_script(f"localStorage.setItem('theme', '{theme}')")
        contrasts = dict(served.open("coverage").evaluate(CONTRASTS, ".calendar .on, .swatch, .look"))
        assert {*(f"on {letter}" for letter in "cqpgnu"), "look undefined"} <= set(contrasts)
        contrasts |= dict(served.open("status").evaluate(CONTRASTS, ".cell, .state"))
        assert {state: round(ratio, 2) for state, ratio in contrasts.items() if ratio < 4.5} == {}

    def test_each_kind_of_day_has_its_own_mark(self, served):
        document = json.loads(DOCUMENTS["coverage_2023"])
        markets = [{**each, "days": ("cqpgnu" * 9)[: len(each["days"])]} for each in document["markets"]]
        served.change("coverage_2023", markets=markets)
        page = served.open("coverage")
        marks = page.locator(".calendar .on > [aria-hidden]").all_inner_texts()[:6]
        assert len({mark for mark in marks if mark.strip()}) == 6
        # November's thirty days are five of each kind, and three kinds need a look.
        assert page.locator(".months tbody tr").first.locator(".look").first.inner_text() == "15"


class TestStatesInWords:
    def test_without_data_it_says_what_to_do(self, served):
        for path in [path for path in served.answers if "xcom_key=status" in path]:
            served.answers[path] = {"xcom_entries": [], "total_entries": 0}
        page = served.open("status")
        assert "No run of crypto_prices_marts has published" in text_of(page)
        assert page.get_attribute("main a", "href") == "../dags/crypto_prices_marts"

    def test_a_viewer_without_access_sees_only_that_it_is_missing(self, served):
        served.answers = dict.fromkeys(served.answers, 403)
        for view in VIEWS:
            text = text_of(served.open(view))
            assert "No access" in text
            assert "crypto_prices_marts" in text
            assert "binance" not in text

    def test_a_viewer_without_access_to_the_dag_that_publishes_sees_its_name(self, served):
        served.answers = {
            path: 403 if "crypto_prices_marts" in path else answer for path, answer in served.answers.items()
        }
        text = text_of(served.open("status"))
        assert "Your user may not read the runs or XComs of crypto_prices_marts" in text
        assert "binance" not in text

    def test_an_expired_session_leads_to_the_login(self, served):
        page = served.open("status")
        served.answers = dict.fromkeys(served.answers, 401)
        page.click("nav >> text=Prices")
        page.wait_for_selector("main[data-view=prices]")
        assert "Your session has expired" in text_of(page)
        assert page.get_attribute("main a", "href").startswith("../api/v2/auth/login?next=")

    def test_an_error_of_airflow_is_named(self, served):
        served.answers = dict.fromkeys(served.answers, 503)
        assert "503" in text_of(served.open("status"))

    def test_a_viewer_of_the_daily_dag_alone_sees_its_loads(self, served):
        served.answers = {
            path: 403 if "crypto_prices_window" in path else answer for path, answer in served.answers.items()
        }
        page = served.open("status")
        assert page.locator("table.matrix").count() == 1
        assert "may not read the runs of crypto_prices_window" in text_of(page)
        page = served.open("loads")
        assert page.locator(".flow").count() == 1
        assert "may not read the runs of crypto_prices_window" in text_of(page)

    @pytest.mark.parametrize("view", ["status", "loads"])
    def test_an_error_about_one_dag_is_not_taken_for_an_empty_list(self, served, view):
        served.answers = {
            path: 503 if "crypto_prices_window" in path else answer for path, answer in served.answers.items()
        }
        assert "503" in text_of(served.open(view))


def test_no_script_of_a_hostile_name_runs(served):
    """The settings refuse such a symbol, so it is put into the documents."""
    for key, document in DOCUMENTS.items():
        if key.startswith("coverage"):
            served.change(key, markets=[{**each, "symbol": HOSTILE} for each in json.loads(document)["markets"]])
        elif key == "status":
            status = json.loads(document)
            sources = [{**each, "source": HOSTILE} for each in status["sources"]]
            served.change(
                key,
                sources=sources,
                days=[{**each, "source": HOSTILE} for each in status["days"]],
                markets=[{**each, "symbol": HOSTILE} for each in status["markets"]],
                runbook_url="javascript:document.title='hacked'",
            )
        else:
            served.change(key, symbol=HOSTILE, source=HOSTILE)
    for view in VIEWS:
        page = served.open(view)
        assert page.locator("main img").count() == 0
        assert page.locator("a[href^=javascript]").count() == 0
        assert page.title() != "hacked"
    page = served.open("prices")
    assert HOSTILE in text_of(page)
    page.wait_for_selector(".chart canvas")
    page.focus(".chart")
    page.keyboard.press("Enter")
    # It could end the command and start another one.
    assert "make explain" not in text_of(page)


def test_airflow_knows_every_parameter_of_the_requests(served):
    """It ignores others: a list would have another order than the page relies on."""
    for view in VIEWS:
        served.open(view)
    below = [urlsplit(url) for url in served.requests if "/api/v2/" in url]
    for url in below:
        path = url.path.removeprefix("/base")
        routes = [
            template
            for template, route in airflow_routes().items()
            if "get" in route and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
        ]
        route = airflow_routes()[min(routes, key=lambda template: template.count("{"))]["get"]
        known = {each["name"] for each in route["parameters"]}
        assert set(parse_qs(url.query)) <= known, path
    assert any("order_by" in url.query for url in below)


def test_no_request_leaves_airflow(served):
    for view in VIEWS:
        served.open(view)
    assert [url for url in served.requests if not url.startswith(AIRFLOW)] == []
    assert len(served.requests) > 10


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 900}, ON_A_PHONE], ids=["wide", "phone"])
def test_nothing_is_wider_than_the_screen(served, viewport):
    served.page.set_viewport_size(viewport)
    for view in VIEWS:
        page = served.open(view)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], view


@pytest.fixture(scope="module")
def five_years():
    """Return the documents of fifty markets with gaps in every month of five years."""
    markets = [{"source": "binance", "symbol": f"C{number:02d}", "quote_currency": "USDT"} for number in range(50)]
    days = [date(year, month, day) for year in range(2019, 2024) for month in range(1, 13) for day in (9, 18, 27)]
    return page_documents(
        Snapshot(
            until=date(2024, 1, 1),
            ranges=[{**market, "starts_on": "2019-01-01", "ends_on": "2024-01-01"} for market in markets],
            expected=[{**market, "used_from": None, "used_until": None} for market in markets],
            gaps=[
                {"source": "binance", "market": f"{market['symbol']}/USDT", "starts_at": f"{day} 05:00:00",
                 "ends_at": f"{day} 07:00:00", "reason": "venue_down"}
                for market in markets for day in days
            ],
            loads=[], daily_from=date(2024, 1, 1), daily=[], hourly=[], daily_consensus=[], hourly_consensus=[],
        ),
        AROUND,
    )  # fmt: skip


def test_five_years_of_fifty_markets_are_shown_without_lag(served, five_years):
    """Counted in nodes and requests, because times depend on the machine."""
    (path,) = (path for path in served.answers if path.endswith("/coverage_2023"))
    served.answers |= {path.replace("coverage_2023", key): {"value": text} for key, text in five_years.items()}
    page = served.open("coverage")
    assert page.locator(".months tbody tr").count() == 50
    page.evaluate("""() => {
      window.added = 0;
      const size = (node) => (node.querySelectorAll ? node.querySelectorAll("*").length + 1 : 0);
      new MutationObserver((changes) => {
        for (const change of changes) for (const node of change.addedNodes) window.added += size(node);
      }).observe(document.getElementById("main"), { childList: true, subtree: true });
    }""")
    before = len(served.requests)
    page.click(".pick >> nth=49")
    assert "C49/USDT" in page.inner_text("h2 >> nth=0")
    # A calendar of a year with three elements a day, and its list of 36 gaps with seven each.
    assert 0 < page.evaluate("window.added") < 3 * 12 * 32 + 7 * 36 + 100
    assert len(served.requests) == before
    for year in range(2019, 2023):
        page.select_option("#year", str(year))
        page.wait_for_selector(f"h2:has-text('in {year}') >> nth=0")
        assert page.locator(".calendar [data-day=p]").count() == 36
    assert len(served.requests) == before + 4
    # Fifty rows of twelve months, and one calendar.
    assert page.evaluate("document.querySelectorAll('main *').length") < 50 * 12 * 5 + 3 * 12 * 32 + 7 * 36 + 500


def test_the_report_shows_the_same_without_any_request(context, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(self_contained(DOCUMENTS), encoding="utf-8")
    requests, problems = [], []
    page = context.new_page()
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda line: problems.append(line.text))
    for view in VIEWS:
        page.goto(f"{file.as_uri()}#{view}")
        page.reload()
        page.wait_for_selector(f"main[data-view={view}] :is(.panel, .chart)")
        assert "error" not in text_of(page)
        assert page.locator("main a").count() == 0
    assert {url.partition("#")[0] for url in requests} == {file.as_uri()}
    assert problems == []
