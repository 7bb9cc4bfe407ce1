// Moves the figures as they are measured, draws the chart, and asks for the page again to see what else has changed.

import { draw } from "/chart.js";
import { counted, counter, gauge, moment } from "/figures.js";
import { at, between, fromHistory, fromReadings, joined } from "/segments.js";

const SPANS = {
  live: { title: "Live", seconds: 300, resolution: 1, again: 0 },
  hour: { title: "Hour", seconds: 3600, resolution: 10, again: 10 },
  day: { title: "Day", seconds: 86400, resolution: 300, again: 60 },
  week: { title: "Week", seconds: 604800, resolution: 1800, again: 300 },
};
const QUANTITIES = { electricity: "Electricity", water: "Water", gas: "Gas" };
const KEPT = 320; // s of live readings
const PAGE_AGAIN = 5, TODAY_AGAIN = 300; // s
// A pulse input says nothing until the next pulse; all others speak at least every ten seconds.
const hold = sensor => (sensor.class === "pulse" ? 3600 : 20);

const $ = id => document.getElementById(id);
const sensors = new Map();  // by id, as the API has them
const heard = new Map();    // by id: the newest reading since sensors were asked for last
const live = new Map();     // by id: [[time, gauge]], the newest minutes
const past = new Map();     // by id: segments of the span that is shown
const midnight = new Map(); // by id: the counter at the beginning of today
let quantity = "electricity", span = "live";
let chart = null, pointed = null, dueDrawing = false, loading = null;

async function json(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}`);
  return answer.json();
}

const ask = (sensor, start, end, resolution) =>
  json(`/api/v2/sensors/${sensor.id}/history?${new URLSearchParams({ start, end, resolution })}`);

// --- figures

const row = id => document.querySelector(`#sensors tr[data-sensor="${id}"]`);

function write(cell, [text, unit]) {
  cell.firstChild.data = `${text} `;
  cell.lastElementChild.textContent = unit;
}

function showSensor(sensor) {
  const shown = row(sensor.id);
  if (!shown || !sensor.reading) return;
  write(shown.querySelector(".now"), gauge(sensor.reading.gauge, sensor.gauge_unit));
  write(shown.querySelector(".counter"), counter(sensor.reading.counter, sensor.counter_unit));
  const first = midnight.get(sensor.id) ?? null, last = sensor.reading.counter;
  const [text, unit] = counted(first === null || last === null ? null : last - first, sensor.counter_unit);
  shown.querySelector(".today").textContent = unit ? `${text} ${unit}` : text;
}

async function loadSensors() {
  heard.clear();
  const answer = await json("/api/v2/sensors");
  sensors.clear();
  for (const sensor of answer.sensors) {
    // What was heard while the answer was under way is not in it.
    sensors.set(sensor.id, { ...sensor, reading: heard.get(sensor.id) ?? sensor.reading });
  }
  sensors.forEach(showSensor);
  showChoices();
}

async function loadToday() {
  const start = Math.floor(new Date().setHours(0, 0, 0, 0) / 1000);
  for (const sensor of own()) {
    const columns = await ask(sensor, start, Math.ceil(Date.now() / 1000), 900);
    midnight.set(sensor.id, columns.counter_start.find(value => value !== null) ?? null);
    showSensor(sensor);
  }
}

// --- the rest of the page

/** Take over what the server writes newly; what is alive stays as it is. */
async function takePage() {
  const answer = await fetch("/");
  if (!answer.ok) throw new Error(`the page answers ${answer.status}`);
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  const rows = [...fresh.querySelectorAll("#sensors tr[data-sensor]")];
  if (rows.map(one => one.dataset.sensor).join() !== [...sensors.keys()].join()) {
    document.querySelector("#sensors tbody").replaceWith(fresh.querySelector("#sensors tbody").cloneNode(true));
    await loadSensors();
    await loadToday();
  }
  for (const one of rows) row(one.dataset.sensor)?.querySelector("th").replaceChildren(...one.querySelector("th").childNodes);
  for (const id of ["claim", "quarters", "parts"]) {
    if ($(id).innerHTML !== fresh.getElementById(id).innerHTML) $(id).replaceChildren(...fresh.getElementById(id).childNodes);
  }
  document.title = document.querySelector("h1").textContent = fresh.querySelector("h1").textContent;
  say(fresh.getElementById("health").className, fresh.getElementById("health").textContent);
  localTimes();
}

