import { assert, assertEquals } from "@std/assert";
import {
  formatContentRange,
  parseByteRanges,
  parseContentRange,
} from "../../../lib/http/byte_ranges.ts";
import { property } from "../../support/random.ts";

property("ranges lie in the representation, and are those that were asked for", 500, (random) => {
  const size = random.int(0, 20);
  const specs = Array.from({ length: random.int(1, 4) }, () => {
    const [a, b] = [random.int(0, 25), random.int(0, 25)];
    return random.pick([`${Math.min(a, b)}-${Math.max(a, b)}`, `${a}-`, `-${a}`]);
  });
  const ranges = parseByteRanges(`bytes=${specs.join(random.pick([",", ", ", " ,"]))}`, size);
  const model = specs.map((spec) => {
    const [from = "", to = ""] = spec.split("-");
    return Array.from({ length: size }, (_, at) => at).filter((at) =>
      from === "" ? at >= size - Number(to) : at >= Number(from) && (to === "" || at <= Number(to))
    );
  }).filter((bytes) => bytes.length > 0);
  const isOverlapping = new Set(model.flat()).size < model.flat().length;
  assertEquals(ranges === undefined, isOverlapping);
  const found = ranges?.map(({ first, last }) => [first, last]);
  assertEquals(found ?? [], isOverlapping ? [] : model.map((bytes) => [bytes[0], bytes.at(-1)]));
});

property("a Content-Range is read as it was written", 200, (random) => {
  const first = random.int(0, 1_000);
  const last = first + random.int(0, 1_000);
  const size = random.bool() ? undefined : last + random.int(1, 1_000);
  assertEquals(parseContentRange(formatContentRange({ first, last }, size)), { first, last, size });
});

for (
  const text of [
    "bytes 5-4/10",
    "bytes 0-10/10",
    "bytes */10",
    "bytes 0-1",
    "lines 0-1/2",
    "bytes 0-9007199254740993/*",
  ]
) {
  Deno.test(`${text} is no Content-Range of bytes`, () => {
    assertEquals(parseContentRange(text), undefined);
  });
}

Deno.test("numbers beyond counting are ranges like any other", () => {
  assertEquals(parseByteRanges(`bytes=0-${"9".repeat(400)}`, 5), [{ first: 0, last: 4 }]);
  assertEquals(parseByteRanges(`bytes=${"9".repeat(400)}-`, 5), []);
  assert(parseByteRanges(`bytes=-${"9".repeat(400)}`, 5)?.length === 1);
});
