import { assertEquals, assertRejects } from "@std/assert";
import { GatewayError } from "../../../lib/core/errors.ts";
import type { GatherPart } from "../../../lib/gather/gather_part.ts";
import { GatherPlan } from "../../../lib/gather/gather_plan.ts";
import { gatherRecords } from "../../../lib/gather/gather_records.ts";
import { json } from "../../../lib/json/json_reply.ts";
import { parsePathTemplate } from "../../../lib/template/template.ts";
import { parseOnlyName } from "../../../lib/template/reference.ts";
import { testCall, testContext } from "../../support/context.ts";
import { gatherOf } from "../../support/gather_of.ts";
import { ManualClock } from "../../support/manual_clock.ts";

interface PlayedPart {
  /** The `Retry-After` of the error with which its calls fail (s); absent if they succeed. */
  readonly refused?: number;
  readonly needs?: readonly string[];
  readonly each?: string;
  readonly optional?: boolean;
  readonly path?: string;
}

/** Runs a gather; parts that are refused would be refused by their calls, too. */
function play(parts: Readonly<Record<string, PlayedPart>>, quorum?: number) {
  const called: string[] = [];
  const plan = Object.entries(parts).map(([name, given]): GatherPart => {
    const { refused, needs = [], each, optional = false, path = `/${name}` } = given;
    const refusal = () =>
      refused === undefined ? undefined : new GatewayError("breaker-open", "open", {
        headers: { "retry-after": String(refused) },
      });
    const template = parsePathTemplate(path);
    const items = each === undefined ? undefined : parseOnlyName(each);
    return {
      name,
      source() {
        called.push(name);
        const error = refusal();
        return error ? Promise.reject(error) : Promise.resolve(json(1));
      },
      needs,
      optional,
      call: (inputs) => testCall({ path: template.expand(inputs) }),
      ...(items && { each: { items, concurrency: 8, max: 4 } }),
      ...(refused !== undefined && { refusal }),
    };
  });
  const options = { clock: new ManualClock(), ...(quorum && { quorum }) };
  return { called, plan: new GatherPlan(plan, options), source: gatherOf(plan, options) };
}

async function outcome(
  parts: Readonly<Record<string, PlayedPart>>,
  { quorum, path = "/", headers = {} }: {
    quorum?: number;
    path?: string;
    headers?: Record<string, string>;
  } = {},
): Promise<{ called: string[]; error?: string; retryAfter?: string; parts: string[] }> {
  const { called, source } = play(parts, quorum);
  const ctx = testContext();
  const call = testCall({ path, headers: new Headers(headers) });
  const names = () => ctx.trace.parts.map(({ part, error }) => `${part} ${error?.kind}`);
  try {
    await source(call, ctx);
    return { called, parts: names() };
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const retryAfter = error.headers["retry-after"];
    return {
      called,
      error: `${error.kind} ${error.status}: ${error.message}`,
      ...(retryAfter === undefined ? {} : { retryAfter }),
      parts: names(),
    };
  }
}

Deno.test("a required part that would be refused fails the gather before any part is called", async () => {
  assertEquals(await outcome({ a: {}, b: { refused: 7 }, c: { optional: true } }), {
    called: [],
    error: "breaker-open 503: the part b is required: open",
    retryAfter: "7",
    parts: ["b breaker-open"],
  });
});

Deno.test("the longest Retry-After of all required parts that would be refused counts", async () => {
  const { error, retryAfter } = await outcome({
    a: { refused: 3 },
    b: { refused: 9 },
    c: { refused: 60, optional: true },
  });
  assertEquals(error, "breaker-open 503: the part b is required: open");
  assertEquals(retryAfter, "9");
});

Deno.test("an optional part that would be refused is called like any other", async () => {
  const { called, error } = await outcome({ a: {}, b: { refused: 7, optional: true } });
  assertEquals([called, error], [["a", "b"], undefined]);
});

Deno.test("handling=strict makes it required", async () => {
  const parts = { a: {}, b: { refused: 7, optional: true } };
  const { called } = await outcome(parts, { headers: { prefer: "handling=strict" } });
  assertEquals(called, []);
});

Deno.test("a part that others need is as required as they are", async () => {
  const parts = {
    a: {},
    b: { needs: ["c"] },
    c: { needs: ["d"], optional: true },
    d: { refused: 7, optional: true },
  };
  assertEquals(await outcome(parts), {
    called: [],
    error: "input-failed 503: the part b is required: it needs the part c, which failed",
    retryAfter: "7",
    parts: ["d breaker-open", "c input-failed", "b input-failed"],
  });
});

Deno.test("a part that needs two that would be refused fails once", async () => {
  const parts = {
    a: { refused: 7, optional: true },
    b: { refused: 8, optional: true },
    c: { needs: ["a", "b"] },
  };
  assertEquals(await outcome(parts), {
    called: [],
    error: "input-failed 503: the part c is required: it needs the part b, which failed",
    retryAfter: "8",
    parts: ["b breaker-open", "c input-failed", "a breaker-open"],
  });
});

Deno.test("a required part that starts later is refused early, too", async () => {
  const { called, retryAfter } = await outcome({ a: {}, b: { refused: 7, needs: ["a"] } });
  assertEquals([called, retryAfter], [[], "7"]);
});

Deno.test("of a quorum, so many must be refused that it is out of reach", async () => {
  const parts = { a: { refused: 1 }, b: { refused: 8 }, c: {} };
  const { called, error } = await outcome(parts, { quorum: 1 });
  assertEquals([called, error], [["a", "b", "c"], undefined]);
  assertEquals(await outcome(parts, { quorum: 2 }), {
    called: [],
    error: "breaker-open 503: fewer than 2 parts succeeded; the last to fail was a: open",
    retryAfter: "8",
    parts: ["b breaker-open", "a breaker-open"],
  });
});

Deno.test("a list of the client's that is empty makes no calls, and is not refused", async () => {
  const parts = { a: {}, b: { refused: 7, each: "{query.id}", path: "/{item}" } };
  assertEquals((await outcome(parts, { path: "/?id=1" })).called, []);
  assertEquals((await outcome(parts)).called, ["a"]);
});

Deno.test("a list of another part may be empty, too", async () => {
  const parts = {
    a: {},
    b: { refused: 7, each: "{a.ids}", path: "/{item}", needs: ["a"] },
  };
  assertEquals((await outcome(parts)).called, ["a"]);
});

Deno.test("a mistake of the client's is reported first", async () => {
  const { error } = await outcome({ a: { refused: 7 }, b: { path: "/{query.id}" } });
  assertEquals(error, "bad-request 400: query.id: is missing");
});

Deno.test("a streamed response fails in the same way", async () => {
  const { called, plan } = play({ a: {}, b: { refused: 7 } });
  const records = gatherRecords(plan, testCall(), testContext());
  const error = await assertRejects(() => records.next(), GatewayError);
  assertEquals([error.kind, error.headers, called], ["breaker-open", { "retry-after": "7" }, []]);
});
