import assert from "node:assert/strict";
import { test } from "node:test";
import { readView, toggleSensor, writeView } from "../src/address.js";

const choices = { scales: ["live", "day"], unit: ["watt", "kwhperyear"], flow: ["lpermin", "lperday"] };
const defaults = readView("", choices);
const sensor = "0123456789abcdef0123456789abcdef";

test("an address without anything is the default view, and the default view needs no address", () => {
  assert.deepEqual(defaults, { scale: "live", unit: "watt", flow: "lpermin", hidden: [] });
  assert.equal(writeView(defaults, defaults, null), "");
});

test("every view survives its address", () => {
  const view = { scale: "day", unit: "kwhperyear", flow: "lperday", hidden: ["01234567", "fedcba98"] };
  const text = writeView(view, defaults, sensor);
  assert.equal(text, `?device=${sensor}&scale=day&unit=kwhperyear&flow=lperday&hide=01234567,fedcba98`);
  assert.deepEqual(readView(text, choices), view);
});

test("words that are not known fall back to the first choice", () => {
  assert.deepEqual(readView("?scale=eon&unit=volt&flow=&hide=<b>,xyz,0123", choices), defaults);
});

test("a sensor is hidden and shown again by its first digits", () => {
  const hidden = toggleSensor(defaults, sensor);
  assert.deepEqual(hidden.hidden, ["01234567"]);
  assert.deepEqual(toggleSensor(hidden, sensor), defaults);
});
