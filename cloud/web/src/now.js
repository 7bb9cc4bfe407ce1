import { formatAge, formatNumber } from "./format.js";
import { find } from "./page.js";

/** A reading older than this is told with its age, seconds. */
const FRESH = 30;

/**
 * The row of present values on top of the page, one tile for each sensor, and the page's title.
 *
 * @param {import("./page.js").Page} page
 * @param {(sensor: string) => [time: number, value: number] | null} newest  in the gauge's unit
 * @param {number} now  unix seconds
 */
export function showNow(page, newest, now) {
  for (const sensor of page.sensors) {
    const tile = find(document, `.tile[data-sensor="${sensor.id}"]`, HTMLElement);
    const known = newest(sensor.id);
    const unit = page.quantities[sensor.quantity].units[0];
    const time = known?.[0] ?? sensor.measured;
    const age = time === null ? 0 : now - time;
    write(find(tile, ".figure", HTMLElement), known ? formatNumber(known[1], unit.decimals) : "–");
    write(find(tile, ".age", HTMLElement), time === null ? "no reading yet" : age > FRESH ? formatAge(age) : "");
    tile.classList.toggle("old", known === null || age > FRESH);
    tile.classList.toggle("unknown", known === null);
  }
  const main = page.sensors.find((sensor) => sensor.quantity === "power") ?? page.sensors[0];
  const known = main ? newest(main.id) : null;
  if (!main || !known) return;
  const unit = page.quantities[main.quantity].units[0];
  const title = `${formatNumber(known[1], unit.decimals)} ${unit.label} · ${page.device.name}`;
  if (document.title !== title) document.title = title;
}

/** Leaves the text alone when it is the same, so that a selection in it survives. @param {HTMLElement} element @param {string} text */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
