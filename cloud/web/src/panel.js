import { shortId } from "./address.js";
import { Chart, PALETTE } from "./chart.js";
import { formatInterval, formatMoment, formatNumber } from "./format.js";
import { find } from "./page.js";
import { scaled, statistics, stepAt } from "./steps.js";

/**
 * @typedef {import("./steps.js").Steps} Steps
 * @typedef {object} Picture  what a panel shows
 * @property {Map<string, Steps>} streams  by sensor id, in the gauge's unit
 * @property {[from: number, to: number]} range  unix seconds
 * @property {import("./address.js").View} view
 * @property {boolean} live
 */

const LIVE_TABLE_MS = 10000;

/** One quantity of the device: its chart, the legend under it and the same values as a table. */
export class Panel {
  #root;
  #sensors;
  #units;
  #unitName;
  #chart;
  #readout;
  #select;
  #note;
  #details;
  /** @type {Picture | null} */
  #picture = null;
  /** @type {HTMLInputElement[]} */
  #switches;
  /** @type {Picture | null} */
  #filled = null;
  #filledAt = 0;

  /**
   * @param {HTMLElement} root  the section the server rendered
   * @param {import("./page.js").Sensor[]} sensors
   * @param {import("./page.js").Quantity} quantity
   * @param {"unit" | "flow"} unitName  the view's word for this quantity's unit
   * @param {{onUnit: (unit: string) => void, onToggle: (sensor: string) => void}} actions
   */
  constructor(root, sensors, quantity, unitName, actions) {
    this.#root = root;
    this.#sensors = sensors;
    this.#units = quantity.units;
    this.#unitName = unitName;
    this.#readout = find(root, ".readout", HTMLElement);
    this.#note = find(root, ".note", HTMLElement);
    this.#select = find(root, "select", HTMLSelectElement);
    this.#select.addEventListener("change", () => actions.onUnit(this.#select.value));
    this.#details = find(root, ".buckets details", HTMLDetailsElement);
    this.#details.open = false;
    this.#details.addEventListener("toggle", () => this.#fillBuckets());
    find(root, ".buckets", HTMLElement).classList.add("ready");
    this.#switches = sensors.map((sensor) => this.#makeSwitch(sensor, actions.onToggle));

    const host = find(root, ".chart", HTMLElement);
    this.#chart = new Chart(host, sensors, (time) => this.#point(time));
    host.addEventListener("keyup", () => this.#describe(host));
    host.addEventListener("focus", () => this.#describe(host));
  }

  /** @param {Picture} picture */
  show(picture) {
    this.#picture = picture;
    const { streams, range, view, live } = picture;
    const unit = this.#unit;
    this.#select.value = unit.key;
    const shown = this.#sensors.map((sensor) => !view.hidden.includes(shortId(sensor.id)));
    this.#chart.draw(this.#sensors.map((sensor) => scaled(this.#stream(sensor), unit.factor)), shown, range, live);
    for (const place of this.#root.querySelectorAll("[data-unit]")) place.textContent = unit.label;
    let empty = true;
    this.#sensors.forEach((sensor, i) => {
      const row = this.#row(sensor);
      const known = statistics(this.#stream(sensor), range[0], range[1]);
      empty &&= known === null;
      for (const name of /** @type {const} */ (["min", "mean", "max", "last"])) {
        find(row, `[data-statistic=${name}]`, HTMLElement).textContent = known ? this.#number(known[name]) : "–";
      }
      row.classList.toggle("off", !shown[i]);
      this.#switches[i].checked = shown[i];
    });
    this.#root.dataset["state"] = streams.size === 0 ? "loading" : empty ? "empty" : "filled";
    this.#fillBuckets();
  }

  /** @param {string} text  a sentence about what is wrong, or `""` */
  note(text) {
    if (this.#note.textContent !== text) this.#note.textContent = text;
  }

  get #unit() {
    return this.#units.find((unit) => unit.key === this.#picture?.view[this.#unitName]) ?? this.#units[0];
  }

  /** @param {number} value  in the gauge's unit */
  #number(value) {
    return formatNumber(value * this.#unit.factor, this.#unit.decimals);
  }

  /** @param {import("./page.js").Sensor} sensor @returns {Steps} */
  #stream(sensor) {
    return this.#picture?.streams.get(sensor.id) ?? { ends: [], values: [] };
  }

  /** @param {import("./page.js").Sensor} sensor */
  #row(sensor) {
    return find(this.#root, `.legend [data-sensor="${sensor.id}"]`, HTMLElement);
  }

  /** @param {import("./page.js").Sensor} sensor @param {(sensor: string) => void} onToggle */
  #makeSwitch(sensor, onToggle) {
    const label = find(this.#row(sensor), "label", HTMLLabelElement);
    const box = document.createElement("input");
    box.type = "checkbox";
    box.addEventListener("change", () => onToggle(sensor.id));
    label.prepend(box);
    label.querySelector(".swatch")?.remove();
    return box;
  }

  /** @param {number} time @returns {{when: string, values: {sensor: import("./page.js").Sensor, text: string}[]} | null} */
  #valuesAt(time) {
    const view = this.#picture?.view;
    if (!view) return null;
    const steps = this.#sensors
      .filter((sensor) => !view.hidden.includes(shortId(sensor.id)))
      .map((sensor) => ({ sensor, step: stepAt(this.#stream(sensor), time) }));
    const found = steps.find(({ step }) => step && step.value !== null)?.step ?? steps.find(({ step }) => step)?.step;
    return {
      when: found ? formatInterval(found.start, found.end) : formatMoment(time),
      values: steps.map(({ sensor, step }) => ({
        sensor,
        text: step && step.value !== null ? `${this.#number(step.value)} ${this.#unit.label}` : "no value",
      })),
    };
  }

  /** @param {number | null} time */
  #point(time) {
    const at = time === null ? null : this.#valuesAt(time);
    this.#root.classList.toggle("pointing", at !== null);
    if (!at) return;
    const when = document.createElement("b");
    when.textContent = at.when;
    this.#readout.replaceChildren(when, ...at.values.map(({ sensor, text }) => {
      const line = document.createElement("p");
      line.className = `stream-${sensor.stream % PALETTE}`;
      line.classList.toggle("dashed", sensor.stream >= PALETTE);
      const name = document.createElement("span");
      name.textContent = sensor.name;
      const value = document.createElement("span");
      value.textContent = text;
      line.append(name, value);
      return line;
    }));
    // On the side of the chart where the pointer is not.
    this.#readout.classList.toggle("left", this.#chart.cursorShare > 0.5);
  }

