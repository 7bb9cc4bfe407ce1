/** Numbers and times in the visitor's language and time zone. */

const locales = [...navigator.languages];

/** @type {Map<string, Intl.NumberFormat>} */
const numberFormats = new Map();

/**
 * About three digits, as much as a meter reading is worth: 1,234 and 46.3 and 4.63.
 *
 * @param {number} value
 * @param {number} decimals  the most that make sense in the value's unit
 * @returns {string}
 */
export function formatNumber(value, decimals) {
  const size = Math.abs(value);
  const digits = Math.min(decimals, size >= 100 ? 0 : size >= 10 ? 1 : 2);
  const key = `${digits}`;
  let format = numberFormats.get(key);
  if (!format) numberFormats.set(key, format = new Intl.NumberFormat(locales, { maximumFractionDigits: digits }));
  // -0 would be written with its sign.
  return format.format(Number(value.toFixed(digits)) || 0);
}

/** @param {Intl.DateTimeFormatOptions} options */
function timeFormat(options) {
  return new Intl.DateTimeFormat(locales, options);
}

/** 09:05 but 9:05 AM, as both are usually written. */
const hour = new Intl.DateTimeFormat(locales, { hour: "numeric" }).resolvedOptions().hour12 ? "numeric" : "2-digit";
const second = timeFormat({ hour, minute: "2-digit", second: "2-digit" });
const minute = timeFormat({ hour, minute: "2-digit" });
const day = timeFormat({ day: "numeric", month: "short" });
const weekday = timeFormat({ weekday: "short", day: "numeric" });
const month = timeFormat({ month: "short" });
const year = timeFormat({ year: "numeric" });
const moment = timeFormat({ weekday: "short", day: "numeric", month: "short", hour, minute: "2-digit" });
const date = timeFormat({ weekday: "short", day: "numeric", month: "short", year: "numeric" });
const dateAndTime = timeFormat({ dateStyle: "medium", timeStyle: "short" });

const DAY = 86400;
/** A step no longer than this is a single reading, seconds. */
const SINGLE = 15;

/** @param {number} time unix seconds */
const asDate = (time) => new Date(time * 1000);

/** @param {number} time @returns {boolean} whether a local day begins at that time */
const isMidnight = (time) => asDate(time).getHours() === 0 && asDate(time).getMinutes() === 0;

/**
 * @param {number} start  unix seconds
 * @param {number} end
 * @returns {string} such as "14:15 - 14:30" with its day, or "14:15:07" for a single reading
 */
export function formatInterval(start, end) {
  if (end - start <= SINGLE) return second.format(asDate(end));
  if (end - start < 60) return second.formatRange(asDate(start), asDate(end));
  if (end - start < DAY) return moment.formatRange(asDate(start), asDate(end));
  // Days of the first API are UTC days: they begin at midnight for few visitors, and hiding that would mislead.
  if (!isMidnight(start) || !isMidnight(end)) return dateAndTime.formatRange(asDate(start), asDate(end));
  return date.formatRange(asDate(start), asDate(end - 1));
}

/** @param {number} time @returns {string} */
export function formatMoment(time) {
  return moment.format(asDate(time));
}

/**
 * @param {number} seconds  positive
 * @returns {string} such as "5 minutes ago"
 */
export function formatAge(seconds) {
  const relative = new Intl.RelativeTimeFormat(locales, { numeric: "always" });
  for (const [unit, length] of /** @type {const} */ ([["day", DAY], ["hour", 3600], ["minute", 60]])) {
    if (seconds >= length) return relative.format(-Math.floor(seconds / length), unit);
  }
  return relative.format(-Math.floor(seconds), "second");
}

/**
 * @param {number[]} times  of the ticks, unix seconds
 * @param {number} distance  seconds between them
 * @returns {string[]} labels; a second line tells the day or the year where it changes
 */
export function formatTicks(times, distance) {
  return times.map((time, i) => {
    const at = asDate(time);
    if (distance >= 28 * DAY) {
      const turn = i === 0 || at.getFullYear() !== asDate(times[i - 1]).getFullYear();
      return turn ? `${month.format(at)}\n${year.format(at)}` : month.format(at);
    }
    if (distance >= DAY) return day.format(at);
    const clock = (distance < 60 ? second : minute).format(at);
    const turn = i > 0 && at.getDate() !== asDate(times[i - 1]).getDate();
    return turn ? `${clock}\n${weekday.format(at)}` : clock;
  });
}

/** @returns {string} such as "Europe/Brussels" */
export function timeZone() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
