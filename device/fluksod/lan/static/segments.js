// What a stream was over time: segments { from, to, value, low, high } in unix seconds, in order, with gaps between them.

/** The buckets of /api/v2/sensors/<id>/history that have a value. */
export function fromHistory({ time, mean, min, max, resolution }) {
  const found = [];
  for (let at = 0; at < time.length; at++) {
    if (mean[at] !== null) found.push({ from: time[at], to: time[at] + resolution, value: mean[at], low: min[at], high: max[at] });
  }
  return found;
}

/** Readings [time, gauge], in order: each holds until the next one, for `hold` seconds at most. */
export function fromReadings(readings, hold, now) {
  return readings.flatMap(([from, value], at) => {
    const to = Math.min(readings[at + 1]?.[0] ?? now, from + hold);
    return value === null || to <= from ? [] : [{ from, to, value, low: value, high: value }];
  });
}

/** `past` as far as `recent` does not tell it. */
export function joined(past, recent) {
  const since = recent[0]?.from ?? Infinity;
  const before = past.filter(one => one.from < since).map(one => (one.to > since ? { ...one, to: since } : one));
  return [...before, ...recent];
}

/** What is seen between two moments. */
export const between = (segments, start, end) => segments.filter(one => one.to > start && one.from < end);

/** The segment at a moment; undefined in a gap. */
export const at = (segments, time) => segments.findLast(one => one.from <= time && time <= one.to);
