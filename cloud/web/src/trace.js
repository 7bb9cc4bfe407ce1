import { fromPairs } from "./steps.js";

/** A reading that follows a longer silence stands for the second before it and no more. */
const OWN_SECONDS = 1;

/**
 * The last minutes of one sensor: the gauges that the cloud has told, and minute buckets where there were none (before
 * the cloud kept them, while the connection was lost, or for a device that sends counters only).
 */
export class Trace {
  /** @type {[time: number, gauge: number][]} */
  #readings = [];
  /** @type {import("./steps.js").Steps} */
  #minutes = { ends: [], values: [] };
  #span;
  #bridge;

  /**
   * @param {number} span  seconds of readings that are kept
   * @param {number} bridge  a reading holds back to the one before if that is at most this many seconds older; a longer
   *   silence is a gap. Clamps speak every second; a pulse input only when a pulse comes, its rate is that since the
   *   pulse before.
   */
  constructor(span, bridge) {
    this.#span = span;
    this.#bridge = bridge;
  }

  /** @param {number} time @param {number} gauge  W or L/min */
  add(time, gauge) {
    const readings = this.#readings;
    let at = readings.length;
    while (at > 0 && readings[at - 1][0] > time) at--;
    const same = at > 0 && readings[at - 1][0] === time;
    readings.splice(same ? at - 1 : at, same ? 1 : 0, [time, gauge]);
    const oldest = readings[readings.length - 1][0] - this.#span;
    while (readings[0][0] < oldest) readings.shift();
  }

  /**
   * @param {import("./page.js").Pair[]} pairs  minute buckets
   * @param {number} factor  applied to their values
   * @param {number} now
   */
  fill(pairs, factor, now) {
    this.#minutes = fromPairs(pairs, 60, factor, now);
  }

  /** @returns {number} when the newest gauge was heard, unix seconds; -Infinity if none was */
  get heard() {
    return this.#readings.at(-1)?.[0] ?? -Infinity;
  }

  /** @returns {[time: number, gauge: number] | null} the newest value, of a reading or of a minute */
  get latest() {
    const reading = this.#readings.at(-1);
    const { ends, values } = this.#minutes;
    const i = values.findLastIndex((value) => value !== null);
    const minute = i < 0 ? null : /** @type {[number, number]} */ ([ends[i], values[i]]);
    return reading && (!minute || reading[0] >= minute[0]) ? reading : minute;
  }

  /** @returns {import("./steps.js").Steps} */
  steps() {
    /** @type {import("./steps.js").Steps} */
    const steps = { ends: [], values: [] };
    let heard = -Infinity;
    for (const [time, gauge] of this.#readings) {
      if (time - heard > this.#bridge) {
        this.#fillBetween(steps, heard, time - OWN_SECONDS);
        if (steps.ends.at(-1) !== time - OWN_SECONDS) push(steps, time - OWN_SECONDS, null);
      }
      push(steps, time, gauge);
      heard = time;
    }
    // A minute that a reading has already reached into is left to the readings.
    this.#fillBetween(steps, heard, Infinity, heard);
    return steps;
  }

  /**
   * @param {import("./steps.js").Steps} steps
   * @param {number} from
   * @param {number} to
   * @param {number} [earliest]  minutes that began before are left out
   */
  #fillBetween(steps, from, to, earliest = -Infinity) {
    const { ends, values } = this.#minutes;
    for (let i = 1; i < ends.length; i++) {
      const value = values[i];
      const begin = Math.max(ends[i - 1], from);
      const end = Math.min(ends[i], to);
      if (value === null || value === undefined || end <= begin || ends[i - 1] < earliest) continue;
      if (steps.ends.at(-1) !== begin) push(steps, begin, null);
      push(steps, end, value);
    }
  }
}

/** @param {import("./steps.js").Steps} steps @param {number} end @param {number | null} value */
function push(steps, end, value) {
  steps.ends.push(end);
  steps.values.push(value);
}
