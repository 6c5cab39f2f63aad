import { assert, assertEquals } from "@std/assert";
import { Body } from "../../../lib/core/body.ts";
import type { CacheEntry } from "../../../lib/cache/entry.ts";
import { combined, partOf, sliceOf, wholeOf } from "../../../lib/cache/parts.ts";
import { property } from "../../support/random.ts";

const WHOLE = "abcdefghijklmnopqrst";

/** The bytes from `first` on, as an origin sends them; `missing` fewer than it says. */
function sent(first: number, last: number, etag: string, missing = 0): CacheEntry {
  return {
    status: 206,
    headers: new Headers({ etag, "content-range": `bytes ${first}-${last}/${WHOLE.length}` }),
    body: Body.of(new TextEncoder().encode(WHOLE.slice(first, last + 1 - missing))),
    requestedAt: 0,
    receivedAt: 0,
    selection: "",
    url: "up /x",
    isAuthorized: false,
  };
}

async function textOf({ body }: CacheEntry): Promise<string> {
  return new TextDecoder().decode(await body.bytes(Infinity));
}

property("whatever parts come, a range has the bytes of its place", 500, async (random) => {
  const next = async () => {
    const first = random.int(0, WHOLE.length - 2);
    const last = random.int(first + 1, WHOLE.length - 1);
    // A part that reaches the end and is too short has another end: see below.
    const missing = last < WHOLE.length - 1 && random.bool(0.2) ? 1 : 0;
    const part = await partOf(sent(first, last, random.pick(['"a"', '"a"', '"b"']), missing));
    assert(part);
    return part;
  };
  let part = await next();
  for (let count = random.int(0, 5); count > 0; count--) part = combined(part, await next());
  for (let first = 0; first < WHOLE.length; first++) {
    const last = random.int(first, WHOLE.length - 1);
    const slice = sliceOf(part, new Headers({ range: `bytes=${first}-${last}` }));
    if (!slice) continue;
    assertEquals(await textOf(slice), WHOLE.slice(first, last + 1));
    assertEquals(slice.headers.get("content-range"), `bytes ${first}-${last}/${WHOLE.length}`);
  }
  const whole = wholeOf(part);
  if (whole) assertEquals(await textOf(whole), WHOLE);
});

Deno.test("parts that touch or overlap are combined, and those with a gap or another ETag are not", async () => {
  const all = async (...parts: CacheEntry[]) => {
    const [first, ...others] = await Promise.all(parts.map(partOf));
    assert(first);
    return others.reduce((sum, part) => part ? combined(sum ?? part, part) : sum, first);
  };
  const length = async (...parts: CacheEntry[]) => (await all(...parts))?.bytes.length;
  assertEquals(await length(sent(0, 4, '"a"'), sent(5, 9, '"a"')), 10);
  assertEquals(await length(sent(5, 9, '"a"'), sent(0, 6, '"a"')), 10);
  assertEquals(await length(sent(0, 9, '"a"'), sent(2, 4, '"a"')), 10);
  assertEquals(await length(sent(0, 4, '"a"'), sent(6, 9, '"a"')), 4);
  assertEquals(await length(sent(0, 4, '"a"'), sent(5, 9, '"b"')), 5);
  assertEquals(await length(sent(0, 4, 'W/"a"'), sent(5, 9, 'W/"a"')), 5);
  assertEquals(await length(sent(0, 4, '"a"', 1), sent(4, 9, '"a"')), 6);
  const whole = await all(sent(0, 9, '"a"'), sent(10, 19, '"a"'));
  assertEquals(whole && wholeOf(whole)?.status, 200);
});
