// Keeps the page up to date from /api/v2: cards of what is measured, the chart, the state of all parts.

import { draw } from "/chart.js";

const RANGES = [
  { name: "5 min", seconds: 300, resolution: 1 },
  { name: "1 h", seconds: 3600, resolution: 10 },
  { name: "1 day", seconds: 86400, resolution: 300 },
  { name: "1 week", seconds: 604800, resolution: 1800 },
];
const TITLES = { electricity: "Power", water: "Water", gas: "Gas" };
const DASH = "–", OLD = 30;

const sensors = new Map();   // by id, as the API has them
const live = new Map();      // by id, [[seconds, gauge]] of the newest minutes
const history = new Map();   // by id, [[seconds, mean]] of the range that is shown
let range = RANGES[0], type = "electricity", chart = null, drawn = 0;

const at = id => document.getElementById(id);
const number = (value, digits = 0) => value.toLocaleString(undefined, { maximumFractionDigits: digits, minimumFractionDigits: digits });

function gauge(sensor, value) {
  if (value === null || value === undefined) return [DASH, ""];
  if (sensor.gauge_unit === "W") return Math.abs(value) >= 10000 ? [number(value / 1000, 1), "kW"] : [number(value), "W"];
  return [number(value, Math.abs(value) < 10 ? 2 : 1), sensor.gauge_unit];
}

function counter(sensor, value) {
  if (value === null || value === undefined) return DASH;
  return sensor.counter_unit === "Wh" ? `${number(value / 1000, 3)} kWh` : `${number(value / 1000, 3)} m³`;
}

function make(tag, attributes = {}, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
}

// --- what is measured now

const cards = new Map();

function card(sensor, index) {
  const parts = { now: make("div", { className: "now" }), sum: make("p"), quarter: make("p", { hidden: true }) };
  const box = make("article", { className: `card c${index % 6}` }, make("h3", { textContent: sensor.name }), ...Object.values(parts));
  at("cards").append(box);
  return { ...parts, box };
}

function showSensor(sensor) {
  let shown = cards.get(sensor.id);
  if (!shown) cards.set(sensor.id, shown = card(sensor, cards.size));
  const reading = sensor.reading ?? { gauge: null, counter: null, time: 0 };
  const [value, unit] = gauge(sensor, reading.gauge);
  shown.now.replaceChildren(value, " ", make("small", { textContent: unit }));
  const age = reading.time ? Date.now() / 1000 - reading.time : 0;
  const old = age > OLD && sensor.class === "analog";
  shown.box.classList.toggle("old", old);
  const since = old ? ` · ${new Date(reading.time * 1000).toLocaleString()}` : "";
  shown.sum.textContent = counter(sensor, reading.counter) + (sensor.owner ? ` · shared by ${sensor.owner}` : "") + since;
  const demand = sensor.demand;
  if (demand && demand.projected !== null) {
    shown.quarter.hidden = false;
    const peak = demand.month_peak === null ? "" : `, month's peak ${number(demand.month_peak)} W`;
    shown.quarter.textContent = `This quarter → ${number(demand.projected)} W${peak}`;
  }
}

async function loadSensors() {
  const answer = await (await fetch("/api/v2/sensors")).json();
  const present = new Set();
  for (const sensor of answer.sensors) {
    present.add(sensor.id);
    sensors.set(sensor.id, sensor);
    showSensor(sensor);
  }
  for (const id of [...sensors.keys()].filter(id => !present.has(id))) {
    sensors.delete(id);
    cards.get(id)?.box.remove();
    cards.delete(id);
  }
  at("cards").hidden = false;
  at("values").hidden = true;
  showTypes();
}

// --- the chart

const shownSensors = () => [...sensors.values()].filter(sensor => sensor.type === type && (sensor.class !== "peer" || range.seconds <= 300));
const colour = sensor => `c${[...cards.keys()].indexOf(sensor.id) % 6}`;

function pressed(box, names, chosen, choose) {
  box.replaceChildren(...names.map(name => {
    const button = make("button", { type: "button", textContent: name, onclick: () => choose(name) });
    button.setAttribute("aria-pressed", name === chosen);
    return button;
  }));
}

function showTypes() {
  const types = Object.keys(TITLES).filter(one => [...sensors.values()].some(sensor => sensor.type === one));
  at("history").hidden = types.length === 0;
  if (types.length && !types.includes(type)) type = types[0];
  at("chart-title").textContent = TITLES[type];
  at("types").hidden = types.length < 2;
  pressed(at("types"), types.map(one => TITLES[one]), TITLES[type], name => {
    type = Object.keys(TITLES).find(one => TITLES[one] === name);
    showTypes();
    loadHistory();
  });
  pressed(at("ranges"), RANGES.map(one => one.name), range.name, name => {
    range = RANGES.find(one => one.name === name);
    showTypes();
    loadHistory();
  });
}

async function loadHistory() {
  const end = Math.ceil(Date.now() / 1000 / range.resolution) * range.resolution;
  const asked = range;
  await Promise.all(shownSensors().filter(sensor => sensor.class !== "peer").map(async sensor => {
    const query = new URLSearchParams({ start: end - asked.seconds, end, resolution: asked.resolution });
    const columns = await (await fetch(`/api/v2/sensors/${sensor.id}/history?${query}`)).json();
    if (asked === range && columns.time) history.set(sensor.id, columns.time.map((time, index) => [time, columns.mean[index]]));
  }));
  drawChart();
}

