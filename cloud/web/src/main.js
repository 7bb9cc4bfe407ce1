import { readView, toggleSensor, writeView } from "./address.js";
import { Buckets } from "./buckets.js";
import { ConnectionLine } from "./connection.js";
import { timeZone } from "./format.js";
import { Live } from "./live.js";
import { showNow } from "./now.js";
import { find, readPage } from "./page.js";
import { Panel } from "./panel.js";
import { fromPairs } from "./steps.js";
import { Trace } from "./trace.js";

/** The scale whose chart moves. */
const LIVE = "live";
/** Seconds that a reading may hold back to the one before, see Trace. */
const BRIDGE = { pulse: 300, other: 15 };
/** The sensors of a device upload one after another; their minutes are loaded when all have, and not too often. */
const UPLOAD_MS = 1000;
const MINUTES_MS = 20000;

const page = readPage();
if (page) start(page);

/** @param {import("./page.js").Page} page */
function start(page) {
  /** The visitor's clock may be wrong by hours; all "now" is the server's. */
  const clockOffset = page.time - Date.now() / 1000;
  const now = () => Date.now() / 1000 + clockOffset;

  const units = (/** @type {import("./page.js").QuantityName} */ name) => page.quantities[name].units.map((unit) => unit.key);
  const choices = { scales: Object.keys(page.scales), unit: units("power"), flow: units("flow") };
  const defaults = readView("", choices);
  let view = readView(location.search, choices);
  const addressOf = (/** @type {import("./address.js").View} */ shown) =>
    location.pathname + writeView(shown, defaults, page.device.address);

  const traces = new Map(page.sensors.map((sensor) => [
    sensor.id, new Trace(page.scales[LIVE].span + 60, sensor.class === "pulse" ? BRIDGE.pulse : BRIDGE.other),
  ]));
  for (const { id, gauge } of page.sensors) if (gauge) traces.get(id)?.add(gauge.time, gauge.value);

  const panels = [...document.querySelectorAll("[data-quantity]")].map((section) => {
    const root = /** @type {HTMLElement} */ (section);
    const name = /** @type {import("./page.js").QuantityName} */ (root.dataset["quantity"]);
    const unitName = name === "power" ? "unit" : "flow";
    const sensors = page.sensors.filter((sensor) => sensor.quantity === name);
    return new Panel(root, sensors, page.quantities[name], unitName, {
      onUnit: (unit) => go({ ...view, [unitName]: unit }),
      onToggle: (sensor) => go(toggleSensor(view, sensor)),
    });
  });

  const buckets = new Buckets(page, now, {
    onLoaded(scale) {
      if (scale === LIVE) fillTraces();
      present();
      if (scale === view.scale) draw();
    },
    onTrouble(scale, sentence) {
      if (scale === view.scale) panels.forEach((panel) => panel.note(sentence));
    },
    onLoggedOut: () => connected("logged out"),
  });

  /** @param {import("./page.js").Sensor} sensor @returns {number} */
  const wireFactor = (sensor) => page.quantities[sensor.quantity].wire_factor;

  function fillTraces() {
    const minutes = buckets.get(LIVE) ?? {};
    for (const sensor of page.sensors) traces.get(sensor.id)?.fill(minutes[sensor.id] ?? [], wireFactor(sensor), now());
  }

  /** @returns {{streams: Map<string, import("./steps.js").Steps>, range: [number, number]}} */
  function picture() {
    const scale = page.scales[view.scale];
    const time = now();
    if (view.scale === LIVE) {
      const streams = new Map([...traces].map(([id, trace]) => [id, trace.steps()]));
      return { streams, range: [time - scale.span, time] };
    }
    const pairs = buckets.get(view.scale);
    const streams = new Map(pairs ? page.sensors.map((sensor) => [
      sensor.id, fromPairs(pairs[sensor.id] ?? [], scale.step, wireFactor(sensor), time),
    ]) : []);
    const begin = Math.min(...[...streams.values()].map((steps) => steps.ends[0] ?? Infinity));
    return { streams, range: [Number.isFinite(begin) ? begin : time - scale.span, time] };
  }

  function draw() {
    const { streams, range } = picture();
    for (const panel of panels) panel.show({ streams, range, view, live: view.scale === LIVE });
    document.body.classList.toggle("loading", buckets.isLoading(view.scale) && !buckets.get(view.scale));
  }

  const line = new ConnectionLine(find(document, "#connection", HTMLElement));

  function present() {
    const newest = (/** @type {string} */ sensor) => traces.get(sensor)?.latest ?? null;
    showNow(page, newest, now());
    const times = page.sensors.flatMap((sensor) => newest(sensor.id)?.[0] ?? sensor.measured ?? []);
    line.show(times.length ? now() - Math.max(...times) : null);
  }

  /** @param {import("./live.js").Connection} state */
  function connected(state) {
    // What passed by while the connection was lost comes from the buckets.
    if (line.change(state)) buckets.load(view.scale);
    present();
  }

  /** Shows another view and gives it an address of its own. @param {import("./address.js").View} next */
  function go(next) {
    history.pushState(null, "", addressOf(next));
    follow(next);
  }

  /** @param {import("./address.js").View} next */
  function follow(next) {
    if (next.scale !== view.scale) {
      if (view.scale !== LIVE) buckets.cancel(view.scale);
      panels.forEach((panel) => panel.note(""));
    }
    view = next;
    addressLinks();
    buckets.want(view.scale);
    // The picture of a scale not seen before stays, dimmed, until the new one is there.
    if (buckets.get(view.scale)) draw();
    else document.body.classList.add("loading");
  }

  const scaleLinks = [...document.querySelectorAll("a[data-scale]")].map((link) => /** @type {HTMLAnchorElement} */ (link));

  /** Marks the scale shown, and keeps the links true so that they can be copied or opened in a new tab. */
  function addressLinks() {
    for (const link of scaleLinks) {
      const scale = link.dataset["scale"] ?? LIVE;
      link.href = addressOf({ ...view, scale });
      if (scale === view.scale) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  for (const link of scaleLinks) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      go({ ...view, scale: link.dataset["scale"] ?? LIVE });
    });
  }
  addEventListener("popstate", () => follow(readView(location.search, choices)));

  const live = new Live(page.sensors.map((sensor) => sensor.id), (reading) => {
    const trace = traces.get(reading.sensor);
    if (reading.gauge !== null) {
      trace?.add(reading.time, reading.gauge);
      drawSoon();
    } else if (trace && trace.heard < reading.time - BRIDGE.pulse) {
      loadMinutesSoon();
    }
  }, connected);

  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let minutesTimer;
  let minutesAt = -Infinity;
  /** A device that sends counters only: what they mean as power is the cloud's to say, once a minute is complete. */
  function loadMinutesSoon() {
    minutesTimer ??= setTimeout(() => {
      minutesTimer = undefined;
      minutesAt = Date.now();
      buckets.load(LIVE);
    }, Math.max(UPLOAD_MS, minutesAt + MINUTES_MS - Date.now()));
  }

  let soon = false;
  /** Readings of one upload arrive together and are drawn together. */
  function drawSoon() {
    if (soon) return;
    soon = true;
    requestAnimationFrame(() => {
      soon = false;
      present();
      if (view.scale === LIVE) draw();
    });
  }

  function everySecond() {
    present();
    if (document.hidden) return;
    buckets.want(view.scale);
    if (view.scale === LIVE) draw();
  }

  find(document, "#time-zone", HTMLElement).textContent = `Times are in ${timeZone()}.`;
  fillTraces();
  addressLinks();
  draw();
  everySecond();
  live.open();
  setInterval(everySecond, 1000);
  document.addEventListener("visibilitychange", everySecond);
}
