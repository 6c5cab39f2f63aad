import { assert, assertEquals } from "@std/assert";
import { isPlainJson } from "../../../lib/core/is_plain_json.ts";
import { Random } from "../../support/random.ts";

const ENCODER = new TextEncoder();

/** Whether JSON.parse accepts the text. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function randomValue(random: Random, depth: number): unknown {
  const kind = depth > 5 ? random.int(0, 4) : random.int(0, 7);
  if (kind === 0) return random.int(-1000, 1000);
  if (kind === 1) return random.int(-1000, 1000) / 64 * 10 ** random.int(-30, 30);
  if (kind === 2) return random.pick([true, false, null]);
  if (kind <= 4) return random.pick(["", "a", 'q"u', "\\", "\n\t", "\u0001", "/", "x".repeat(40)]);
  const items = Array.from({ length: random.int(0, 4) }, () => randomValue(random, depth + 1));
  return kind <= 5 ? items : Object.fromEntries(items.map((item, at) => [`k${at}`, item]));
}

Deno.test("ASCII documents are recognized, however they are written", () => {
  const random = new Random(3);
  for (let run = 0; run < 3_000; run++) {
    const text = JSON.stringify(randomValue(random, 0), null, random.pick([0, 1, 3]));
    assert(isPlainJson(ENCODER.encode(random.pick(["", " ", "\r\n\t"]) + text)), text);
  }
});

Deno.test("property: what is recognized is what JSON.parse accepts, also when it was damaged", () => {
  const random = new Random(5);
  const pieces = [...'{}[],:"\\-+.0123eEtrufalsn \t\r\n\0\x7fé/bx', "\\u00e9", "\\ud800", "1e5"];
  let recognized = 0;
  for (let run = 0; run < 60_000; run++) {
    let text = JSON.stringify(randomValue(random, 1));
    for (let edits = random.int(1, 3); edits > 0; edits--) {
      const at = random.int(0, text.length);
      text = text.slice(0, at) + (random.bool() ? random.pick(pieces) : "") +
        text.slice(at + random.int(0, 2));
    }
    const isPlain = isPlainJson(ENCODER.encode(text));
    if (isPlain) recognized++;
    const isAscii = /^[\0-\x7e]*$/.test(text);
    if (isPlain || isAscii) assertEquals(isPlain, isJson(text), JSON.stringify(text));
  }
  assert(recognized > 5_000);
});

Deno.test("each short text of JSON's characters is recognized exactly if it is JSON", () => {
  const characters = [...'{}[],:"\\-.01eE tn'];
  const check = (text: string, more: number) => {
    assertEquals(isPlainJson(ENCODER.encode(text)), isJson(text), JSON.stringify(text));
    if (more > 0) { for (const next of characters) check(text + next, more - 1); }
  };
  check("", 4);
});

Deno.test("other documents are left to a parser", () => {
  for (const text of ['"é"', "\ufeff1", `${"[".repeat(31)}${"]".repeat(31)}`]) {
    assertEquals(isPlainJson(ENCODER.encode(text)), false, text);
  }
});