/** One at a time: who asks while it is under way gets that one. */
function loadPage() {
  loading ??= takePage().finally(() => { loading = null });
  return loading;
}

function say(condition, words) {
  $("health").className = condition;
  if ($("health").textContent !== words) $("health").textContent = words;
}

function localTimes() {
  for (const time of document.querySelectorAll("#quarters time")) time.textContent = moment(Date.parse(time.dateTime) / 1000);
}

// --- the chart

const own = () => [...sensors.values()].filter(sensor => sensor.class !== "peer");
const drawn = () => [...sensors.values()].filter(sensor => sensor.type === quantity && (span === "live" || sensor.class !== "peer"));
const colour = sensor => row(sensor.id)?.className ?? "c0";

function choice(box, titles, chosen, choose) {
  box.replaceChildren(...Object.entries(titles).map(([name, textContent]) => {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent, onclick: () => choose(name) });
    button.setAttribute("aria-pressed", name === chosen);
    return button;
  }));
}

function showChoices() {
  const measured = Object.keys(QUANTITIES).filter(name => [...sensors.values()].some(sensor => sensor.type === name));
  $("history").hidden = measured.length === 0;
  if (measured.length && !measured.includes(quantity)) quantity = measured[0];
  $("chart-title").textContent = QUANTITIES[quantity];
  $("quantities").hidden = measured.length < 2;
  const focused = document.activeElement?.closest(".bar [role=group]")?.id;
  choice($("quantities"), Object.fromEntries(measured.map(name => [name, QUANTITIES[name]])), quantity, name => show(name, span));
  choice($("spans"), Object.fromEntries(Object.entries(SPANS).map(([name, one]) => [name, one.title])), span, name => show(quantity, name));
  if (focused) $(focused).querySelector("[aria-pressed=true]").focus();
}

/** What is shown stands in the address, so that a reload and a bookmark show it again. */
function show(newQuantity, newSpan) {
  quantity = newQuantity;
  span = newSpan;
  window.history.replaceState(null, "", `#${quantity}/${span}`);
  past.clear();
  showChoices();
  return loadPast();
}

async function loadPast() {
  const asked = span, { seconds, resolution } = SPANS[span];
  const end = Math.ceil(Date.now() / 1000 / resolution) * resolution;
  await Promise.all(drawn().filter(sensor => sensor.class !== "peer").map(async sensor => {
    const columns = await ask(sensor, end - seconds, end, resolution);
    if (asked === span) past.set(sensor.id, fromHistory(columns));
  }));
  drawChart();
}

function segments(sensor, now) {
  const before = past.get(sensor.id) ?? [];
  return span === "live" ? joined(before, fromReadings(live.get(sensor.id) ?? [], hold(sensor), now)) : before;
}

function drawChart() {
  dueDrawing = false;
  const end = Date.now() / 1000, start = end - SPANS[span].seconds;
  const unit = drawn()[0]?.gauge_unit ?? "W";
  const curves = drawn().map(sensor => ({ sensor, colour: colour(sensor), segments: between(segments(sensor, end), start, end) }));
  chart = { ...draw($("chart"), { curves, start, end, label: value => gauge(value, unit).join(" ") }), curves };
  readOut();
}

/** Draw soon, and together with what else comes until then; not while nobody looks. */
function drawSoon() {
  if (dueDrawing) return;
  dueDrawing = true;
  requestAnimationFrame(drawChart);
}

