// The page "Live sessions": asks its server for rows, shows them, and asks again. No library, no build.
"use strict";

const STAGES = {
  live: "Live",
  empty: "Empty",
  failed: "Failed",
  waiting: "Waiting for artifacts",
  scheduled: "Scheduled",
  done: "Done",
  cancelled: "Cancelled",
  not_held: "Not held",
};
const DOORS = { room: "Room", recording: "Recording" };
const WHILE_ASKING = 2; // seconds until the next look while a platform is being asked
const AFTER_ERROR = 15;

const $ = (id) => document.getElementById(id);
const one = new URLSearchParams(location.search); // the one task whose session is shown, if it is
let data = null;
let chosen = { text: "", platform: "", stages: [] };
let timer = 0;

// ---- what the person has chosen in Airflow: theme and time zone

function stored(name) {
  try {
    const value = localStorage.getItem(name);
    return value && value.startsWith('"') ? JSON.parse(value) : value;
  } catch {
    return null;
  }
}

function dress() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = stored("theme");
  document.documentElement.dataset.theme = theme === "dark" || theme === "light" ? theme : dark ? "dark" : "light";
}

function zone() {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const wanted = stored("timezone") || here;
  try {
    return Intl.DateTimeFormat("en", { timeZone: wanted }).resolvedOptions().timeZone;
  } catch {
    return here;
  }
}

function clock(from, to) {
  if (!from) return "";
  const day = { timeZone: zone(), weekday: "short", day: "numeric", month: "short" };
  const hour = { timeZone: zone(), hour: "2-digit", minute: "2-digit" };
  const format = (options, when) => new Intl.DateTimeFormat(undefined, options).format(new Date(when));
  const later = to && format(day, from) === format(day, to) ? hour : { ...day, ...hour };
  return `${format({ ...day, ...hour }, from)}${to ? ` – ${format(later, to)}` : ""}`;
}

// What platforms and tasks say holds times as machines write them; the id of a run, which may end like one, stays.
function told(text) {
  const written = /(?<![\w:+-])\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)/g;
  return text.replace(written, (time) => clock(time));
}

// ---- links: Airflow shows this page in a frame that may neither navigate it nor open tabs, so a link of a frame
// ---- is followed by the page around it, which is of the same origin

function around() {
  try {
    return window.parent !== window && window.parent.location.origin === location.origin ? window.parent : null;
  } catch {
    return null;
  }
}

function follow(event) {
  const link = event.target.closest("a[data-out]");
  const outer = around();
  if (!link || !outer || event.button > 1) return;
  event.preventDefault();
  const there = outer.document.createElement("a");
  there.href = link.href;
  if (link.target === "_blank" || event.ctrlKey || event.metaKey || event.shiftKey || event.button === 1) {
    there.target = "_blank";
    there.rel = "noopener"; // over plain http a door looks at where it is opened from
  }
  there.hidden = true;
  outer.document.body.append(there);
  there.click();
  there.remove();
}

// ---- the id of a run, for forms that ask for it

async function copy(event) {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  let done = true;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    // There is no clipboard over plain http: the id is selected, as by hand, and copied where the browser still does.
    getSelection().selectAllChildren(button.parentElement.querySelector("span"));
    done = document.execCommand("copy");
  }
  button.textContent = done ? "Copied" : "Selected";
}

// ---- making elements; every text goes in as text

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== ""));
  return element;
}

const keyOf = (row) => `${row.dag_id}/${row.run_id}/${row.task_id}/${row.map_index}`;

