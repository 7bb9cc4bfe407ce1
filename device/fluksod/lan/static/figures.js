// How the page writes what is measured, for people: figures.py writes the same.

const DASH = "–";

const fixed = (value, digits) => value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** A rate in W or L/min, and the unit it is written in: kW from 10 kW on. A dash while it is unknown. */
export function gauge(value, unit) {
  if (value === null) return [DASH, unit];
  if (unit === "W" && Math.abs(value) >= 10_000) return [fixed(value / 1000, 2), "kW"];
  if (value === 0 || (unit === "W" && (Math.abs(value) >= 10 || Number.isInteger(value)))) return [fixed(value, 0), unit];
  return [fixed(value, unit === "W" || Math.abs(value) >= 10 ? 1 : 2), unit];
}

/** A register in Wh or L, written in kWh or m³. */
export function counter(value, unit) {
  return [value === null ? DASH : fixed(value / 1000, 3), unit === "Wh" ? "kWh" : "m³"];
}

/** What was counted since some time, in Wh or L, written in kWh, L or, of a lot, m³. */
export function counted(value, unit) {
  if (value === null) return [DASH, ""];
  if (unit === "Wh") return [fixed(value / 1000, 2), "kWh"];
  return value < 1000 ? [fixed(value, 0), "L"] : [fixed(value / 1000, 2), "m³"];
}

/** A moment as the reader of the page has it on the clock; with the day where it is not today. */
export function moment(time, { seconds = false } = {}) {
  const date = new Date(time * 1000);
  const clock = { hour: "2-digit", minute: "2-digit", ...(seconds && { second: "2-digit" }), hourCycle: "h23" };
  const day = date.toDateString() === new Date().toDateString() ? {} : { weekday: "short", day: "numeric", month: "short" };
  return date.toLocaleString("en-GB", { ...day, ...clock });
}
