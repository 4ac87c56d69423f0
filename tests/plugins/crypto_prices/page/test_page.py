"""The page in a real browser, with the answers of tests/support/page_answers.py instead of an Airflow."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag

from dev.report.html_file import self_contained
from tests.support.browser import AIRFLOW, PageInAirflow
from tests.support.page_answers import page_answers

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
        gone = {"source": "kraken", "newest": None, "is_known": False}
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
        document = json.loads(DOCUMENTS["coverage_2023"])
        markets = document["markets"]
        place = (date(2023, 11, 5) - date(2023, 11, 1)).days
        letters = markets[0]["days"]
        markets[0] = {**markets[0], "days": f"{letters[:place]}g{letters[place + 1 :]}"}
        newest = [0, "2023-12-10T00:00", "2023-12-10T01:00", 1, "venue_down"]
        served.change("coverage_2023", markets=markets, gaps=[newest], gaps_left_out=7)
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

    def test_rows_that_are_missing_are_reloaded_by_the_audit(self, served):
        gap = [0, "2023-12-10T00:00", "2023-12-11T00:00", 3, "rows_missing"]
        served.change("coverage_2023", gaps=[gap])
        page = served.open("coverage")
        page.click("text=How to fix it")
        assert json.loads(page.inner_text("pre")) == {"start": "2023-12-10", "end": "2023-12-11"}
        assert page.locator("a:has-text('crypto_prices_audit')").count() == 1

    def test_a_market_that_the_settings_do_not_have_has_nothing_to_fix(self, served):
        markets = [{**each, "is_known": False} for each in json.loads(DOCUMENTS["coverage_2023"])["markets"]]
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


def test_five_years_of_fifty_markets_are_shown_without_lag(served):
    days = [date(2023, 1, 1) + timedelta(days=number) for number in range(365)]
    letters = "".join("p" if day.day % 9 == 0 else "c" for day in days)
    markets = [{"source": "binance", "symbol": f"C{number}", "quote": "USDT", "days": letters} for number in range(50)]
    status = json.loads(DOCUMENTS["status"])
    served.change("status", coverage={"first": "2019-01-01", "years": [2019, 2020, 2021, 2022, 2023]})
    served.change("coverage_2023", first="2023-01-01", markets=markets, gaps=[])
    page = served.open("coverage")
    assert page.locator(".months tbody tr").count() == 50
    took = page.evaluate("""() => {
      const began = performance.now();
      document.querySelectorAll(".pick")[49].click();
      document.body.getBoundingClientRect();
      return performance.now() - began;
    }""")
    assert took < 500, f"another market took {took:.0f} ms"
    assert "C49/USDT" in text_of(page)
    assert status["coverage"]["years"] == [2023]


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
