import { assert } from "@std/assert";
import { mixCalls } from "../support/mixed_calls.ts";

Deno.test("3,000 mixed requests, with clients that leave, leave nothing under way", async () => {
  const { calls, statuses } = await mixCalls({ requests: 3_000, seed: 1 });
  assert(calls > 3_000, `${calls} calls`);
  for (const status of ["200", "404", "502", "503", "504"]) {
    assert((statuses.get(status) ?? 0) > 10, `few ended with ${status}`);
  }
});
