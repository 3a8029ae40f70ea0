import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { bearing, clean, countdown, isStale, metres, span, wind } from "../src/format.js";

const units = { s: "s", min: "min", h: "h", d: "d" };

test("a countdown counts down, and up once it is over", () => {
  const shows = (left_s: number) => countdown(1_000_000 + left_s * 1000, 1_000_000);
  assert.equal(shows(0), "0:00");
  assert.equal(shows(7), "0:07");
  assert.equal(shows(725), "12:05");
  assert.equal(shows(3600), "1:00:00");
  assert.equal(shows(3725), "1:02:05");
  assert.equal(shows(-7), "+0:07");
  assert.equal(shows(-3725), "+1:02:05");
  // No second is shown twice or left out where ticks come a little late.
  assert.equal(countdown(10_000, 9_020), "0:01");
});

test("lengths of time and ways are short", () => {
  const times = [-5, 0, 89, 90, 3600, 5400, 100_000, 300_000].map((seconds) => span(seconds, units));
  assert.deepEqual(times, ["0 s", "0 s", "89 s", "2 min", "60 min", "1.5 h", "27.8 h", "3 d"]);
  assert.deepEqual([999, 1000, 12_340].map(metres), ["999 m", "1.0 km", "12.3 km"]);
});

test("a fix is old by its tracker's own rhythm", () => {
  assert.equal(isStale(20, 10), false);
  assert.equal(isStale(23, 10), true);
  assert.equal(isStale(60, 30), false);
  assert.equal(isStale(130, undefined), false);
  assert.equal(isStale(140, undefined), true);
  assert.equal(isStale(5, 1), false, "a second's rhythm is no reason to grey at once");
});

test("quarters of the sky", () => {
  const here = { latitude: 39, longitude: 121.5 };
  const from = (north: number, east: number) => wind(bearing(here, { latitude: 39 + north, longitude: 121.5 + east }));
  assert.deepEqual([from(1, 0), from(0, 1), from(-1, 0), from(0, -1)], [0, 2, 4, 6]);
  assert.equal(wind(-10), 0);
  assert.equal(wind(359), 0);
});

test("no character of a hostile name is hidden, and no plain one changed", () => {
  const { names, control } = JSON.parse(readFileSync("../fixtures/hostile.json", "utf8")) as { names: string[]; control: string[] };
  for (const name of [...names, ...control]) {
    const shown = clean(name);
    assert.doesNotMatch(shown, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u, JSON.stringify(name));
    assert.equal(clean(shown), shown);
  }
  assert.equal(clean("\u202eB"), "\\u{202e}B");
  assert.equal(clean("a\nb"), "a b");
  for (const plain of ["辽B·12345", "<b>&amp;", "Ünïcødé", "мир", "🚓"]) assert.equal(clean(plain), plain);
});