  /** Tells a screen reader what is pointed at; only on a key, or a live chart would talk without end. @param {HTMLElement} host */
  #describe(host) {
    const time = this.#chart.cursor;
    const at = time === null ? null : this.#valuesAt(time);
    const range = this.#picture?.range ?? [0, 0];
    host.setAttribute("aria-valuemin", String(Math.round(range[0])));
    host.setAttribute("aria-valuemax", String(Math.round(range[1])));
    host.setAttribute("aria-valuenow", String(Math.round(time ?? range[1])));
    host.setAttribute("aria-valuetext", at
      ? `${at.when}: ${at.values.map(({ sensor, text }) => `${sensor.name} ${text}`).join(", ")}`
      : "Use the arrow keys to read the values");
  }

  /** The table of all values, newest first; filled only while it is open. */
  #fillBuckets() {
    const body = find(this.#details, "tbody", HTMLElement);
    if (!this.#details.open || !this.#picture) return;
    // A live table that changes under the reader's eyes every second cannot be read.
    if (this.#picture === this.#filled || (this.#picture.live && Date.now() - this.#filledAt < LIVE_TABLE_MS)) return;
    this.#filledAt = Date.now();
    this.#filled = this.#picture;
    const { range } = this.#picture;
    const ends = new Set(this.#sensors.flatMap((sensor) => {
      const { ends: all, values } = this.#stream(sensor);
      return all.filter((end, i) => i > 0 && values[i] !== null && end > range[0] && end <= range[1]);
    }));
    body.replaceChildren(...[...ends].sort((a, b) => b - a).map((end) => {
      const row = document.createElement("tr");
      const steps = this.#sensors.map((sensor) => stepAt(this.#stream(sensor), end));
      const own = steps.find((step) => step?.end === end && step.value !== null);
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = own ? formatInterval(own.start, own.end) : formatMoment(end);
      row.append(head, ...steps.map((step) => {
        const cell = document.createElement("td");
        cell.textContent = step && step.value !== null ? this.#number(step.value) : "–";
        return cell;
      }));
      return row;
    }));
  }
}