function points(sensor) {
  const past = history.get(sensor.id) ?? [], newest = live.get(sensor.id) ?? [];
  const known = past.filter(point => point[1] !== null);
  const joined = known.length ? known[known.length - 1][0] : 0;
  const late = newest.filter(point => point[0] > joined);
  return range.seconds <= 300 ? [...known, ...late] : [...past, ...(late.length ? [late[late.length - 1]] : [])];
}

function drawChart() {
  drawn = performance.now();
  const end = Date.now() / 1000, start = end - range.seconds;
  const listed = shownSensors();
  const curves = listed.map(sensor => ({
    sensor, colour: colour(sensor), points: points(sensor).filter(point => point[0] >= start - range.resolution),
  }));
  if (!curves.length) return;
  const label = value => { const [text, unit] = gauge(listed[0], value); return `${text} ${unit}` };
  const newest = curves.map(curve => `${curve.sensor.name} ${label(curve.points.at(-1)?.[1] ?? null)}`).join(", ");
  chart = { curves, label, ...draw(at("chart"), { curves, start, end, label, stepped: true, describe: `The last ${range.name}: ${newest}` }) };
}

function point(event) {
  const time = chart?.point(event.clientX);
  if (!time) { at("pointed").textContent = ""; return }
  const told = chart.curves.map(curve => {
    const found = curve.points.findLast(one => one[0] <= time);
    return `${curve.sensor.name} ${chart.label(found && time - found[0] <= Math.max(range.resolution * 2, 30) ? found[1] : null)}`;
  });
  at("pointed").textContent = `${new Date(time * 1000).toLocaleString()}: ${told.join(" · ")}`;
}

// --- how all parts stand

function part(name, good, text, ...more) {
  at("parts").append(make("dt", { textContent: name }), make("dd", { className: good === null ? "off" : good ? "" : "bad" }, text, ...more));
}

function ago(time) {
  const seconds = Math.max(Math.round(Date.now() / 1000 - time), 0);
  return seconds < 90 ? `${seconds} s ago` : seconds < 5400 ? `${Math.round(seconds / 60)} min ago` : new Date(time * 1000).toLocaleString();
}

function showCloud(cloud) {
  if (cloud === null) return part("Cloud", null, "none configured: nothing leaves this house");
  const good = cloud.state === "connected";
  const sent = cloud.last_upload ? `, last upload ${ago(cloud.last_upload)}` : "";
  const waiting = cloud.pending ? `, ${number(cloud.pending)} measurements wait` : "";
  part("Cloud", good && !cloud.error, cloud.error ?? `${cloud.state} to ${new URL(cloud.url).host}${sent}${waiting}`);
  if (cloud.claim_code && cloud.claimed !== true) {
    part("Claim code", null, make("span", { className: "code", textContent: cloud.claim_code }), " Type it at your cloud to make this device yours.");
  }
}

function showParts(device) {
  at("parts").replaceChildren();
  document.title = at("name").textContent = device.name;
  at("software").textContent = `${device.model} ${device.software} · ${device.id}`;
  for (const board of device.boards) part(board.name === "board" ? "Board" : `Board ${board.name}`, board.connected, board.connected ? `connected on ${board.port}` : board.error);
  for (const meter of device.meters) part(meter.name, meter.connected, meter.connected ? `${meter.variant ?? meter.protocol}, heard ${ago(meter.last_line)}` : meter.error);
  showCloud(device.cloud);
  if (device.mqtt) part("MQTT", device.mqtt.state === "connected", device.mqtt.error ?? `${device.mqtt.state} to ${device.mqtt.host}:${device.mqtt.port}`);
  const since = device.storage.oldest_minute ? `, minutes since ${new Date(device.storage.oldest_minute * 1000).toLocaleDateString()}` : "";
  part("Storage", device.storage.state === "ok", device.storage.error ?? `${number(device.storage.bytes / 1e6, 1)} MB${since}`);
  for (const sibling of device.siblings ?? []) part("Neighbour", true, make("a", { href: `http://${sibling.address.includes(":") ? `[${sibling.address}]` : sibling.address}:${sibling.port}/`, textContent: sibling.name }));
  const wrong = at("parts").querySelectorAll("dd.bad").length;
  at("health").className = wrong ? "bad" : "";
  at("health").textContent = wrong ? `${wrong === 1 ? "One part needs" : `${wrong} parts need`} attention, see below` : "Measuring";
}

async function loadDevice() {
  try {
    showParts(await (await fetch("/api/v2/device")).json());
  } catch {
    at("health").className = "bad";
    at("health").textContent = "The daemon does not answer; the values are those from before";
  }
}

// --- live

function take(reading) {
  const sensor = sensors.get(reading.sensor);
  if (!sensor) return void loadSensors();
  sensor.reading = { time: reading.time, counter: reading.counter, gauge: reading.gauge };
  const newest = live.get(sensor.id) ?? [];
  if (reading.gauge !== null) newest.push([reading.time, reading.gauge]);
  live.set(sensor.id, newest.slice(-400));
  showSensor(sensor);
  if (performance.now() - drawn > 900) drawChart();
}

await loadSensors();
await Promise.all([loadDevice(), loadHistory()]);
new EventSource("/api/v2/events").addEventListener("reading", event => take(JSON.parse(event.data)));
setInterval(loadDevice, 5000);
setInterval(loadSensors, 15000);
setInterval(() => { if (range.seconds > 300) loadHistory(); else drawChart() }, 10000);
at("chart").addEventListener("pointermove", point);
at("chart").addEventListener("pointerleave", () => { at("pointed").textContent = "" });
addEventListener("resize", drawChart);
