import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  afterFailure,
  afterSuccess,
  type Ejection,
  IN_USE,
  isOut,
} from "../../../../lib/policies/target/ejection.ts";
import { property } from "../../../support/random.ts";

/** The state after that many failures at a time, of calls that began just then. */
function fail(state: Ejection, count: number, now: number, mayEject = true): Ejection {
  for (let n = 0; n < count; n++) state = afterFailure(state, { startedAt: now, now }, mayEject);
  return state;
}

const succeed = (state: Ejection, now: number, startedAt = now) =>
  afterSuccess(state, { startedAt, now });

Deno.test("five failures in a row eject a target for five seconds", () => {
  const four = fail(IN_USE, 4, 100);
  assert(!isOut(four, 100));
  const five = fail(four, 1, 100);
  assert(isOut(five, 100) && isOut(five, 5_099) && !isOut(five, 5_100));
});

Deno.test("a success between failures begins the count again", () => {
  const state = fail(succeed(fail(IN_USE, 4, 0), 1), 4, 2);
  assert(!isOut(state, 2));
});

Deno.test("the first failure after the return ejects for twice as long, up to a minute", () => {
  let state = fail(IN_USE, 5, 0);
  const outs = [state.until];
  for (let n = 0; n < 6; n++) {
    const now = state.until;
    state = fail(state, 1, now);
    outs.push(state.until - now);
  }
  assertEquals(outs, [5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
});

Deno.test("a good time as long as the time out is forgiven; a shorter one is not", () => {
  const back = succeed(fail(IN_USE, 5, 0), 5_000);
  assertEquals(fail(succeed(back, 9_999), 5, 9_999).until, 9_999 + 10_000);
  assertStrictEquals(succeed(back, 10_000), IN_USE);
});

Deno.test("calls that began before the return say nothing", () => {
  const out = fail(IN_USE, 5, 1_000);
  assertStrictEquals(afterFailure(out, { startedAt: 900, now: 6_500 }, true), out);
  assertStrictEquals(succeed(out, 6_500, 900), out);
});

Deno.test("a success of a call that began while it was out brings it back", () => {
  const back = succeed(fail(IN_USE, 5, 0), 2_000, 1_000);
  assert(!isOut(back, 2_000));
  assertEquals(back.until, 2_000);
});

Deno.test("the last target is not ejected, but counts as failing until it succeeds", () => {
  const last = fail(IN_USE, 7, 0, false);
  assertEquals(last.until, -Infinity);
  assert(isOut(last, 0) && isOut(last, 1e9));
  assert(!isOut(succeed(last, 1), 1));
});

property(
  "a target is out only after failures, never for over a minute, and comes back",
  300,
  (random) => {
    let state = IN_USE;
    let now = 0;
    let inRow = 0;
    for (let step = 0; step < 200; step++) {
      now += random.pick([0, 1, 100, 3_000, 20_000]);
      const settled = { startedAt: now - random.pick([0, 0, 50, 4_000]), now };
      const wasOut = now < state.until;
      if (random.bool()) {
        const next = afterFailure(state, settled, random.bool(0.9));
        if (next !== state) inRow++;
        if (next.until > state.until) {
          assert(
            inRow >= 1 && !wasOut,
            "only a target in use is ejected",
          );
        }
        state = next;
      } else {
        const next = afterSuccess(state, settled);
        if (next.failures === 0) inRow = 0;
        assert(next.until <= Math.max(state.until, now), "a success never prolongs it");
        state = next;
      }
      assert(state.until - now <= 60_000);
      if (state.times === 0 && state.failures >= 5) assert(isOut(state, now));
    }
    const end = Math.max(now, state.until);
    assert(!isOut(succeed(state, end), end), "one success at the end brings it back");
  },
);
