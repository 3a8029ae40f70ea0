import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { STRINGS } from "../src/strings.js";
import { sentence } from "../src/why.js";

const figures = { probability: 0.82, distance_m: 4200, speed_kmh: 66.4, shortened_min: 4, of_min: 5, eta_s: 312, fix_age_s: 20 };

test("a reason is told in the reader's language by its code and figures", () => {
  const why = { code: "closing", text: "the server's", figures };
  const road = ["Northeast Expressway", "G15", "Third", "Fourth"];
  assert.equal(sentence(why, "Houyan", road, "en"), "4 of the last 5 min shortened the way to Houyan; 5 min to go by Northeast Expressway, G15, Third at 66 km/h; probability 82%");
  assert.equal(sentence(why, "后盐", ["东北快速路"], "zh"), "近5分钟中有4分钟离后盐更近；经东北快速路，还有5 分，时速66公里；可能性82%");
});

test("a code that is new, or none, is told in the server's words, and shows what it hides", () => {
  assert.equal(sentence({ code: "of_tomorrow", text: "So \u202ebe it", figures: {} }, "x", [], "zh"), "So \\u{202e}be it");
  assert.equal(sentence({ code: "constructor", text: "plain", figures: {} }, "x", [], "en"), "plain");
});

test("every code of the engine is told in both languages", () => {
  const sources = ["../engine/src/approach/why.rs", "../engine/src/silence/tell.rs"].map((file) => readFileSync(file, "utf8")).join("\n");
  const codes = [...sources.matchAll(/=> ?\(?\s*"([a-z_]+)"|\(\s*"([a-z_]+)",\s*(?:format!|"|ahead|at_checkpoint)/g)].map((found) => found[1] ?? found[2]!);
  assert.ok(codes.length >= 15, codes.join());
  for (const code of new Set(codes)) {
    for (const language of ["en", "zh"] as const) {
      assert.notEqual(sentence({ code, text: "untold", figures }, "P", [], language), "untold", `${code} in ${language}`);
    }
  }
});

test("no word is missing or left in the other language", () => {
  const { en, zh } = STRINGS;
  const same = Object.keys(en).filter((key) => JSON.stringify(en[key as keyof typeof en]) === JSON.stringify(zh[key as keyof typeof zh]));
  assert.deepEqual(same, ["title"]);
  for (const [key, value] of Object.entries(en)) {
    const other = zh[key as keyof typeof zh];
    if (typeof value === "object") assert.deepEqual(Object.keys(other), Object.keys(value), key);
    else assert.match(String(other), /[\p{Script=Han}]|English|Interdict/u, key);
  }
});

test("nothing is put into the page but text", () => {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((file) => /\.tsx?$/.test(file));
  assert.ok(files.length > 15);
  for (const file of files) {
    assert.doesNotMatch(readFileSync(`src/${file}`, "utf8"), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|setHTML/, file);
  }
});
