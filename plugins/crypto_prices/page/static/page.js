// The page "Crypto prices". In Airflow it reads the XComs of the task publish_status of crypto_prices_marts through the
// REST API, with the permissions of its viewer. In a report it reads the same documents from the file itself. Everything from data becomes
// a text node or an attribute, never HTML.
"use strict";

(() => {
  const DAILY = "crypto_prices_daily";
  const WINDOW = "crypto_prices_window";
  const MARTS = "crypto_prices_marts";
  const EXPLAIN = "crypto_prices_explain";
  const AUDIT = "crypto_prices_audit";
  const TASK = "publish_status";
  const DAY_MS = 86400000;
  const STATUS_DAYS = 14;
  const STEPS = { fetch: "fetch_prices", curate: "curate_prices", stage: "copy_to_staging", merge: "merge_into_fact" };
  const BENIGN = new Set(["no_trade", "not_listed"]);
  const REASONS = {
    quarantined: "broke a quality rule",
    venue_down: "the exchange was down",
    empty_day: "the exchange has no candle of the day",
    empty_response: "the exchange answered without candles",
    no_trade: "no trade",
    not_listed: "not listed",
    removed: "removed by a user",
    unfetched: "never fetched",
    rows_missing: "rows are missing from the table without a reason",
  };
  const STATES = {
    loaded: ["✓", "loaded"],
    partial: ["◐", "partial"],
    failed: ["✕", "failed"],
    missing: ["–", "missing"],
    running: ["↻", "running"],
    recent: ["↻", "just loaded"],
    unlisted: ["·", "not listed"],
  };
  const LETTERS = {
    c: "complete",
    q: "complete, hours without a trade",
    p: "partial",
    g: "gap",
    n: "not listed",
    u: "never fetched",
    ".": "not expected",
  };
  const MARKS = { c: "✓", q: "◦", p: "◐", g: "✕", n: "·", u: "–" };

  // ---------------------------------------------------------------- elements

  function el(name, attributes, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || (value === false && !key.startsWith("aria-"))) continue;
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (key === "style") Object.assign(node.style, value);
      else node.setAttribute(key, value === true && !key.startsWith("aria-") ? "" : String(value));
    }
    node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
    return node;
  }

  const hidden = (text) => el("span", { class: "hidden-text" }, text);
  const state = (name) => el("span", { class: "state", "data-state": name, "data-mark": STATES[name][0] }, STATES[name][1]);
  const option = (value, text, chosen) => el("option", { value, selected: value === chosen }, text);

  function table(caption, heads, rows, className = "rows") {
    return el("div", { class: "scroll" }, el("table", { class: className },
      caption && el("caption", {}, caption),
      el("thead", {}, el("tr", {}, heads.map(([text, number]) => el("th", { scope: "col", class: number && "number" }, text)))),
      el("tbody", {}, rows)));
  }

  function copyable(text) {
    const button = el("button", { type: "button", onclick: async () => {
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(box);
        button.textContent = "Selected: press Ctrl-C";
      }
    } }, "Copy");
    const box = el("pre", { tabindex: 0 }, text);
    return el("div", {}, box, button);
  }

  // ---------------------------------------------------------------- words

  const whole = new Intl.NumberFormat("en-US");
  const count = (value) => (value === null || value === undefined ? "–" : whole.format(value));
  const counted = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
  const usd = (value) => `$${value.toFixed(2)}`;
  const stamp = (text) => (text ? `${text.slice(0, 10)} ${text.slice(11, 16)} UTC` : "–");
  const dayText = (ms) => new Date(ms).toISOString().slice(0, 10);
  const dayMs = (text) => Date.parse(`${text.slice(0, 10)}T00:00:00Z`);
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  // Whether a name from data may be a part of a command or a statement.
  const isPlain = (text) => /^[\w./-]+$/.test(text);
  const marketName = (market) => `${market.symbol}/${market.quote}`;

  function seconds(value) {
    if (value === null || value === undefined) return "–";
    if (value < 60) return `${value.toFixed(1)} s`;
    return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
  }

  function age(ms) {
    const hours = ms / 3600000;
    return hours < 72 ? `${Math.max(0, Math.round(hours))} h` : `${count(Math.floor(hours / 24))} days`;
  }

  function median(values) {
    const sorted = [...values].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    return sorted.length ? (sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2) : null;
  }

  // ---------------------------------------------------------------- where the data come from

  class Problem extends Error {
    constructor(title, text, link) {
      super(text);
      this.title = title;
      this.link = link;
    }
  }

  class NoAccess extends Problem {}

  const NO_DATA = "No run of crypto_prices_marts has published the state of the loads yet. Load a day with crypto_prices_daily. Then unpause or trigger crypto_prices_marts, and open this page again when it has ended.";

  class AirflowSource {
    constructor() {
      this.documents = new Map();
      this.denied = new Set();
      this.isReport = false;
    }

    async get(path) {
      let response;
      try {
        response = await fetch(`../api/v2/${path}`, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      } catch {
        throw new Problem("Airflow does not answer", "The request did not reach Airflow. Check your connection and reload the page.");
      }
      if (response.status === 401) {
        const next = encodeURIComponent(location.href.replace(/#.*/, ""));
        throw new Problem("Your session has expired", "Sign in to Airflow again to see this page.", [`../api/v2/auth/login?next=${next}`, "Sign in"]);
      }
      if (response.status === 403) {
        throw new NoAccess("No access", `Your user may not read the runs or XComs of ${decodeURIComponent(path.split("/")[1])}. Ask an administrator of Airflow for access to it.`);
      }
      if (response.status === 404) return null;
      if (!response.ok) throw new Problem("Airflow reports an error", `${response.status} ${response.statusText} for ${path}. The log of the API server has the reason.`);
      return response.json();
    }

    async start() {
      const entries = (run) => `dags/${MARTS}/dagRuns/${encodeURIComponent(run)}/taskInstances/${TASK}/xcomEntries`;
      const found = await this.get(`${entries("~")}?xcom_key=status&order_by=-timestamp&limit=1`);
      const newest = found && found.xcom_entries[0];
      if (!newest) throw new Problem("Nothing to show yet", NO_DATA, [`../dags/${MARTS}`, `Open ${MARTS}`]);
      this.place = entries(newest.run_id);
      this.status = await this.document("status");
    }

    async document(key) {
      if (!this.documents.has(key)) {
        const entry = await this.get(`${this.place}/${key}`);
        if (!entry) throw new Problem("The data are being updated", `${MARTS} is writing them again. Reload the page in a minute.`);
        this.documents.set(key, JSON.parse(entry.value));
      }
      return this.documents.get(key);
    }

    // The answers about several DAGs. The page names those that its viewer may not read.
    async ofDags(dags, ask) {
      const lists = await Promise.all(dags.map((dag) => ask(dag).catch((error) => {
        if (!(error instanceof NoAccess)) throw error;
        this.denied.add(dag);
        return [];
      })));
      return lists.flat();
    }

    // The runs of both DAGs, newest first, with their days.
    async runs() {
      this.knownRuns ??= await this.ofDags([DAILY, WINDOW], async (dag) => {
        const found = await this.get(`dags/${dag}/dagRuns?order_by=-run_after&limit=100`);
        return (found ? found.dag_runs : []).map((run) => {
          const conf = run.conf || {};
          const start = conf.day || conf.start || (run.logical_date || "").slice(0, 10);
          const end = dag === WINDOW ? conf.end : start && dayText(dayMs(start) + DAY_MS);
          return { dag_id: dag, run_id: run.dag_run_id, state: run.state, start, end, sources: conf.sources || [], after: run.run_after, ended: Date.parse(run.end_date) };
        });
      });
      return this.knownRuns.sort((a, b) => (a.after < b.after ? 1 : -1));
    }

    async failedTasks() {
      return this.ofDags([DAILY, WINDOW], async (dag) => {
        const found = await this.get(`dags/${dag}/dagRuns/~/taskInstances?state=failed&order_by=-start_date&limit=100`);
        return found ? found.task_instances : [];
      });
    }

    // Seconds by run and step: of the slowest source, if a step has several tasks.
    async durations(loads) {
      const found = new Map();
      const wanted = new Set(loads.map((load) => load.run_id));
      const dags = [...new Set(loads.map((load) => load.dag_id))];
      await Promise.all(Object.entries(STEPS).map(async ([step, name]) => {
        for (const task of await this.ofDags(dags, (dag) => this.successes(dag, name))) {
          if (task.task_id !== name || !wanted.has(task.dag_run_id) || !task.start_date || !task.end_date) continue;
          const steps = found.get(task.dag_run_id) || {};
          steps[step] = Math.max(steps[step] || 0, (Date.parse(task.end_date) - Date.parse(task.start_date)) / 1000);
          found.set(task.dag_run_id, steps);
        }
      }));
      return found;
    }

    // The newest task instances. fetch_prices has one per source, so two pages cover thirty loads of six sources.
    async successes(dag, name) {
      const found = [];
      for (const offset of [0, 100]) {
        const answer = await this.get(`dags/${encodeURIComponent(dag)}/dagRuns/~/taskInstances?task_display_name_pattern=${name}&state=success&order_by=-start_date&limit=100&offset=${offset}`);
        if (!answer) break;
        found.push(...answer.task_instances);
        if (answer.total_entries <= offset + 100) break;
      }
      return found;
    }

    now() {
      return Date.now();
    }
  }

  class ReportSource {
    constructor(report) {
      this.report = report;
      this.denied = new Set();
      this.isReport = true;
    }

    async start() {
      this.status = this.report.status;
    }

    async document(key) {
      return this.report[key];
    }

    async runs() {
      return [];
    }

    async failedTasks() {
      return [];
    }

    async durations() {
      return new Map();
    }

    now() {
      return Date.parse(this.status.written_at);
    }
  }

  const embedded = document.getElementById("report");
  const source = embedded ? new ReportSource(JSON.parse(embedded.textContent)) : new AirflowSource();

  // What a viewer without access to some runs does not see.
  const deniedNote = () => source.denied.size > 0 && el("p", { class: "fair" },
    `Your user may not read the runs of ${[...source.denied].sort().join(" and ")}. So the page does not show which of them are running or failed, nor how long they took.`);

  // ---------------------------------------------------------------- links

  const runPath = (dag, run) => `../dags/${encodeURIComponent(dag)}/runs/${encodeURIComponent(run)}`;

  function runLink(dag, run, text) {
    if (source.isReport) return el("code", {}, run);
    return el("a", { href: runPath(dag, run) }, text || run);
  }

  function taskLink(task) {
    const mapped = task.map_index >= 0 ? `/mapped/${task.map_index}` : "";
    const path = `${runPath(task.dag_id, task.dag_run_id)}/tasks/${encodeURIComponent(task.task_id)}${mapped}`;
    return el("a", { href: path }, task.map_index >= 0 && task.rendered_map_index ? `${task.task_id} (${task.rendered_map_index})` : task.task_id);
  }

  function runbookLink(task) {
    const url = `${source.status.runbook_url}#${task.task_id}`;
    return /^https?:\/\//.test(url) ? el("a", { href: url, rel: "noopener" }, "what to do") : el("code", {}, url);
  }

  // ---------------------------------------------------------------- Status

  const today = () => Math.floor(source.now() / DAY_MS) * DAY_MS;

  // The days since the newest load, if they are more than the view has.
  function daysWithoutLoad() {
    const idle = source.isReport ? 0 : (today() - dayMs(source.status.until)) / DAY_MS;
    return idle >= STATUS_DAYS ? idle : 0;
  }

  const quarantined = ({ entry }) => (entry && entry.missing.quarantined) || 0;

  async function sourceDays() {
    const { status } = source;
    const [runs, failed] = await Promise.all([source.runs(), source.failedTasks()]);
    const entries = new Map(status.days.map((entry) => [`${entry.day} ${entry.source}`, entry]));
    let until = dayMs(status.until);
    // Days without a load are shown as missing. A loaded past, as after a demo of an old day, is not followed by years of
    // them, but by a sentence.
    if (!source.isReport && !daysWithoutLoad()) until = Math.max(until, today());
    const days = [];
    for (let ms = until - STATUS_DAYS * DAY_MS; ms < until; ms += DAY_MS) {
      const day = dayText(ms);
      if (day < status.coverage.first) continue;
      for (const each of status.sources) days.push(sourceDay(day, each, entries.get(`${day} ${each.source}`), runs, failed));
    }
    return days;
  }

  function sourceDay(day, { source: name, is_in_settings: isInSettings }, entry, runs, failed) {
    const run = runs.find((each) => each.start <= day && day < each.end && (!each.sources.length || each.sources.includes(name)));
    // A failed fetch names its source, and require_sources concerns the sources that the run has not loaded. Other failed
    // tasks concern all sources of the run.
    const concerns = (task) => (task.task_id === "fetch_prices" ? (task.rendered_map_index || name).split(",")[0] === name
      : task.task_id !== "require_sources" || !entry || entry.run_id !== run.run_id);
    const red = failed.filter((task) => hasRefused(task, entry)
      || (run && run.state === "failed" && task.dag_id === run.dag_id && task.dag_run_id === run.run_id && concerns(task)));
    // The missing candles whose reason is a fault.
    const faults = entry ? sum(Object.entries(entry.missing).filter(([reason]) => !BENIGN.has(reason)).map(([, candles]) => candles)) : 0;
    let stateName = "missing";
    if (entry && entry.batch_id) stateName = faults || doubt(entry, red) ? "partial" : "loaded";
    else if (!isInSettings && !(entry && entry.markets)) stateName = "unlisted";
    else if (run && ["running", "queued"].includes(run.state)) stateName = "running";
    else if (run && run.state === "failed") stateName = "failed";
    else if (run && run.state === "success" && run.ended > Date.parse(source.status.written_at)) stateName = "recent";
    else if (entry && entry.markets === 0) stateName = "unlisted";
    else if (entry && !entry.unfetched_markets && entry.markets) stateName = "partial";
    return { day, source: name, state: stateName, entry, run, red, faults };
  }

  // Whether a failed task is the reconcile of the day's load. Since that load, other runs may have covered the day.
  const hasRefused = (task, entry) => Boolean(entry) && task.task_id === "reconcile" && task.dag_id === entry.dag_id && task.dag_run_id === entry.run_id;

  // Why a load that ended is not known to be right.
  function doubt(entry, red) {
    if (entry.status !== "loaded") return "counts differ between the steps";
    if (!entry.published) return "not published";
    if (red.some((task) => hasRefused(task, entry))) return "reconcile failed";
    return null;
  }

  async function statusView() {
    const { status } = source;
    const days = await sourceDays();
    const names = [...new Set(days.map((each) => each.day))];
    let chosen = names[names.length - 1];
    const detail = el("section", { class: "panel", "aria-live": "polite" });

    function cell(each) {
      const [mark, word] = STATES[each.state];
      return el("td", {}, el("button", {
        type: "button", class: "cell", "data-state": each.state, "data-of": each.day, "aria-pressed": each.day === chosen,
        title: `${each.source}, ${each.day}: ${word}`,
        onclick: () => choose(each.day),
      }, el("span", { "aria-hidden": "true" }, mark), hidden(`${each.source}, ${each.day}: ${word}`)));
    }

    function choose(day) {
      chosen = day;
      for (const button of matrix.querySelectorAll("button")) button.setAttribute("aria-pressed", button.dataset.of === day);
      detail.replaceChildren(...dayDetail(day, days.filter((each) => each.day === day)));
    }

    const matrix = el("table", { class: "matrix" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Source"), names.map((day) => el("th", { scope: "col", title: day },
        new Date(dayMs(day)).toLocaleDateString("en-GB", { weekday: "short", timeZone: "UTC" }), el("span", { class: "day" }, day.slice(5)))))),
      el("tbody", {}, status.sources.map(({ source: name, newest, is_in_settings: isInSettings }) => el("tr", {},
        el("th", { scope: "row" }, name, el("small", {}, isInSettings ? freshness(newest) : "no longer in the settings")),
        days.filter((each) => each.source === name).map(cell)))));
    choose(chosen);
    const scroller = el("div", { class: "scroll" }, matrix);
    // The newest days are at the right end of a narrow screen.
    const ready = () => {
      scroller.scrollLeft = scroller.scrollWidth;
    };

    return Object.assign([
      el("h1", {}, "Are the data right?"),
      el("p", { class: "lead" }, `The last ${counted(names.length, "day")} until ${names[names.length - 1]}, by source. All days and times are in UTC.`),
      daysWithoutLoad() > 0 && el("p", { class: "poor", role: "alert" }, `No load since ${dayText(dayMs(status.until) - DAY_MS)}, which is ${counted(daysWithoutLoad(), "day")} before today. These are the days until then.`),
      deniedNote(),
      statusTiles(days),
      el("section", { class: "panel", "aria-label": "State by source and day" }, scroller,
        el("ul", { class: "legend" }, Object.entries(STATES).filter(([name]) => days.some((each) => each.state === name)).map(([name]) => el("li", {}, state(name), {
          loaded: "all candles that exist", partial: "candles are missing, or the load is not published or not right", failed: "not loaded, because its newest run failed",
          missing: "never loaded", running: "a run is loading it", recent: `${MARTS} has not updated the page since`, unlisted: "no market was listed, or the source is not in the settings",
        }[name])))),
      detail,
    ], { ready });
  }

  function endOf(newest) {
    // Candles of up to an hour are shown by the hour.
    return Date.parse(`${newest}:00Z`) + Math.max(3600000, 86400000 / source.status.candles_a_day);
  }

  function freshness(newest) {
    if (!newest) return el("span", { class: "poor" }, `late: no candle in ${STATUS_DAYS} days`);
    const old = source.now() - endOf(newest);
    const late = old > source.status.freshness_hours * 3600000;
    return el("span", { class: late ? "poor" : "good" }, `${late ? "late: " : ""}${age(old)} old`);
  }

  function statusTiles(days) {
    const { status } = source;
    // A source without a candle is the worst. One that is no longer in the settings gets none.
    const [worst] = status.sources.filter((each) => each.is_in_settings).sort((a, b) => ((a.newest || "") < (b.newest || "") ? -1 : 1));
    const old = worst && worst.newest ? source.now() - endOf(worst.newest) : null;
    const late = old === null || old > status.freshness_hours * 3600000;
    const states = Object.keys(STATES).map((name) => [name, days.filter((each) => each.state === name).length]).filter(([, number]) => number);
    const troubled = sum(states.filter(([name]) => ["partial", "failed", "missing"].includes(name)).map(([, number]) => number));
    const open = sum(states.filter(([name]) => ["running", "recent"].includes(name)).map(([, number]) => number));
    const idle = daysWithoutLoad();
    const verdict = troubled ? `${troubled} of ${days.length} need a look`
      : idle ? `no load in ${counted(idle, "day")}`
        : open ? `${open} of ${days.length} not known yet` : `all ${days.length} are right`;
    const load = status.loads[0];
    const tile = (name, figure, text, className) => el("div", { class: "tile" }, el("dt", {}, name), el("dd", { class: `figure ${className || ""}` }, figure), el("dd", { class: "quiet" }, text));
    return el("dl", { class: "tiles" },
      tile("Freshness", old === null ? "late" : `${age(old)} old`, `${worst ? `${worst.source}${old === null ? ` has no candle in ${STATUS_DAYS} days` : ""} · ` : ""}target: at most ${status.freshness_hours} h${source.isReport ? ", when the report was written" : ""}`, late ? "poor" : "good"),
      tile("Days of sources", verdict, states.map(([name, number]) => `${number} ${STATES[name][1]}`).join(" · "), troubled || idle ? "fair" : open ? "" : "good"),
      tile("Missing candles", count(sum(days.map((each) => each.faults))), `${count(sum(days.map(quarantined)))} quarantined · ${counted(sum(days.map((each) => (each.entry && each.entry.restated) || 0)), "candle")} restated`),
      load && tile("Newest load", load.usd === undefined ? "–" : `≈ ${usd(load.usd)}`, source.isReport ? windowText(load) : [windowText(load), " · ", runLink(load.dag_id, load.run_id, "open the run")]));
  }

  const windowText = (load) => (dayMs(load.window_end) - dayMs(load.window_start) === DAY_MS
    ? load.window_start : `${load.window_start} to ${dayText(dayMs(load.window_end) - DAY_MS)}`);

  function dayDetail(day, rows) {
    const heads = [["Source"], ["State"], ["Candles", true], ["Missing candles, by reason"], ["Quarantined", true], ["Restated", true],
      ["Loaded"], ["Cost of the load", true], ["Where to look"]];
    return [el("h2", {}, day), table(null, heads, rows.map((each) => {
      const entry = each.entry || { missing: {} };
      const load = source.status.loads.find((one) => one.batch_id === entry.batch_id);
      const reasons = Object.entries(entry.missing).sort((a, b) => b[1] - a[1]);
      return el("tr", {},
        el("th", { scope: "row" }, each.source),
        el("td", {}, state(each.state), entry.accepted ? " accepted" : ""),
        el("td", { class: "number" }, count(entry.rows)),
        el("td", {}, reasons.length ? reasons.map(([reason, candles]) => el("div", {}, `${count(candles)} ${REASONS[reason] || reason}`)) : each.entry ? "none" : "–"),
        el("td", { class: "number" }, each.entry ? count(quarantined(each)) : "–"),
        el("td", { class: "number" }, count(entry.restated)),
        el("td", { class: "nowrap" }, stamp(entry.loaded_at), entry.batch_id && el("div", { class: "fair" }, doubt(entry, each.red) || "")),
        el("td", { class: "number" }, load && load.usd !== undefined ? `≈ ${usd(load.usd)}` : "–"),
        el("td", {}, whereToLook(each, entry)));
    }))];
  }

  function whereToLook(each, entry) {
    const links = [];
    if (each.red.length) {
      links.push(...each.red.map((task) => el("div", {}, taskLink(task), " · ", runbookLink(task))));
    }
    if (each.run && each.run.state === "failed") links.push(el("div", {}, runLink(each.run.dag_id, each.run.run_id, each.run.run_id === entry.run_id ? "failed run, which loaded it" : "failed run")));
    else if (each.run && each.run.state !== "success") links.push(el("div", {}, runLink(each.run.dag_id, each.run.run_id, `${each.run.state} run`)));
    else if (each.state === "recent") links.push(el("div", {}, runLink(each.run.dag_id, each.run.run_id, "run that loaded it")));
    if (entry.run_id && !(each.run && each.run.run_id === entry.run_id && each.run.state !== "success")) {
      links.push(el("div", {}, runLink(entry.dag_id, entry.run_id, "run that loaded it")));
    }
    if (!links.length) {
      links.push(source.isReport ? "no load" : el("a", { href: `../dags/${DAILY}` }, "no run of this day: open the DAG"));
    }
    return links;
  }

  // ---------------------------------------------------------------- Coverage

  const coverage = { year: null, market: 0 };

  async function coverageView() {
    const { status } = source;
    coverage.year ??= status.coverage.years[status.coverage.years.length - 1];
    const found = await source.document(`coverage_${coverage.year}`);
    coverage.market = Math.min(coverage.market, found.markets.length - 1);
    const detail = el("div", {});
    const choose = (number) => {
      coverage.market = number;
      for (const button of months.querySelectorAll(".pick")) button.setAttribute("aria-pressed", Number(button.dataset.number) === number);
      detail.replaceChildren(...marketCalendar(found, number));
    };
    const months = monthTable(found, choose);
    choose(coverage.market);
    return [
      el("h1", {}, "Which days are there?"),
      el("p", { class: "lead" }, `Every day of every market since ${status.coverage.first}, as of ${stamp(status.written_at)}. Days are in UTC.`),
      el("div", { class: "controls" }, el("label", {}, "Year", el("select", { id: "year", onchange: (event) => {
        coverage.year = Number(event.target.value);
        show();
      } }, [...status.coverage.years].reverse().map((year) => option(year, year, coverage.year))))),
      detail,
      el("section", { class: "panel" }, el("h2", {}, `All markets in ${coverage.year}`), el("div", { class: "scroll" }, months), legend()),
    ];
  }

  function legend() {
    return el("ul", { class: "legend", "aria-label": "Marks and colors" }, Object.entries(MARKS).map(([letter, mark]) => el("li", {}, el("span", { class: "swatch", "data-day": letter, "aria-hidden": "true" }, mark), LETTERS[letter])),
      el("li", {}, el("span", { class: "look", "aria-hidden": "true" }, "3"), "days of a month that need a look"));
  }

  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const COLORS = { c: "var(--day)", q: "var(--quiet)", p: "var(--warn)", g: "var(--bad-fill)", n: "var(--none)", u: "var(--line-strong)" };

  // The letters of a month's days, without those on which the market is not expected.
  function daysOf(found, market, month) {
    const place = (number) => Math.max(0, Math.round((Date.UTC(found.year, number, 1) - dayMs(found.first)) / DAY_MS));
    return market.days.slice(place(month), place(month + 1)).replaceAll(".", "");
  }

  function monthTable(found, choose) {
    return el("table", { class: "months" },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Market"), MONTHS.map((month) => el("th", { scope: "col" }, month)))),
      el("tbody", {}, found.markets.map((market, number) => el("tr", {},
        el("th", { scope: "row" }, el("button", { type: "button", class: "pick", "data-number": number, "aria-pressed": false, onclick: () => {
          choose(number);
          scrollTo({ top: 0 });
        } }, marketName(market), " ", el("small", {}, market.source))),
        MONTHS.map((_, month) => monthCell(daysOf(found, market, month)))))));
  }

  // A month as shares of its days. The number is that of the days that need a look.
  function monthCell(letters) {
    if (!letters) return el("td", {}, hidden("no day"));
    const shares = {};
    for (const letter of letters) shares[letter] = (shares[letter] || 0) + 1;
    let from = 0;
    const stops = Object.keys(COLORS).filter((letter) => shares[letter]).map((letter) => {
      const to = from + (shares[letter] / letters.length) * 100;
      const stop = `${COLORS[letter]} ${from}% ${to}%`;
      from = to;
      return stop;
    });
    const words = Object.keys(COLORS).filter((letter) => shares[letter]).map((letter) => `${shares[letter]} ${LETTERS[letter]}`).join(", ");
    const look = sum(["p", "g", "u"].map((letter) => shares[letter] || 0));
    return el("td", { title: words }, el("span", { class: "month", style: { background: `linear-gradient(90deg, ${stops.join(", ")})` } },
      look > 0 && el("span", { class: "look", "aria-hidden": "true" }, String(look)), hidden(words)));
  }

  function marketCalendar(found, number) {
    const market = found.markets[number];
    const start = dayMs(found.first);
    const ranges = [...found.gaps, ...found.rows_missing].filter((range) => range[0] === number);
    const gaps = ranges.map(([, from, to, candles, reason]) => ({ from, to, candles, reason: reason || "rows_missing" }));
    gaps.push(...unfetchedRanges(market.days, start));
    gaps.sort((a, b) => (a.from < b.from ? 1 : -1));
    const list = el("section", { class: "panel", "aria-live": "polite" });
    const grid = el("table", { class: "calendar", role: "grid", "aria-label": `${marketName(market)} of ${market.source} in ${found.year}` },
      el("thead", {}, el("tr", {}, el("th", { scope: "col" }, hidden("Month")), Array.from({ length: 31 }, (_, place) => el("th", { scope: "col" }, String(place + 1))))),
      el("tbody", {}, MONTHS.map((name, month) => [name, month]).filter(([, month]) => daysOf(found, market, month)).map(([name, month]) => el("tr", {}, el("th", { scope: "row" }, name), Array.from({ length: 31 }, (_, place) => {
        const ms = Date.UTC(found.year, month, place + 1);
        const letter = market.days[Math.round((ms - start) / DAY_MS)];
        if (new Date(ms).getUTCMonth() !== month || !letter || letter === ".") return el("td", {});
        const day = dayText(ms);
        return el("td", { class: "on", "data-day": letter, "data-of": day, tabindex: -1, role: "gridcell", title: `${day}: ${LETTERS[letter]}` }, el("span", { "aria-hidden": "true" }, MARKS[letter]), hidden(`${day}: ${LETTERS[letter]}`));
      })))));
    const cells = [...grid.querySelectorAll(".on")];
    if (cells.length) cells[cells.length - 1].tabIndex = 0;
    const pick = (cell) => {
      for (const each of grid.querySelectorAll("[aria-selected]")) each.removeAttribute("aria-selected");
      cell.setAttribute("aria-selected", "true");
      list.replaceChildren(...gapList(found, market, gaps, cell.dataset.of));
    };
    grid.addEventListener("click", (event) => event.target.closest(".on") && pick(event.target.closest(".on")));
    grid.addEventListener("keydown", (event) => {
      const place = cells.indexOf(event.target);
      if (place < 0) return;
      if (event.key === "Enter" || event.key === " ") pick(event.target);
      else if (!["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) return;
      else move(cells, place, event.key);
      event.preventDefault();
    });
    list.append(...gapList(found, market, gaps, null));
    const letters = market.days.replaceAll(".", "");
    const right = [...letters].filter((letter) => "cq".includes(letter)).length;
    return [
      el("section", { class: "panel" }, el("h2", {}, `${marketName(market)} of ${market.source} in ${found.year}: ${count(right)} of ${counted(letters.length, "day")} complete`),
        el("div", { class: "scroll" }, grid)),
      list,
    ];
  }

  function move(cells, place, key) {
    const day = (cell) => dayMs(cell.dataset.of);
    let to = { ArrowLeft: place - 1, ArrowRight: place + 1, Home: 0, End: cells.length - 1 }[key];
    if (to === undefined) {
      const wanted = new Date(day(cells[place]));
      wanted.setUTCMonth(wanted.getUTCMonth() + (key === "ArrowUp" ? -1 : 1));
      to = cells.findIndex((cell) => day(cell) >= wanted.getTime());
      if (to < 0) to = cells.length - 1;
    }
    const next = cells[Math.max(0, Math.min(cells.length - 1, to))];
    cells[place].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }

  function unfetchedRanges(letters, start) {
    return [...letters.matchAll(/u+/g)].map((found) => ({
      from: `${dayText(start + found.index * DAY_MS)}T00:00`,
      to: `${dayText(start + (found.index + found[0].length) * DAY_MS)}T00:00`,
      candles: found[0].length * source.status.candles_a_day,
      reason: "unfetched",
    }));
  }

  const SHOWN_GAPS = 100;

  function gapList(found, market, gaps, day) {
    const dayEnd = day && `${dayText(dayMs(day) + DAY_MS)}T00:00`;
    const chosen = day ? gaps.filter((gap) => gap.from < dayEnd && gap.to > `${day}T00:00`) : gaps;
    const where = day ? `on ${day}` : `in ${found.year}`;
    const letters = day ? market.days[Math.round((dayMs(day) - dayMs(found.first)) / DAY_MS)] : market.days;
    // The newest ranges are in the document. Whether others are missing is known from the days' letters.
    const isCut = (kept, leftOut, marks) => leftOut > 0 && marks.test(letters) && (!day || !kept.length || `${day}T00:00` < kept[kept.length - 1][2]);
    const gapsAreCut = isCut(found.gaps, found.gaps_left_out, /[pgqn]/);
    const rowsAreCut = isCut(found.rows_missing, found.rows_missing_left_out, /[pg]/);
    const hasGaps = !rowsAreCut && !chosen.some((gap) => gap.reason === "rows_missing");
    const remedy = el("div", { "aria-live": "polite" });
    const rows = chosen.slice(0, SHOWN_GAPS).map((gap) => el("tr", {},
      el("td", { class: "nowrap" }, stamp(gap.from)), el("td", { class: "nowrap" }, stamp(gap.to)), el("td", { class: "number" }, count(gap.candles)),
      el("td", {}, REASONS[gap.reason] || gap.reason),
      el("td", {}, !market.is_in_settings ? "no longer in the settings" : ["not_listed", "removed"].includes(gap.reason) ? "nothing to fix" : el("button", { type: "button", onclick: () => remedy.replaceChildren(...remedyOf(gap, market)) }, "How to fix it"))));
    return [
      el("h2", {}, `Missing candles of ${marketName(market)} ${where}`),
      chosen.length
        ? table(null, [["From"], ["Until, excluded"], ["Candles", true], ["Reason"], [hidden("Remedy")]], rows)
        : !gapsAreCut && !rowsAreCut && el("p", { class: "quiet" }, `No candle is missing ${where}.`),
      chosen.length > SHOWN_GAPS && el("p", { class: "quiet" }, `${counted(chosen.length - SHOWN_GAPS, "older range")} not shown: select a day.`),
      ...(rowsAreCut ? rowsElsewhere(found, day) : []),
      ...(gapsAreCut ? gapsElsewhere(found, market, day, hasGaps) : []),
      remedy,
    ].filter(Boolean);
  }

  // The page's data in Airflow have a limit. The warehouse has all gaps.
  function gapsElsewhere(found, market, day, hasGaps) {
    const ranges = !day ? `${counted(found.gaps_left_out, "older range")} of all markets in ${found.year} are`
      : hasGaps ? "Ranges of this day are" : "Ranges of this day with a reason, if there are any, are";
    const text = el("p", {}, `${ranges} only in crypto.candle_gaps, because an XCom has a limit.`);
    const names = [market.source, market.symbol, market.quote, source.status.candle_interval];
    if (!names.every(isPlain)) return [text];
    const [from, to] = day ? [day, dayText(dayMs(day) + DAY_MS)] : [`${found.year}-01-01`, `${found.year + 1}-01-01`];
    const [venue, symbol, quote, interval] = names;
    return [text, copyable(`SELECT starts_at, ends_at, candles, reason FROM crypto.candle_gaps
WHERE source = '${venue}' AND symbol = '${symbol}' AND quote_currency = '${quote}' AND candle_interval = '${interval}'
    AND starts_at < '${to}' AND ends_at > '${from}'
ORDER BY starts_at`)];
  }

  // No table has the ranges of missing rows. The audit counts the rows again.
  function rowsElsewhere(found, day) {
    const ranges = day ? "Whether rows of this day are missing from the table without a reason is"
      : `${counted(found.rows_missing_left_out, "older range")} of all markets in ${found.year}, whose rows are missing from the table without a reason, are`;
    const end = day ? dayMs(day) + DAY_MS : dayMs(found.first) + found.markets[0].days.length * DAY_MS;
    return [
      el("p", {}, `${ranges} not shown here, because an XCom has a limit. ${AUDIT} finds and reloads those of the markets in the settings.`),
      ...trigger(AUDIT, { start: day || found.first, end: dayText(end) }),
    ];
  }

  const trigger = (dag, conf) => [
    el("p", {}, "Trigger ", source.isReport ? el("code", {}, dag) : el("a", { href: `../dags/${dag}` }, dag), " with this JSON:"),
    copyable(JSON.stringify(conf)),
  ];

  function remedyOf(gap, market) {
    const start = gap.from.slice(0, 10);
    const end = gap.to.slice(11) === "00:00" ? gap.to.slice(0, 10) : dayText(dayMs(gap.to) + DAY_MS);
    const [dag, conf] = gap.reason === "unfetched"
      ? ["crypto_prices_backfill", { start, end, sources: [market.source] }]
      : [AUDIT, gap.reason === "rows_missing" ? { start, end } : { start, end, ask_again: [gap.reason] }];
    return [
      ...trigger(dag, conf),
      gap.reason === "no_trade" && el("p", { class: "quiet" }, "The exchange leaves out candles without a trade, so the result is likely the same."),
    ].filter(Boolean);
  }

  // ---------------------------------------------------------------- Prices

  const prices = { market: null, unit: "daily", venues: null, leading: null };
  let chart = null;

  const opensAt = (time) => Date.parse(time.length === 10 ? `${time}T00:00Z` : `${time}:00Z`);
  const parsed = (text, candleOf) => (text ? text.split("\n").map((line) => candleOf(...line.split(","))) : []);
  const parseCandles = (text) => parsed(text, (time, open, high, low, close, volume, candles, restated) => (
    { time, ms: opensAt(time), open, high, low, close, volume, candles: Number(candles), restated: Number(restated || 0) }));
  const parseConsensus = (text) => parsed(text, (time, close, weak) => ({ time, ms: opensAt(time), close, isWeak: Boolean(weak) }));

  const CONSENSUS = "consensus (USD)";

  // The line of the consensus of a symbol, if it has one. It has an axis of its own if the market's prices are not in dollars.
  async function consensusOf(status, { symbol, quote }, number) {
    const entry = status.consensus.find((each) => each.symbol === symbol);
    if (!entry) return null;
    const found = await source.document(entry.key);
    return { source: CONSENSUS, candles: parseConsensus(found[prices.unit]), leftOut: found.left_out[prices.unit], number, isConsensus: true, hasOwnAxis: !quote.includes("USD") };
  }

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // Canvas colors: the theme's oklch() as the chart library takes them.
  function color(name, alpha = 1) {
    const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    context.fillStyle = css(name);
    context.fillRect(0, 0, 1, 1);
    const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
    return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
  }

  const VENUE_COLORS = { light: ["#3b5b92", "#b7791f", "#7b4fa3", "#0f7d7a", "#b0446a", "#5d7f1f"], dark: ["#8db2f0", "#e8b75a", "#c49be8", "#5cc9c3", "#ef92b4", "#aecb6a"] };

  async function pricesView() {
    const { status } = source;
    if (!status.markets.length) throw new Problem("No prices yet", `The warehouse has no candle in the 400 days before ${status.until}.`);
    const names = [...new Set(status.markets.map(marketName))];
    if (!names.includes(prices.market)) prices.market = names[0];
    const venues = status.markets.filter((market) => marketName(market) === prices.market);
    const found = await Promise.all(venues.map((market) => source.document(market.key)));
    const series = found.map((each, number) => ({
      source: each.source, candles: parseCandles(each[prices.unit]), number,
      isCandle: parseCandles(each.daily).some((candle) => candle.high && candle.close),
      leftOut: each.left_out[prices.unit],
    }));
    const leading = series.find((each) => each.source === prices.leading) || series.find((each) => each.isCandle) || series[0];
    const consensus = await consensusOf(status, venues[0], series.length);
    const lines = [...series, consensus].filter(Boolean);
    const shown = new Set(lines.filter((each) => each === leading || !prices.venues || prices.venues.has(each.source)).map((each) => each.source));
    const palette = VENUE_COLORS[document.documentElement.dataset.theme === "dark" ? "dark" : "light"];

    const reading = el("div", { class: "reading", "aria-live": "polite" });
    const receipt = el("div", {});
    const box = el("div", { class: "chart", tabindex: 0, role: "application", "aria-label": `${prices.market}, ${prices.unit} candles of ${leading.source}. Arrow keys move from candle to candle, Enter shows where a number comes from.` });
    const redraw = () => show(true);

    const ready = () => draw(box, reading, receipt, leading, lines.filter((each) => shown.has(each.source)), palette);
    return Object.assign([
      el("h1", {}, prices.market),
      el("p", { class: "lead" }, `${prices.unit === "daily" ? "Daily" : "Hourly"} candles until ${dayText(dayMs(status.until) - DAY_MS)}${series.length > 1 ? ", with the closing prices of the other venues" : ""}${consensus ? `${series.length > 1 ? " and" : ", with"} the consensus of all venues in US dollars at the end of each ${prices.unit === "daily" ? "day" : "hour"}` : ""}. Times are the opening times in UTC.`),
      el("div", { class: "controls" },
        el("label", {}, "Market", el("select", { id: "market", onchange: (event) => {
          Object.assign(prices, { market: event.target.value, venues: null, leading: null });
          redraw();
        } }, names.map((name) => option(name, name, prices.market)))),
        el("span", { class: "group", role: "group", "aria-label": "Length of a candle" }, [["daily", "Daily"], ["hourly", "Hourly"]].map(([unit, word]) => el("button", {
          type: "button", id: `unit-${unit}`, "aria-pressed": prices.unit === unit, onclick: () => {
            prices.unit = unit;
            redraw();
          } }, word))),
        el("label", {}, "Candles of", el("select", { id: "venue", onchange: (event) => {
          prices.leading = event.target.value;
          redraw();
        } }, series.map((each) => option(each.source, each.source, leading.source)))),
        lines.length > 1 && el("span", { class: "venues", role: "group", "aria-label": "Other lines" }, lines.filter((each) => each !== leading).map((each) => el("label", {},
          el("input", { type: "checkbox", id: `line-${each.number}`, checked: shown.has(each.source), onchange: (event) => {
            if (event.target.checked) shown.add(each.source);
            else shown.delete(each.source);
            prices.venues = new Set(shown);
            redraw();
          } }), el("span", { class: "dash", style: { background: palette[each.number % palette.length] } }), each.source)))),
      el("section", { class: "panel" }, reading, box,
        ...lines.filter((each) => each.leftOut > 0).map((each) => el("p", { class: "quiet" }, `The oldest ${counted(each.leftOut, `${prices.unit} candle`)} of ${each.source} are left out, because the page's data in Airflow have a limit.`)),
        leading.candles.some((candle) => candle.restated) && el("p", { class: "quiet" }, "▲ marks a restated candle: a later load has changed its values."),
        receipt),
      valuesTable(leading, lines.filter((each) => each !== leading && shown.has(each.source))),
    ], { ready });
  }

  const first = (candle) => candle.close || candle.open;

  const TABLE_ROWS = 60;

  // All candles beside the chart, newest first, with a column per line.
  function valuesTable(leading, others) {
    const candles = [...leading.candles].reverse();
    const closes = others.map((each) => new Map(each.candles.map((candle) => [candle.time, candle])));
    const restated = candles.some((candle) => candle.restated);
    const price = (candle) => (candle ? `${first(candle)}${candle.isWeak ? " (weak)" : ""}` : "–");
    const body = el("div", {});
    let from = 0;
    const turn = (rows) => {
      from += rows;
      newer.disabled = from === 0;
      older.disabled = from + TABLE_ROWS >= candles.length;
      const page = candles.slice(from, from + TABLE_ROWS);
      body.replaceChildren(
        table(`${prices.market} of ${leading.source}, exact decimals: ${from + 1} to ${from + page.length} of ${counted(candles.length, "candle")}, newest first`,
          [["Opens at"], ["Open", true], ["High", true], ["Low", true], ["Close", true], ["Volume", true], ...others.map((each) => [each.source, true]), ...(restated ? [["Restated"]] : [])],
          page.map((candle) => el("tr", {},
            el("td", { class: "nowrap" }, openTime(candle)), [candle.open, candle.high, candle.low, candle.close, candle.volume].map((value) => el("td", { class: "number" }, value || "–")),
            closes.map((line) => el("td", { class: "number" }, price(line.get(candle.time)))), restated && el("td", {}, restatedText(candle))))));
    };
    const newer = el("button", { type: "button", onclick: () => turn(-TABLE_ROWS) }, "Newer");
    const older = el("button", { type: "button", onclick: () => turn(TABLE_ROWS) }, "Older");
    const details = el("details", { class: "panel" }, el("summary", {}, `${counted(candles.length, "candle")} of ${leading.source} as a table`));
    details.addEventListener("toggle", () => {
      if (body.isConnected) return;
      turn(0);
      details.append(body, el("div", { class: "controls" }, newer, older));
    });
    return details;
  }

  // A daily candle consists of several.
  const restatedText = (candle) => candle.restated > 0 && (candle.candles > 1 ? `${candle.restated} of ${counted(candle.candles, "candle")} restated` : "restated");
  const openTime = (candle) => (candle.time.length === 10 ? `${candle.time} UTC` : `${candle.time.replace("T", " ")}:00 UTC`);

  function draw(box, reading, receipt, leading, shown, palette) {
    const { createChart, CandlestickSeries, HistogramSeries, LineSeries, createSeriesMarkers, CrosshairMode, LineStyle } = window.LightweightCharts;
    chart = createChart(box, {
      autoSize: true,
      layout: { background: { color: color("--panel") }, textColor: color("--muted"), fontFamily: css("font-family") || "system-ui, sans-serif", attributionLogo: false },
      grid: { vertLines: { color: color("--line") }, horzLines: { color: color("--line") } },
      rightPriceScale: { borderColor: color("--line") },
      leftPriceScale: { borderColor: color("--line"), visible: shown.some((each) => each.hasOwnAxis) },
      timeScale: { borderColor: color("--line"), timeVisible: prices.unit === "hourly", secondsVisible: false, maxBarSpacing: 36 },
      crosshair: { mode: CrosshairMode.Magnet },
      localization: { locale: "en-GB" },
    });
    const at = (candle) => candle.ms / 1000;
    const places = leading.candles.length ? decimals(leading.candles[leading.candles.length - 1].open) : 2;
    const priceFormat = { type: "price", precision: places, minMove: 10 ** -places };
    let main;
    if (leading.isCandle) {
      main = chart.addSeries(CandlestickSeries, { upColor: color("--ok"), wickUpColor: color("--ok"), downColor: color("--bad"), wickDownColor: color("--bad"), borderVisible: false, priceFormat, lastValueVisible: false, priceLineVisible: false });
      main.setData(leading.candles.map((candle) => ({ time: at(candle), open: +candle.open, high: +candle.high, low: +candle.low, close: +candle.close })));
      const volume = chart.addSeries(HistogramSeries, { priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
      volume.priceScale().applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
      main.priceScale().applyOptions({ scaleMargins: { top: 0.08, bottom: 0.22 } });
      volume.setData(leading.candles.map((candle) => ({ time: at(candle), value: +candle.volume, color: color(+candle.close >= +candle.open ? "--ok" : "--bad", 0.35) })));
    } else {
      main = chart.addSeries(LineSeries, { color: palette[leading.number % palette.length], lineWidth: 2, priceFormat, priceLineVisible: false });
      main.setData(leading.candles.map((candle) => ({ time: at(candle), value: +first(candle) })));
    }
    for (const each of shown.filter((one) => one !== leading)) {
      chart.addSeries(LineSeries, { color: palette[each.number % palette.length], lineWidth: 1, lineStyle: each.isConsensus ? LineStyle.Dashed : LineStyle.Solid, priceScaleId: each.hasOwnAxis ? "left" : "right", priceFormat: each.hasOwnAxis ? { type: "price" } : priceFormat, lastValueVisible: false, priceLineVisible: false, crosshairMarkerRadius: 3 })
        .setData(each.candles.map((candle) => ({ time: at(candle), value: +first(candle) })));
    }
    const restated = leading.candles.filter((candle) => candle.restated);
    if (restated.length) {
      createSeriesMarkers(main, restated.map((candle) => ({ time: at(candle), position: "belowBar", shape: "arrowUp", color: color("--busy"), text: "restated" })));
    }
    chart.timeScale().fitContent();

    const byTime = new Map(leading.candles.map((candle) => [at(candle), candle]));
    const read = (candle) => reading.replaceChildren(...(candle ? readingOf(candle, leading, shown) : []));
    const latest = leading.candles[leading.candles.length - 1];
    let chosen = leading.candles.length - 1;
    read(latest);
    chart.subscribeCrosshairMove((event) => read(byTime.get(event.time) || latest));
    chart.subscribeClick((event) => byTime.has(event.time) && receipt.replaceChildren(...receiptOf(byTime.get(event.time), leading)));
    box.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -30, PageDown: 30 }[event.key];
      if (steps === undefined && event.key !== "Enter") return;
      event.preventDefault();
      if (steps) chosen = Math.max(0, Math.min(leading.candles.length - 1, chosen + steps));
      const candle = leading.candles[chosen];
      if (!candle) return;
      chart.setCrosshairPosition(+first(candle), at(candle), main);
      read(candle);
      if (event.key === "Enter") receipt.replaceChildren(...receiptOf(candle, leading));
    });
  }

  function decimals(text) {
    return Math.min(8, Math.max(2, (String(text).split(".")[1] || "").length));
  }

  function readingOf(candle, leading, shown) {
    const value = (name, text) => text && el("span", {}, `${name} `, el("b", {}, text));
    const others = shown.filter((each) => each !== leading).map((each) => {
      const same = each.candles.find((one) => one.time === candle.time);
      return same && value(each.source, same.isWeak ? `${first(same)} (weak)` : first(same));
    });
    return [
      el("span", {}, el("b", {}, openTime(candle))), value("open", candle.open), value("high", candle.high), value("low", candle.low),
      value("close", candle.close), value("volume", candle.volume),
      candle.restated > 0 && el("span", { class: "fair" }, restatedText(candle)), ...others,
    ].filter(Boolean);
  }

  // What prints where a number comes from, and checks it again. A candle of the chart that consists of several has the
  // receipt of the mart's day, or of the first of them.
  function receiptOf(candle, leading) {
    const { candle_interval: interval, candles_a_day: candlesADay } = source.status;
    const question = { market: prices.market, source: leading.source };
    const isDay = candle.time.length === 10;
    if (isDay && candlesADay > 1) Object.assign(question, { mart: "daily", day: candle.time });
    else question.at = isDay ? `${candle.time}T00:00` : `${candle.time}:00`;
    // The name of a market goes into a command line, so anything but a plain one gets none.
    if (![question.market, question.source].every(isPlain)) {
      return [el("p", {}, "The market's name has characters that a command line may not have, so it has no command for its receipt.")];
    }
    const variables = Object.entries({ market: question.market, at: question.at, mart: question.mart, day: question.day, source: question.source, interval: interval === "1h" || question.mart ? undefined : interval });
    const command = `make explain ${variables.filter(([, text]) => text).map(([name, text]) => `${name.toUpperCase()}=${text}`).join(" ")}`;
    const what = question.mart ? `the day ${question.day}` : `the candle that opens at ${openTime(candle)}`;
    const inAirflow = [el("p", {}, "In Airflow, trigger ", source.isReport ? el("code", {}, EXPLAIN) : el("a", { href: `../dags/${EXPLAIN}` }, EXPLAIN), " with this JSON. It reads Airflow's warehouse:"), copyable(JSON.stringify(question))];
    const here = [el("p", {}, "On a machine with this repository, run this command. It reads the local warehouse only:"), copyable(command)];
    return [
      el("p", {}, `Where the numbers of ${what} come from, with a check of every step.`),
      !isDay && candlesADay > 24 && el("p", { class: "quiet" }, "This is the first candle of the hour."),
      ...(source.isReport ? [...here, ...inAirflow] : [...inAirflow, ...here]),
    ].filter(Boolean);
  }

  // ---------------------------------------------------------------- Loads

  let chosenLoad = 0;

  async function loadsView() {
    const { status } = source;
    if (!status.loads.length) throw new Problem("No loads yet", NO_DATA);
    const durations = await source.durations(status.loads);
    chosenLoad = Math.min(chosenLoad, status.loads.length - 1);
    const detail = el("section", { class: "panel", "aria-live": "polite" });
    const choose = (number) => {
      chosenLoad = number;
      for (const row of list.querySelectorAll("tbody tr")) row.setAttribute("aria-selected", Number(row.dataset.number) === number);
      detail.replaceChildren(...loadDetail(status.loads[number], status.loads, durations));
    };
    const list = table(null, [["Days"], ["Loaded"], ["Sources"], ["Fetched", true], ["Duplicates", true], ["Quarantined", true], ["Merged", true], ["Removed", true], ["Cost", true], ...(source.isReport ? [] : [["Run"]])], status.loads.map((load, number) => el("tr", { class: "choice", "data-number": number, onclick: () => choose(number) },
      el("th", { scope: "row" }, el("button", { type: "button", class: "plain", onclick: () => choose(number) }, windowText(load))),
      el("td", { class: "nowrap" }, stamp(load.loaded_at)), el("td", {}, load.sources.map((each) => each.source).join(", ")),
      ["fetched", "duplicate", "quarantined", "merged", "removed"].map((name) => el("td", { class: "number" }, count(total(load, name)))),
      el("td", { class: "number" }, load.usd === undefined ? "–" : `≈ ${usd(load.usd)}`),
      !source.isReport && el("td", {}, runLink(load.dag_id, load.run_id, "open")))));
    choose(chosenLoad);
    return [
      el("h1", {}, "What did the loads do?"),
      el("p", { class: "lead" }, `The newest ${counted(status.loads.length, "load")}. Every fetched record is accounted for: fetched = curated + quarantined + duplicates, curated = staged = merged. Times are in UTC.`),
      deniedNote(),
      detail,
      el("section", { class: "panel" }, el("h2", {}, "Loads, newest first"), list),
    ];
  }

  function total(load, name) {
    const values = load.sources.map((each) => each[name]);
    return values.includes(null) ? null : sum(values);
  }

  function stepSeconds(load, durations) {
    const steps = { ...durations.get(load.run_id) };
    if (steps.curate === undefined && load.glue_seconds !== undefined) steps.curate = load.glue_seconds;
    return steps;
  }

  function loadDetail(load, loads, durations) {
    const mine = stepSeconds(load, durations);
    const all = loads.map((each) => stepSeconds(each, durations));
    const step = (key, name, field, more) => {
      const usual = median(all.map((each) => each[key]).filter((value) => value !== undefined));
      const slow = mine[key] > usual * 1.5 && mine[key] - usual > 5;
      return el("li", {}, el("div", { class: "name" }, name), el("div", { class: "figure" }, count(total(load, field))), more && el("small", {}, more),
        el("small", { class: slow && "fair" }, mine[key] === undefined ? "duration: see the run" : `${seconds(mine[key])} · median ${seconds(usual)}`));
    };
    const wrong = load.sources.filter((each) => each.status !== "loaded");
    const left = [["quarantined", "quarantined"], ["duplicate", "duplicate"]].map(([name, word]) => `${count(total(load, name))} ${word}`).join(", ");
    return [
      el("h2", {}, `${windowText(load)} · `, runLink(load.dag_id, load.run_id, load.run_id)),
      el("ol", { class: "flow" }, step("fetch", "Fetched", "fetched"), step("curate", "Curated", "curated", left), step("stage", "Staged", "staged"), step("merge", "Merged", "merged", `${count(total(load, "removed"))} older rows removed`)),
      wrong.length
        ? el("p", { class: "poor" }, `The counts of ${wrong.map((each) => each.source).join(", ")} differ between the steps. The log of reconcile shows them.`)
        : el("p", { class: "good" }, "The counts of all steps agree."),
      !load.recorded_at && el("p", { class: "fair" }, "The load is not published in the Glue catalog."),
      table(null, [["Source"], ["Markets", true], ["Fetched", true], ["Duplicates", true], ["Quarantined", true], ["Curated", true], ["Staged", true], ["Merged", true], ["In the window", true]], load.sources.map((each) => el("tr", {},
        el("th", { scope: "row" }, each.source), ["markets", "fetched", "duplicate", "quarantined", "curated", "staged", "merged", "in_window"].map((name) => el("td", { class: "number" }, count(each[name])))))),
    ].filter(Boolean);
  }

  // ---------------------------------------------------------------- frame

  const VIEWS = { status: ["Status", statusView], coverage: ["Coverage", coverageView], prices: ["Prices", pricesView], loads: ["Loads", loadsView] };
  const main = document.getElementById("main");
  let turn = 0;

  const viewName = () => (VIEWS[location.hash.slice(1)] ? location.hash.slice(1) : "status");

  async function show(keepFocus) {
    const mine = ++turn;
    const name = viewName();
    const focused = keepFocus && document.activeElement && document.activeElement.id;
    for (const link of document.querySelectorAll("#views a")) {
      if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    let nodes;
    try {
      await started;
      nodes = await VIEWS[name][1]();
      document.title = `${VIEWS[name][0]} – Crypto prices`;
    } catch (error) {
      nodes = [problem(error)];
    }
    if (mine !== turn) return;
    if (chart) chart.remove();
    chart = null;
    main.replaceChildren(...nodes.filter(Boolean));
    if (nodes.ready) nodes.ready();
    if (focused && document.getElementById(focused)) document.getElementById(focused).focus();
    main.dataset.view = name;
  }

  function problem(error) {
    const isKnown = error instanceof Problem;
    if (!isKnown) console.error(error);
    return el("div", { class: "message", role: "alert" }, el("h1", {}, isKnown ? error.title : "The page has an error"),
      el("p", {}, isKnown ? error.message : `${error}. Please report it with the browser's console.`),
      error.link && el("p", {}, el("a", { href: error.link[0] }, error.link[1])));
  }

  // Airflow's UI keeps its mode under this key.
  function theme() {
    let chosen = null;
    try {
      chosen = localStorage.getItem("theme");
    } catch { /* a browser that keeps nothing */ }
    if (chosen !== "dark" && chosen !== "light") chosen = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    document.documentElement.dataset.theme = chosen;
    return chosen;
  }

  function frame() {
    theme();
    document.getElementById("views").append(...Object.entries(VIEWS).map(([name, [word]]) => el("a", { href: `#${name}` }, word)));
    const toggle = el("button", { type: "button", class: "plain", onclick: () => {
      const other = theme() === "dark" ? "light" : "dark";
      try {
        localStorage.setItem("theme", other);
      } catch { /* a browser that keeps nothing */ }
      document.documentElement.dataset.theme = other;
      toggle.textContent = other === "dark" ? "Light" : "Dark";
      show();
    } }, theme() === "dark" ? "Light" : "Dark");
    document.getElementById("tools").append(el("span", { id: "as-of" }), toggle, ...(source.isReport ? [] : [el("a", { href: "../" }, "Airflow")]));
    addEventListener("hashchange", async () => {
      await show();
      scrollTo(0, 0);
      main.focus({ preventScroll: true });
    });
    addEventListener("storage", (event) => {
      if (event.key === "theme") {
        theme();
        show();
      }
    });
  }

  function footer() {
    const { status } = source;
    document.getElementById("as-of").textContent = `as of ${stamp(status.written_at)}`;
    document.getElementById("footer").append(
      ...(status.sources.some((each) => each.source === "coingecko")
        ? [el("p", {}, "Data of the source coingecko: Data provided by ", el("a", { href: "https://www.coingecko.com", rel: "noopener" }, "CoinGecko"), ".")] : []),
      el("p", {}, `All times are in UTC. ${source.isReport ? "This file makes no request." : "Costs are estimates from the settings' prices."}`),
      el("p", {}, "Charts: TradingView Lightweight Charts™, Copyright © 2026 TradingView, Inc. ", el("a", { href: "https://www.tradingview.com/", rel: "noopener" }, "tradingview.com")));
  }

  frame();
  const started = source.start().then(footer);
  show();
})();
