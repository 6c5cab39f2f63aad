import { assertEquals } from "@std/assert";
import { BufferBudget } from "../../lib/core/buffer_budget.ts";
import { TimerQueue } from "../../lib/core/timer_queue.ts";
import { Shutdown } from "../../lib/process/shutdown.ts";
import { Exchange } from "../../middleware/exchange.ts";
import { Lifetime } from "../../middleware/lifetime.ts";
import type { Endpoint, Middleware } from "../../middleware/middleware.ts";
import { ResponseDraft } from "../../middleware/response_draft.ts";
import { run } from "../../middleware/run.ts";
import { ManualClock } from "../support/manual_clock.ts";

/** Runs a request through middleware, and tells in which order things happened. */
async function trial(
  middleware: (seen: string[]) => Middleware[],
  endpoint: Endpoint = () => new ResponseDraft("endpoint"),
  method = "GET",
): Promise<{ readonly seen: string[]; readonly response: Response; readonly text: string }> {
  const seen: string[] = [];
  const c = new Exchange(new Request("http://gateway.example/x", { method }), {
    remoteAddress: "192.0.2.1",
    scheme: "http",
    completed: Promise.resolve(),
  });
  const response = await run(c, {
    middleware: middleware(seen),
    endpoint,
    problem: (error) => new ResponseDraft(String(error), { status: 500 }),
    takesQueries: false,
  });
  return { seen, response, text: await response.text() };
}

/** A middleware that tells when it runs, and what status it sees on the way out. */
function witness(name: string, seen: string[], before?: Middleware["before"]): Middleware {
  return {
    before(c) {
      seen.push(name);
      return before?.(c);
    },
    after(_c, { status }) {
      seen.push(`${name} ${status}`);
    },
  };
}

Deno.test("middleware runs inwards in order, and outwards in reverse order", async () => {
  const { seen, text } = await trial((seen) => [
    witness("a", seen),
    { before: () => void seen.push("check") },
    witness("b", seen, () => Promise.resolve()),
  ]);
  assertEquals(seen, ["a", "check", "b", "b 200", "a 200"]);
  assertEquals(text, "endpoint");
});

for (const isAsync of [false, true]) {
  const kind = isAsync ? "asynchronous" : "synchronous";
  const fail = () => {
    if (isAsync) return Promise.reject(new Error("refused"));
    throw new Error("refused");
  };

  Deno.test(`${kind}: an error on the way in turns the request back to those further out`, async () => {
    const { seen, text } = await trial((seen) => [
      witness("a", seen),
      witness("b", seen, fail),
      witness("c", seen),
    ]);
    assertEquals(seen, ["a", "b", "a 500"]);
    assertEquals(text, "Error: refused");
  });

  Deno.test(`${kind}: an endpoint's error passes all middleware on its way out`, async () => {
    const { seen } = await trial((seen) => [witness("a", seen), witness("b", seen)], fail);
    assertEquals(seen, ["a", "b", "b 500", "a 500"]);
  });

  Deno.test(`${kind}: an error on the way out becomes the response`, async () => {
    const { seen } = await trial((
      seen,
    ) => [witness("a", seen), { after: fail }, witness("b", seen)]);
    assertEquals(seen, ["a", "b", "b 200", "a 500"]);
  });

  Deno.test(`${kind}: a middleware may respond in place of the endpoint`, async () => {
    const own = new ResponseDraft("own", { status: 203 });
    const { seen, text } = await trial((seen) => [
      witness("a", seen),
      witness("b", seen, () => isAsync ? Promise.resolve(own) : own),
      witness("c", seen),
    ]);
    assertEquals(seen, ["a", "b", "a 203"]);
    assertEquals(text, "own");
  });
}

Deno.test("fields that middleware adds are in the response, each cookie on a line of its own", async () => {
  const { response } = await trial(() => [{
    after(_c, { headers }) {
      headers.set("content-type", "text/x");
      for (const value of ["a=1", "b=2"]) headers.append("set-cookie", value);
      headers.append("vary", "Accept");
      headers.append("vary", "Origin");
    },
  }]);
  assertEquals([...response.headers], [
    ["content-type", "text/x"],
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
    ["vary", "Accept, Origin"],
  ]);
});

Deno.test("a response that cannot be built is a problem", async () => {
  const { response } = await trial(() => [], () => new ResponseDraft("body", { status: 204 }));
  assertEquals(response.status, 500);
});

for (
  const [status, length, isStream] of [[200, undefined, true], [200, "7", false], [
    204,
    undefined,
    false,
  ]] as const
) {
  Deno.test(`HEAD has no body, and with ${status} and the length ${length} none is made up`, async () => {
    const headers = new Headers(length === undefined ? {} : { "content-length": length });
    const endpoint = () => new ResponseDraft(null, { status, headers });
    const { response, text } = await trial(() => [], endpoint, "HEAD");
    assertEquals([text, response.body !== null], ["", isStream]);
  });
}

Deno.test("a client that leaves while middleware waits has left when the endpoint runs", async () => {
  const client = new AbortController();
  const clock = new ManualClock();
  const options = {
    deadlineMs: 1_000,
    timers: new TimerQueue(1_000, clock),
    clock,
    run: () => {},
    shutdown: new Shutdown(clock),
    buffers: new BufferBudget(1),
  };
  const lifetime: Middleware = {
    before(c) {
      const { request: { url }, env, arrivedAt } = c;
      const request = new Request(url, { signal: client.signal });
      const trace = { id: "test", parts: [] };
      c.lifetime = new Lifetime(options, { request, env, trace, arrivedAt }, Infinity);
    },
    after: (c) => c.lifetime?.stop(),
  };
  const waiting: Middleware = {
    async before() {
      await Promise.resolve();
      client.abort();
      await Promise.resolve();
    },
  };
  const endpoint: Endpoint = (c) => new ResponseDraft(String(c.ctx.signal.aborted));
  const { text } = await trial(() => [lifetime, waiting], endpoint);
  assertEquals(text, "true");
});
