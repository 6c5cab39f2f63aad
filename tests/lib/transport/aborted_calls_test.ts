import { abortCalls } from "../../support/aborted_calls.ts";

Deno.test("socket: 2000 calls that are aborted leave no socket", async () => {
  await abortCalls({ calls: 2_000, seed: 1 });
});