function readOut() {
  if (pointed !== null && pointed < chart.start) pointed = null;
  chart.point(pointed);
  const time = Object.assign(document.createElement("time"), {
    textContent: pointed === null ? "Now" : moment(pointed, { seconds: span === "live" }),
  });
  const told = chart.curves.map(({ sensor, segments }) => {
    const value = pointed === null ? sensor.reading?.gauge : at(segments, pointed)?.value;
    const shown = Object.assign(document.createElement("span"), { className: colour(sensor), textContent: `${sensor.name} ` });
    shown.append(Object.assign(document.createElement("b"), { textContent: gauge(value ?? null, sensor.gauge_unit).join(" ") }));
    return shown;
  });
  $("readout").replaceChildren(time, ...told);
  const slider = $("chart");
  slider.setAttribute("aria-valuemin", Math.round(chart.start));
  slider.setAttribute("aria-valuemax", Math.round(chart.end));
  slider.setAttribute("aria-valuenow", Math.round(pointed ?? chart.end));
  slider.setAttribute("aria-valuetext", [time, ...told].map(one => one.textContent).join(", "));
}

function point(time) {
  pointed = time;
  readOut();
}

function pointByKey(event) {
  const step = SPANS[span].seconds / 60, from = pointed ?? chart.end;
  const to = { ArrowLeft: from - step, ArrowRight: from + step, Home: chart.start, End: null, Escape: null }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  point(to === null || to >= chart.end ? null : Math.max(to, chart.start));
}

// --- what comes live

function take(reading) {
  const sensor = sensors.get(reading.sensor);
  heard.set(reading.sensor, { time: reading.time, counter: reading.counter, gauge: reading.gauge });
  if (!sensor) return void loadPage().catch(lost);
  sensor.reading = heard.get(reading.sensor);
  const newest = live.get(sensor.id) ?? [];
  if (newest.at(-1)?.[0] === reading.time) newest.pop();
  newest.push([reading.time, reading.gauge]);
  live.set(sensor.id, newest.filter(([time]) => time > reading.time - KEPT));
  showSensor(sensor);
  if (span === "live" && sensor.type === quantity) drawSoon();
  else if (pointed === null && chart) readOut();
}

function listen() {
  const events = new EventSource("/api/v2/events");
  events.addEventListener("reading", event => take(JSON.parse(event.data)));
  events.addEventListener("gap", () => { live.clear(); loadPast().catch(lost) });
  // A browser gives up for good on an answer that is no stream, such as a proxy's error.
  events.onerror = () => {
    lost();
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
  };
  events.onopen = () => loadPage().catch(lost);
}

const lost = () => say("bad", "No answer from the Fluksometer; trying again");

function every(seconds, work) {
  setInterval(() => work().catch(lost), seconds * 1000);
}

const [askedQuantity, askedSpan] = location.hash.slice(1).split("/");
if (askedQuantity in QUANTITIES) quantity = askedQuantity;
if (askedSpan in SPANS) span = askedSpan;
document.documentElement.classList.add("moving");
localTimes();
const box = $("chart");
box.addEventListener("pointermove", event => point(chart.time(event.clientX)));
box.addEventListener("pointerdown", event => point(chart.time(event.clientX)));
box.addEventListener("pointerleave", event => { if (event.pointerType === "mouse") point(null) });
box.addEventListener("keydown", pointByKey);
box.addEventListener("blur", () => point(null));
addEventListener("resize", drawSoon);
drawChart();
await loadSensors().catch(lost);
listen();
await loadPast().catch(lost);
await loadToday().catch(lost);
every(PAGE_AGAIN, loadPage);
every(TODAY_AGAIN, loadToday);
let waited = 0;
every(1, async () => {
  waited += 1;
  const { again } = SPANS[span];
  if (again === 0) drawSoon();
  else if (waited % again === 0) await loadPast();
});
