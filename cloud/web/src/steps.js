/**
 * Streams as steps: value `i` holds from `ends[i - 1]` to `ends[i]`, because every stamp of the API is the end of its
 * bucket. A `null` is a gap; the first entry is always one, it only says where the first step begins.
 *
 * @typedef {{ends: number[], values: (number | null)[]}} Steps  unix seconds ascending; one value for each
 * @typedef {{min: number, max: number, mean: number, last: number}} Statistics
 */

/**
 * @param {import("./page.js").Pair[]} pairs  as `GET /sensor/<id>` sends them
 * @param {number} step  seconds of a bucket
 * @param {number} factor  applied to every value
 * @param {number} now  unix seconds; the bucket in progress is drawn up to here, one that has not begun is left out
 * @returns {Steps}
 */
export function fromPairs(pairs, step, factor, now) {
  /** @type {Steps} */
  const steps = { ends: [], values: [] };
  for (const [end, value] of pairs) {
    const start = end - step;
    if (start >= now) continue;
    if (steps.ends.at(-1) !== start) {
      steps.ends.push(start);
      steps.values.push(null);
    }
    steps.ends.push(Math.min(end, now));
    steps.values.push(typeof value === "number" ? value * factor : null);
  }
  return steps;
}

/**
 * Brings several streams onto one time axis, as uPlot wants them.
 *
 * @param {Steps[]} streams
 * @returns {[number[], ...(number | null | undefined)[][]]} times, then a column for each stream; `undefined` where a
 *   stream has no stamp at that time (its step goes on), `null` where it has a gap
 */
export function align(streams) {
  const times = [...new Set(streams.flatMap((stream) => stream.ends))].sort((a, b) => a - b);
  const columns = streams.map(({ ends, values }) => {
    let next = 0;
    return times.map((time) => (ends[next] === time ? values[next++] : undefined));
  });
  return [times, ...columns];
}

/**
 * @param {Steps} stream
 * @param {number} from  unix seconds
 * @param {number} to
 * @returns {Statistics | null} over the part of the stream between `from` and `to`; the mean weighs each step by its
 *   length and leaves gaps out. null when nothing but gaps is there.
 */
export function statistics(stream, from, to) {
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  let length = 0;
  let last = null;
  for (let i = 1; i < stream.ends.length; i++) {
    const value = stream.values[i];
    const begin = Math.max(stream.ends[i - 1], from);
    const end = Math.min(stream.ends[i], to);
    if (value === null || value === undefined || end <= begin) continue;
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value * (end - begin);
    length += end - begin;
    last = value;
  }
  return last === null ? null : { min, max, mean: sum / length, last };
}

/**
 * @param {Steps} stream
 * @param {number} time  unix seconds
 * @returns {{start: number, end: number, value: number | null} | null} the step that holds at that time, gaps included
 */
export function stepAt(stream, time) {
  let low = 0;
  let high = stream.ends.length;
  while (low < high) { // first end at or after the time
    const middle = (low + high) >> 1;
    if (stream.ends[middle] < time) low = middle + 1;
    else high = middle;
  }
  if (low === 0 || low === stream.ends.length) return null;
  return {
    start: stream.ends[low - 1],
    end: stream.ends[low],
    value: stream.values[low] ?? null,
  };
}

/**
 * @param {Steps} stream
 * @param {number} factor
 * @returns {Steps} in another unit
 */
export function scaled(stream, factor) {
  return { ends: stream.ends, values: stream.values.map((value) => (value === null ? null : value * factor)) };
}
