/**
 * What the server wrote into the page for its script: see `page_data` of the Python package.
 *
 * @typedef {{label: string, interval: string, resolution: string, step: number, span: number, refresh: number}} Scale
 *   `interval` and `resolution` are words of `GET /sensor/<id>`; `step` is the length of a bucket, `span` what the chart
 *   shows and `refresh` the age at which buckets are asked for again, all in seconds.
 * @typedef {{key: string, label: string, factor: number, decimals: number}} Unit
 *   `factor` makes this unit out of the gauge's (W, L/min); `decimals` is the most that are shown.
 * @typedef {{label: string, wire: string, wire_factor: number, units: Unit[]}} Quantity
 *   `wire` is the unit asked of `GET /sensor/<id>`, `wire_factor` makes the gauge's unit out of it.
 * @typedef {"power" | "flow"} QuantityName
 * @typedef {{id: string, name: string, type: string, class: string, quantity: QuantityName, stream: number,
 *   gauge: {time: number, value: number} | null, measured: number | null}} Sensor
 *   `stream` numbers the device's sensors and picks the colour; `gauge` is in W or L/min; `measured` is the time of the
 *   newest counter, unix seconds.
 * @typedef {[time: number, value: number | "nan"]} Pair  end of a bucket in unix seconds, its value
 * @typedef {object} Page
 * @property {number} time  the server's clock when it wrote the page, unix seconds
 * @property {{name: string, address: string | null}} device  `address` is its id where the page's address needs one
 * @property {Record<string, Scale>} scales
 * @property {Record<QuantityName, Quantity>} quantities
 * @property {Sensor[]} sensors
 * @property {Record<string, Record<string, Pair[]>>} series  by scale (the one chosen, and always `live`) and sensor id, in
 *   the quantity's wire unit
 */

/** @returns {Page | null} null on a page without a chart */
export function readPage() {
  const block = document.getElementById("page-data");
  return block ? JSON.parse(block.textContent ?? "") : null;
}

/**
 * @template {Element} T
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => T} kind
 * @returns {T} the first match
 * @throws {Error} when the page has none: template and script then disagree, which must not go unnoticed
 */
export function find(root, selector, kind) {
  const element = root.querySelector(selector);
  if (!(element instanceof kind)) throw new Error(`the page has no ${selector}`);
  return element;
}