function rowOf(row) {
  const key = keyOf(row);
  const held = row.started_at ? `${row.ended_at ? "Held" : "Since"} ${clock(row.started_at, row.ended_at)}` : "";
  const people = [row.people === null ? "" : `${row.people} came`, row.expected === null ? "" : `${row.expected} expected`];
  const doors = Object.entries(row.doors).map(([door, address]) =>
    make("a", {
      href: address, target: "_blank", rel: "noopener", "data-out": "", "data-key": `${key}/${door}`,
      "aria-label": `${DOORS[door]} of ${row.title}, in a new tab`,
    }, DOORS[door]));
  return make("tr", { "data-stage": row.stage, "data-session": key },
    make("td", { class: "state" }, make("span", { class: `stage ${row.stage}` }, STAGES[row.stage])),
    make("td", {},
      make("div", { class: "title" }, row.title),
      make("div", { class: "soft" }, told(row.why)),
      row.log ? make("div", {}, make("a", { href: row.log, "data-out": "", "data-key": `${key}/log` }, "Log of the launch")) : "",
      row.platform ? make("div", { class: "soft" }, [row.platform, row.conn_id].filter(Boolean).join(" · ")) : ""),
    make("td", { class: "when", "data-label": "When" },
      make("div", {}, clock(row.start, row.end)), held ? make("div", { class: "soft" }, held) : ""),
    make("td", { "data-label": "People" }, ...people.filter(Boolean).map((text) => make("div", {}, text))),
    make("td", { class: "run", "data-label": "DAG run" },
      make("a", { href: row.run, "data-out": "", "data-key": `${key}/run` }, row.dag_id),
      make("div", { class: "soft" },
        make("span", {}, row.run_id), row.map_index >= 0 ? ` [${row.map_index}] ` : " ",
        make("button", {
          type: "button", class: "copy", "data-copy": row.run_id, "data-key": `${key}/copy`,
          "aria-label": `Copy the id of the run of ${row.title}`,
        }, "Copy id"))),
    make("td", { "data-label": doors.length ? "Open" : null }, doors.length ? make("div", { class: "doors" }, ...doors) : ""));
}

// ---- filters

function fits(row, { stage = true } = {}) {
  const text = chosen.text.trim().toLowerCase();
  const hay = [row.title, row.dag_id, row.run_id, row.conn_id, row.platform, row.why].join(" ").toLowerCase();
  return text.split(/\s+/).every((word) => hay.includes(word))
    && (!chosen.platform || row.platform === chosen.platform)
    && (!stage || !chosen.stages.length || chosen.stages.includes(row.stage));
}

function order(one, other) {
  const stages = Object.keys(STAGES);
  const rank = stages.indexOf(one.stage) - stages.indexOf(other.stage);
  const [a, b] = [one, other].map((row) => (row.start ? Date.parse(row.start) : 0));
  return rank || (one.stage === "scheduled" ? a - b : b - a) || keyOf(one).localeCompare(keyOf(other));
}

function showFilters() {
  const rows = data ? data.rows : [];
  const platforms = [...new Set(rows.map((row) => row.platform).filter(Boolean))].sort();
  if (chosen.platform && !platforms.includes(chosen.platform)) platforms.push(chosen.platform);
  const offered = [...$("platform").options].map((option) => option.value);
  if (offered.join("\n") !== ["", ...platforms].join("\n")) { // a list that is open would close
    $("platform").replaceChildren(make("option", { value: "" }, "All"),
      ...platforms.map((name) => make("option", { value: name }, name)));
  }
  $("platform").value = chosen.platform;
  const focused = document.activeElement?.dataset.stage;
  $("stages").replaceChildren(...Object.entries(STAGES).map(([stage, name]) => {
    const count = rows.filter((row) => row.stage === stage && fits(row, { stage: false })).length;
    return make("button", { type: "button", "data-stage": stage, "aria-pressed": String(chosen.stages.includes(stage)) },
      `${name} ${count}`);
  }));
  if (focused) $("stages").querySelector(`[data-stage="${focused}"]`)?.focus();
}

function choose(change) {
  chosen = { ...chosen, ...change };
  sessionStorage.setItem("live-sessions", JSON.stringify(chosen));
  show();
}

// ---- the page

function say(title, text) {
  $("empty").hidden = !title;
  $("empty").querySelector("h2").textContent = title;
  $("empty").querySelector("p").textContent = text;
  $("sessions").hidden = Boolean(title);
}

