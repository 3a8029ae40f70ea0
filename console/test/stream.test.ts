import assert from "node:assert/strict";
import { test } from "node:test";
import { Parser } from "../src/stream.js";

const TEXT = ": heartbeat\n\nid: 7\ndata: {\"a\":1}\n\nid:8\r\ndata: one\r\ndata: two\r\n\r\nevent: x\n\ndata: last";

test("messages are read however their text is cut", () => {
  const expected = [
    { id: "7", data: "{\"a\":1}" },
    { id: "8", data: "one\ntwo" },
  ];
  assert.deepEqual(new Parser().push(TEXT), expected);
  const parser = new Parser();
  assert.deepEqual([...TEXT].flatMap((letter) => parser.push(letter)), expected);
});
