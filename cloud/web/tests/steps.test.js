import assert from "node:assert/strict";
import { test } from "node:test";
import { align, fromPairs, scaled, statistics, stepAt } from "../src/steps.js";

test("trap 13: a stamp is the end of its bucket, so each value holds before it", () => {
  const steps = fromPairs([[120, 5], [180, 7]], 60, 1, 1000);
  assert.deepEqual(steps, { ends: [60, 120, 180], values: [null, 5, 7] });
  assert.deepEqual(stepAt(steps, 90), { start: 60, end: 120, value: 5 });
  assert.deepEqual(stepAt(steps, 120.5), { start: 120, end: 180, value: 7 });
  assert.equal(stepAt(steps, 60), null);
  assert.equal(stepAt(steps, 181), null);
});

test("trap 11: the text nan is a gap and stays one", () => {
  const steps = fromPairs([[120, 5], [180, "nan"], [240, 7]], 60, 2, 1000);
  assert.deepEqual(steps.values, [null, 10, null, 14]);
  assert.equal(stepAt(steps, 150)?.value, null);
});

test("the bucket in progress ends now, and one that has not begun is left out", () => {
  const steps = fromPairs([[120, 5], [180, 7], [240, "nan"]], 60, 1, 150);
  assert.deepEqual(steps, { ends: [60, 120, 150], values: [null, 5, 7] });
});

test("missing pairs are a gap too", () => {
  const steps = fromPairs([[120, 5], [300, 7]], 60, 1, 1000);
  assert.deepEqual(steps, { ends: [60, 120, 240, 300], values: [null, 5, null, 7] });
});

test("streams with other stamps share a time axis; where one has no stamp its step goes on", () => {
  const [times, a, b] = align([
    { ends: [0, 60, 120], values: [null, 1, 2] },
    { ends: [60, 90, 120], values: [null, 3, null] },
  ]);
  assert.deepEqual(times, [0, 60, 90, 120]);
  assert.deepEqual(a, [null, 1, undefined, 2]);
  assert.deepEqual(b, [undefined, null, 3, null]);
});

test("statistics cover the range, leave gaps out, and weigh by length", () => {
  const steps = { ends: [0, 60, 120, 180, 190], values: [null, 100, null, 40, 10] };
  assert.deepEqual(statistics(steps, 0, 190), { min: 10, max: 100, mean: (6000 + 2400 + 100) / 130, last: 10 });
  assert.deepEqual(statistics(steps, 30, 90), { min: 100, max: 100, mean: 100, last: 100 });
  assert.equal(statistics(steps, 60, 120), null);
  assert.equal(statistics({ ends: [], values: [] }, 0, 100), null);
});

test("another unit leaves gaps alone", () => {
  assert.deepEqual(scaled({ ends: [0, 60], values: [null, 3] }, 2), { ends: [0, 60], values: [null, 6] });
});