function show() {
  showFilters();
  $("when").textContent = `When (${zone()})`;
  if (!data) return;
  const rows = data.rows.filter((row) => fits(row)).sort(order);
  const focused = document.activeElement?.dataset.key;
  $("rows").replaceChildren(...rows.map(rowOf));
  if (focused) $("rows").querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  $("sessions").setAttribute("aria-busy", "false");
  if (rows.length) say("", "");
  else if (data.rows.length) say("Nothing fits the filters", "Clear the search, or choose another platform or state.");
  else {
    say("No sessions", `No DAG that you may read has launched a session in the last ${data.days} days. Trigger class_now, or unpause a timetable's DAG.`);
  }
  const asking = data.connections.filter((account) => account.asking);
  const live = data.rows.filter((row) => row.stage === "live").length;
  const counted = [
    `${rows.length} of ${data.rows.length}${data.truncated ? " latest" : ""} sessions, ${live} live`,
    asking.length ? `asking ${asking.map((account) => account.platform).join(", ")}…` : "",
  ];
  const text = counted.filter(Boolean).join("; ");
  if ($("told").textContent !== text) $("told").textContent = text;
  problems(data.connections.filter((account) => account.problem).map((account) => {
    const since = account.asked_at ? `Its sessions are shown as of ${clock(account.asked_at)}. ` : "";
    return `${account.platform}, connection ${account.conn_id}, could not be asked. ${since}${told(account.problem)}`;
  }));
}

function problems(texts) {
  const shown = [...$("problems").children].map((child) => child.textContent);
  if (shown.join("\n") !== texts.join("\n")) {
    $("problems").replaceChildren(...texts.map((text) => make("p", { class: "problem" }, text)));
  }
}

async function load() {
  clearTimeout(timer);
  let pause = AFTER_ERROR;
  try {
    const answer = await fetch(`rows${location.search}`, { headers: { Accept: "application/json" } });
    if (answer.status === 401) throw new Error("You are not logged in to Airflow any more. Log in and open this page again.");
    if (answer.status === 403) throw new Error("Your role in Airflow does not allow this page.");
    if (!answer.ok) throw new Error(`Airflow's API server answered ${answer.status}; its log says why.`);
    data = await answer.json();
    pause = data.connections.some((account) => account.asking) ? WHILE_ASKING : Math.max(data.interval, WHILE_ASKING);
    show();
  } catch (error) {
    const text = error instanceof TypeError ? "Airflow's API server cannot be reached." : error.message;
    problems([data ? `${text} What is shown is older.` : text]);
    if (!data) {
      say("The sessions cannot be shown", text);
      $("told").textContent = "Not loaded";
    }
  }
  timer = setTimeout(() => (document.hidden ? null : load()), pause * 1000);
}

function skeleton() {
  const cells = () => [6, 16, 12, 4, 10, 6].map(() => make("td", {}, make("span")));
  $("rows").replaceChildren(...[1, 2, 3].map(() => make("tr", { class: "skeleton", "aria-hidden": "true" }, ...cells())));
}

dress();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", dress);
addEventListener("storage", () => { dress(); show(); });
addEventListener("click", follow);
addEventListener("click", copy);
addEventListener("auxclick", follow);
document.addEventListener("visibilitychange", () => { if (!document.hidden) load(); });
try {
  chosen = { ...chosen, ...JSON.parse(sessionStorage.getItem("live-sessions") || "{}") };
} catch { /* what was stored is not ours */ }
$("text").value = chosen.text;
$("text").addEventListener("input", () => choose({ text: $("text").value }));
$("platform").addEventListener("change", () => choose({ platform: $("platform").value }));
$("stages").addEventListener("click", (event) => {
  const stage = event.target.closest("button")?.dataset.stage;
  if (!stage) return;
  const without = chosen.stages.filter((other) => other !== stage);
  choose({ stages: without.length === chosen.stages.length ? [...without, stage] : without });
});
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("refresh").addEventListener("click", load);
$("one").hidden = !one.has("dag_id");
skeleton();
show();
load();
