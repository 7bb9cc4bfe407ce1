import assert from "node:assert/strict";
import { test } from "node:test";
import { Trace } from "../src/trace.js";

/** @param {Trace} trace */
const values = (trace) => { const { ends, values: all } = trace.steps(); return ends.map((end, i) => [end, all[i]]); };

test("readings that follow each other hold back to the one before", () => {
  const trace = new Trace(600, 15);
  trace.add(100, 1);
  trace.add(101, 2);
  trace.add(105, 3);
  assert.deepEqual(values(trace), [[99, null], [100, 1], [101, 2], [105, 3]]);
});

test("a silence longer than the bridge is a gap", () => {
  const trace = new Trace(600, 15);
  trace.add(100, 1);
  trace.add(130, 2);
  assert.deepEqual(values(trace), [[99, null], [100, 1], [129, null], [130, 2]]);
});

test("minutes fill what was not heard, before and in between, cut where readings begin and end", () => {
  const trace = new Trace(600, 15);
  trace.fill([[60, 6], [120, 12], [180, 18], [240, 24], [300, "nan"]], 10, 1000);
  trace.add(100, 1);
  trace.add(110, 2);
  trace.add(200, 3);
  assert.deepEqual(values(trace), [
    [0, null], [60, 60], [99, 120], [100, 1], [110, 2], [120, 120], [180, 180], [199, 240], [200, 3],
  ]);
});

test("after the last reading only whole minutes are taken, so that the newest value stays in sight", () => {
  const trace = new Trace(600, 15);
  trace.add(110, 2);
  trace.fill([[120, 12], [180, 18]], 1, 1000);
  assert.deepEqual(values(trace), [[60, null], [109, 12], [110, 2], [120, null], [180, 18]]);
  assert.deepEqual(trace.latest, [180, 18]);
});

test("readings out of order are sorted, a repeated time is corrected, old ones are let go", () => {
  const trace = new Trace(100, 15);
  trace.add(200, 2);
  trace.add(195, 1);
  trace.add(200, 3);
  assert.deepEqual(values(trace), [[194, null], [195, 1], [200, 3]]);
  trace.add(301, 4);
  assert.deepEqual(values(trace), [[300, null], [301, 4]]);
  assert.deepEqual(trace.latest, [301, 4]);
});

test("without anything heard there is nothing", () => {
  assert.equal(new Trace(600, 15).latest, null);
  assert.deepEqual(new Trace(600, 15).steps(), { ends: [], values: [] });
});
