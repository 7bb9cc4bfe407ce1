import uPlot from "uplot";
import { formatTicks } from "./format.js";
import { stepPaths } from "./paths.js";
import { align, statistics } from "./steps.js";

/** Streams beyond the palette's length take its colours again, dashed; see `--stream-0` and on in page.css. */
export const PALETTE = 6;
const TICK_SPACE = 76;
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif';

const tick = new Intl.NumberFormat([...navigator.languages], { maximumFractionDigits: 3 });

/** All charts of a page point at the same moment. */
const SHARED_CURSOR = "time";

/** One quantity over time, in steps; the streams' order is that of the sensors it was made with. */
export class Chart {
  #host;
  #plot;
  /** Fills are drawn only while they tell streams apart rather than mix them. */
  #fills = true;
  #dots = false;
  /** @type {[from: number, to: number]} */
  #times = [0, 1];
  /** @type {[from: number, to: number]} */
  #values = [0, 1];

  /**
   * @param {HTMLElement} host  its size is the chart's
   * @param {import("./page.js").Sensor[]} sensors
   * @param {(time: number | null) => void} onCursor  the moment pointed at, in this chart or another
   */
  constructor(host, sensors, onCursor) {
    this.#host = host;
    const quiet = () => this.#color("--quiet");
    const grid = { stroke: () => this.#color("--line"), width: 1 };
    this.#plot = new uPlot({
      width: host.clientWidth,
      height: host.clientHeight,
      padding: [10, 18, 0, 0],
      legend: { show: false },
      scales: { x: { time: true, range: () => this.#times }, y: { range: () => this.#values } },
      series: [{}, ...sensors.map((sensor) => ({
        label: sensor.name,
        stroke: () => this.#streamColor(sensor),
        fill: () => (this.#fills ? `${this.#streamColor(sensor)}1f` : "transparent"),
        width: 1.75,
        dash: sensor.stream >= PALETTE ? [7, 4] : [],
        paths: stepPaths,
        points: { show: false },
      }))],
      axes: [
        {
          stroke: quiet, font: FONT, grid: { show: false }, ticks: { ...grid, size: 5 }, border: { ...grid, show: true },
          space: TICK_SPACE, gap: 3, lineGap: 1.3,
          size: (_u, values) => ((values ?? []).some((text) => text.includes("\n")) ? 44 : 28),
          values: (_u, splits, _axis, _space, distance) => formatTicks(splits, distance),
        },
        {
          stroke: quiet, font: FONT, grid, ticks: { show: false }, space: 40, gap: 6,
          values: (_u, splits) => splits.map((value) => tick.format(value)),
          // Equally wide in all charts, so that the same moment is at the same place in each.
          size: (u, values) => Math.max(u.width < 500 ? 48 : 58, ...(values ?? []).map((text) => 14 + 7.2 * text.length)),
        },
      ],
      cursor: {
        y: false,
        drag: { x: false, y: false, setScale: false },
        sync: { key: SHARED_CURSOR, setSeries: false, scales: ["x", null] },
        dataIdx: (u, series, _closest, time) => (series === 0 ? null : stepIndex(u, series, time)),
        points: {
          size: 8, width: 2,
          stroke: (_u, series) => this.#streamColor(sensors[series - 1]),
          fill: () => this.#color("--paper"),
          bbox: (u, series) => stepMiddle(u, series, 8),
        },
      },
      hooks: {
        setCursor: [(u) => onCursor(cursorTime(u))],
        drawSeries: [(u, series) => { if (this.#dots) drawEnd(u, series, this.#streamColor(sensors[series - 1])); }],
      },
    }, [[]], host);
    this.#listen();
  }

  /**
   * @param {import("./steps.js").Steps[]} streams  one for each sensor, in the unit shown
   * @param {boolean[]} shown
   * @param {[from: number, to: number]} range  unix seconds
   * @param {boolean} dots  marks where each stream stands at the moment
   */
  draw(streams, shown, range, dots) {
    this.#dots = dots;
    this.#fills = shown.filter(Boolean).length <= 2;
    this.#times = range;
    this.#values = valueRange(streams.filter((_stream, i) => shown[i]), range);
    shown.forEach((show, i) => {
      if (this.#plot.series[i + 1].show !== show) this.#plot.setSeries(i + 1, { show });
    });
    this.#plot.setData(/** @type {uPlot.AlignedData} */ (align(streams)), true);
  }

  /** @returns {number | null} the moment pointed at */
  get cursor() {
    return cursorTime(this.#plot);
  }

  /** @returns {number} how far right the pointer is, from 0 to 1 */
  get cursorShare() {
    return (this.#plot.cursor.left ?? 0) / (this.#plot.bbox.width / devicePixelRatio);
  }

  /** @param {string} name of a custom property that holds a colour with six digits */
  #color(name) {
    return getComputedStyle(this.#host).getPropertyValue(name).trim();
  }

  /** @param {import("./page.js").Sensor} sensor */
  #streamColor(sensor) {
    return this.#color(`--stream-${sensor.stream % PALETTE}`);
  }

  #listen() {
    new ResizeObserver(() => {
      this.#plot.setSize({ width: this.#host.clientWidth, height: this.#host.clientHeight });
    }).observe(this.#host);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#plot.redraw(false));
    this.#host.addEventListener("keydown", (event) => {
      if (this.#move(event.key)) event.preventDefault();
    });
    this.#host.addEventListener("blur", () => this.#point(-10));
    // uPlot listens to the mouse; a finger that slides sideways points, up and down it scrolls the page (touch-action).
    const { over } = this.#plot;
    const touch = (/** @type {PointerEvent} */ event) => {
      if (event.pointerType !== "mouse") this.#point(event.clientX - over.getBoundingClientRect().left);
    };
    over.addEventListener("pointerdown", touch);
    over.addEventListener("pointermove", touch);
  }

  /** @param {number} left  CSS pixels from the left edge of the plot; negative to point nowhere */
  #point(left) {
    const publish = /** @type {(at: {left: number, top: number}, fire: boolean, publish: boolean) => void} */ (
      this.#plot.setCursor
    );
    publish({ left, top: left < 0 ? -10 : 10 }, true, true);
  }

  /** @param {string} key @returns {boolean} whether the key means something here */
  #move(key) {
    const { min = 0, max = 0 } = this.#plot.scales["x"] ?? {};
    const times = /** @type {number[]} */ (this.#plot.data[0]);
    const middles = times.slice(1).map((time, i) => (time + times[i]) / 2).filter((time) => time >= min && time <= max);
    if (!middles.length) return false;
    const now = cursorTime(this.#plot);
    const at = now === null ? middles.length : middles.findIndex((time) => time >= now - 1e-3);
    const page = Math.max(1, Math.round(middles.length / 10));
    const target = {
      ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, PageDown: at - page, PageUp: at + page,
      Home: 0, End: middles.length - 1,
    }[key];
    if (key === "Escape") this.#point(-10);
    if (target === undefined) return key === "Escape";
    const time = middles[Math.max(0, Math.min(middles.length - 1, target))];
    this.#point(this.#plot.valToPos(time, "x"));
    return true;
  }
}

/**
 * Zero is always in the picture: a chart of use that begins at 180 W makes the fridge look like the oven.
 *
 * @param {import("./steps.js").Steps[]} streams
 * @param {[from: number, to: number]} times
 * @returns {[from: number, to: number]} what the axis of values shows
 */
function valueRange(streams, times) {
  const known = streams.flatMap((stream) => statistics(stream, ...times) ?? []);
  const low = Math.min(0, ...known.map(({ min }) => min));
  const high = Math.max(0, ...known.map(({ max }) => max));
  if (low === high) return [0, 1];
  const room = (high - low) * 0.08;
  return [low < 0 ? low - room : 0, high > 0 ? high + room : 0];
}

/** @param {uPlot} u @returns {number | null} */
function cursorTime(u) {
  const { left } = u.cursor;
  return left === undefined || left < 0 ? null : u.posToVal(left, "x");
}

/** @param {uPlot} u @param {number} series @param {number} time @returns {number | null} the step that holds then */
function stepIndex(u, series, time) {
  const times = /** @type {number[]} */ (u.data[0]);
  const values = /** @type {(number | null | undefined)[]} */ (u.data[series]);
  let i = times.findIndex((end) => end >= time);
  while (i >= 0 && i < times.length && values[i] === undefined) i++;
  return i > 0 && typeof values[i] === "number" ? i : null;
}

/** @param {uPlot} u @param {number} series @param {number} size @returns {uPlot.BBox} of the dot on the step pointed at */
function stepMiddle(u, series, size) {
  const i = u.cursor.idxs?.[series];
  if (i === null || i === undefined) return { left: -size, top: -size, width: size, height: size };
  const times = /** @type {number[]} */ (u.data[0]);
  const values = /** @type {(number | null | undefined)[]} */ (u.data[series]);
  let before = i - 1;
  while (before > 0 && values[before] === undefined) before--;
  const left = u.valToPos((times[before] + times[i]) / 2, "x");
  const top = u.valToPos(/** @type {number} */ (values[i]), "y");
  return { left: left - size / 2, top: top - size / 2, width: size, height: size };
}

/** @param {uPlot} u @param {number} series @param {string} color  a dot where the stream ends */
function drawEnd(u, series, color) {
  if (!u.series[series].show) return;
  const values = /** @type {(number | null | undefined)[]} */ (u.data[series]);
  const i = values.findLastIndex((value) => typeof value === "number");
  if (i < 0) return;
  const { ctx } = u;
  ctx.save();
  ctx.beginPath();
  ctx.arc(
    u.valToPos(/** @type {number} */ (u.data[0][i]), "x", true), u.valToPos(/** @type {number} */ (values[i]), "y", true),
    4 * devicePixelRatio, 0, 2 * Math.PI,
  );
  ctx.fillStyle = color;
  ctx.fill();
  ctx.restore();
}
