/**
 * The chart's whole state lives in the page's address, so that a link, a bookmark and the back button show the same chart.
 *
 * @typedef {object} View
 * @property {string} scale
 * @property {string} unit  of electricity
 * @property {string} flow  unit of gas and water
 * @property {string[]} hidden  the first digits of the ids of hidden sensors, sorted
 */

/** Hex digits of a sensor's id that the address shows: enough to tell the sensors of a device apart. */
const DIGITS = 8;

/** @param {string} id @returns {string} */
export function shortId(id) {
  return id.slice(0, DIGITS);
}

/**
 * Unknown words fall back to the first choice: an old or mistyped link still shows a chart.
 *
 * @param {string} search  the address from its `?` on
 * @param {{scales: string[], unit: string[], flow: string[]}} choices  the first of each is the default
 * @returns {View}
 */
export function readView(search, choices) {
  const query = new URLSearchParams(search);
  const pick = (/** @type {string} */ name, /** @type {string[]} */ known) => {
    const asked = query.get(name);
    return asked !== null && known.includes(asked) ? asked : known[0];
  };
  const hidden = (query.get("hide") ?? "").split(",").filter((part) => /^[0-9a-f]{8,32}$/.test(part)).map(shortId);
  return {
    scale: pick("scale", choices.scales),
    unit: pick("unit", choices.unit),
    flow: pick("flow", choices.flow),
    hidden: [...new Set(hidden)].sort(),
  };
}

/**
 * @param {View} view
 * @param {View} defaults  left out of the address
 * @param {string | null} device  whose chart it is, null where there is only one
 * @returns {string} beginning with `?`, or `""`
 */
export function writeView(view, defaults, device) {
  const query = new URLSearchParams();
  if (device) query.set("device", device);
  for (const name of /** @type {const} */ (["scale", "unit", "flow"])) {
    if (view[name] !== defaults[name]) query.set(name, view[name]);
  }
  // A comma is legal in a query, and left as it is the address stays readable.
  const hide = view.hidden.length ? `hide=${view.hidden.join(",")}` : "";
  const text = [query.toString(), hide].filter(Boolean).join("&");
  return text && `?${text}`;
}

/** @param {View} view @param {string} id @returns {View} with that sensor shown if it was hidden and hidden if it was shown */
export function toggleSensor(view, id) {
  const short = shortId(id);
  const hidden = view.hidden.includes(short)
    ? view.hidden.filter((other) => other !== short)
    : [...view.hidden, short].sort();
  return { ...view, hidden };
}
