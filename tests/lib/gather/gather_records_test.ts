import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Body } from "../../../lib/core/body.ts";
import { GatewayError, type Kind } from "../../../lib/core/errors.ts";
import type { GatherPart } from "../../../lib/gather/gather_part.ts";
import { type GatherOptions, GatherPlan } from "../../../lib/gather/gather_plan.ts";
import { type GatherRecord, gatherRecords } from "../../../lib/gather/gather_records.ts";
import { testCall, testContext } from "../../support/context.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";

/** Parts whose records are taken when a test wants them. */
function play(
  parts: Readonly<Record<string, Partial<GatherPart>>>,
  options: Partial<GatherOptions> = {},
) {
  const script = new ScriptedSource();
  const request = new AbortController();
  const plan = new GatherPlan(
    Object.entries(parts).map(([name, more]) => ({
      name,
      source: script.source,
      call: () => testCall({ path: `/${name}` }),
      optional: false,
      ...more,
    })),
    { clock: new ManualClock(), ...options },
  );
  const records = gatherRecords(plan, testCall(), testContext({ signal: request.signal }));
  const next = async () => written((await records.next()).value ?? undefined);
  return { script, request, records, next };
}

const written = (record: GatherRecord | undefined) =>
  record && `${record.event} ${new TextDecoder().decode(record.line)}`;

const optional = { optional: true };
const failure = (kind: Kind = "upstream-error") => new GatewayError(kind, "it failed");
const problem = (status = 502, kind: Kind = "upstream-error", title = "Upstream failed") =>
  `{"type":"/_gateway/problems/${kind}","title":"${title}","status":${status},"detail":"it failed"}`;

Deno.test("each part is streamed as it arrives, and then the last record", async () => {
  const { script, next } = play({ a: {}, b: {} });
  const first = next();
  await settled();
  script.at(1).answerJson({ x: 1 });
  assertEquals(await first, 'part {"part":"b","data":{"x":1}}');
  const second = next();
  await settled();
  script.at(0).answer({
    status: 204,
    headers: new Headers(),
    body: Body.of(new TextEncoder().encode("")),
  });
  assertEquals(await second, 'part {"part":"a","data":null}');
  assertEquals(await next(), 'done {"complete":true}');
  assertEquals(await next(), undefined);
});

Deno.test("a response of many lines is streamed on one", async () => {
  const { script, next } = play({ a: {} });
  const first = next();
  await settled();
  const body = Body.of(new TextEncoder().encode('\ufeff{\r\n"a":\n1e400}\n'));
  script.at(0).answer({ status: 200, headers: new Headers(), body });
  assertEquals(await first, 'part {"part":"a","data":{  "a": 1e400} }');
});

Deno.test("a failed part is a problem, with its fallback", async () => {
  const { script, next } = play({ a: optional, b: { optional: true, otherwise: [] } });
  const first = next();
  await settled();
  script.at(0).fail(failure());
  assertEquals(await first, `problem {"part":"a","problem":${problem()}}`);
  script.at(1).fail(failure());
  assertEquals(await next(), `problem {"part":"b","data":[],"problem":${problem()}}`);
  assertEquals(await next(), 'done {"complete":false}');
});

Deno.test("the failures within a reply follow its record", async () => {
  const { script, next } = play({ a: {} });
  const first = next();
  await settled();
  const failures = [2, 5].map((index) => ({ part: "a", index, error: failure() }));
  const body = Body.of(new TextEncoder().encode("[1]"));
  script.at(0).answer({ status: 200, headers: new Headers(), body, failures });
  assertEquals(await first, 'part {"part":"a","data":[1]}');
  assertEquals(await next(), `problem {"part":"a","index":2,"problem":${problem()}}`);
  assertEquals(await next(), `problem {"part":"a","index":5,"problem":${problem()}}`);
  assertEquals(await next(), 'done {"complete":false}');
});

Deno.test("a gather that fails before the first record gets no stream", async () => {
  const { script, next } = play({ a: {}, b: {} });
  const first = assertRejects(() => next(), GatewayError);
  await settled();
  script.at(1).fail(failure("upstream-timeout"));
  const error = await first;
  assertEquals([error.kind, error.failures.map(({ part }) => part)], ["upstream-timeout", ["b"]]);
  assertEquals(script.inFlight, 0);
});

Deno.test("records that came with the failure of the gather are dropped", async () => {
  const { script, next } = play({ a: {}, b: {} });
  const first = assertRejects(() => next(), GatewayError);
  await settled();
  script.at(0).answerJson(1);
  script.at(1).fail(failure());
  assertEquals((await first).kind, "upstream-error");
});

Deno.test("a gather that fails later says so in its last record, and makes no more calls", async () => {
  const { script, next } = play({ a: {}, b: {}, c: {}, d: { needs: ["c"] } });
  const first = next();
  await settled();
  script.at(0).answerJson(1);
  assertEquals(await first, 'part {"part":"a","data":1}');
  script.at(1).fail(failure());
  await settled();
  assertEquals(script.inFlight, 0, "it ends though nobody asks for the next record");
  assertEquals(await next(), `problem {"part":"b","problem":${problem()}}`);
  const last = await next() ?? "";
  assert(last.startsWith('done {"complete":false,"problem":{'), last);
  const { problem: told } = JSON.parse(last.slice(5));
  assertEquals([told.status, told.instance], [502, "test"]);
  assertEquals(told.problems.map(({ part }: { part: string }) => part), ["b"]);
  assertEquals([await next(), script.asked.length], [undefined, 3]);
});

Deno.test("at the deadline all missing parts are reported, and the stream ends", async () => {
  const { script, request, next } = play({ a: optional, b: optional, c: optional });
  const first = next();
  await settled();
  script.at(1).answerJson(1);
  await first;
  request.abort(failure("deadline-exceeded"));
  const late = problem(504, "deadline-exceeded", "Request deadline exceeded");
  assertEquals(await next(), `problem {"part":"a","problem":${late}}`);
  assertEquals(await next(), `problem {"part":"c","problem":${late}}`);
  assertEquals(await next(), 'done {"complete":false}');
});

Deno.test("a race streams its winners and earlier failures only", async () => {
  const { script, next } = play({ a: {}, b: {}, c: {}, d: {} }, { quorum: 2 });
  const first = next();
  await settled();
  script.at(2).fail(failure());
  assertEquals(await first, `problem {"part":"c","problem":${problem()}}`);
  script.at(3).answerJson(4);
  assertEquals(await next(), 'part {"part":"d","data":4}');
  script.at(0).answerJson(1);
  assertEquals(await next(), 'part {"part":"a","data":1}');
  assertEquals(await next(), 'done {"complete":true}');
  assertEquals(script.inFlight, 0);
});

Deno.test("an invalid request gets no stream, and reaches no upstream", async () => {
  const fault = failure("bad-request");
  const { script, next } = play({
    a: {},
    b: {
      call: () => {
        throw fault;
      },
    },
  });
  assertStrictEquals(await assertRejects(() => next(), GatewayError), fault);
  assertEquals(script.asked.length, 0);
});

Deno.test("who takes no more records ends everything", async () => {
  const { script, records, next } = play({ a: {}, b: {}, c: { needs: ["b"] } });
  const first = next();
  await settled();
  script.at(0).answerJson(1);
  await first;
  assertEquals(script.inFlight, 1);
  await records.return();
  assertEquals([script.inFlight, script.asked.length], [0, 2]);
});

Deno.test("nothing is called before the first record is requested", async () => {
  const { script, records } = play({ a: {} });
  await settled();
  await records.return();
  assertEquals(script.asked.length, 0);
});
