import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { parseConfig } from "../../../lib/config/parse.ts";
import type { OpenedUpstream } from "../../../lib/config/upstream.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import { json } from "../../../lib/json/json_reply.ts";
import { Resources } from "../../../lib/upstream/resources.ts";
import type { Context, Reply, Source } from "../../../lib/core/source.ts";
import { StartError } from "../../../lib/core/start_error.ts";
import { functionSource } from "../../../lib/transport/function.ts";
import { testCall, testContext } from "../../support/context.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";

const LINGER_MS = 1_000;
const REASON = new Error("no such database");

/** What a test says of an upstream; the rest stands for itself. */
type Script = Partial<OpenedUpstream<unknown>>;

/** Resources with upstreams as the config has them, and all that happens to them, in order. */
function resourcesOf(upstreams: Readonly<Record<string, Script>>) {
  const clock = new ManualClock();
  const told: string[] = [];
  const resources = new Resources({
    clock,
    lingerMs: LINGER_MS,
    onError: (error, upstream) => told.push(`${upstream}: ${error}`),
  });
  const { upstreams: settings } = parseConfig({
    upstreams: Object.fromEntries(
      Object.entries(upstreams).map(([name, script]) => [name, {
        open: () => {
          told.push(`open ${name}`);
          return name;
        },
        source: (_call: unknown, _ctx: unknown, it: unknown) => Promise.resolve(json(it)),
        close: () => told.push(`close ${name}`),
        ...script,
      }]),
    ),
    routes: {},
  }, () => undefined);
  const sources = new Map(settings.map((upstream): [string, Source] => {
    if (!("open" in upstream)) throw new Error("it opens nothing");
    return [upstream.name, functionSource(resources.source(upstream))];
  }));
  const ask = async (name: string, ctx: Partial<Context> = {}): Promise<Reply> => {
    const source = sources.get(name);
    if (!source) throw new Error(`no source ${name}`);
    return await source(testCall(), testContext(ctx));
  };
  return { resources, clock, told, ask };
}

Deno.test("closing is in reverse order of opening, whatever the config's order", async () => {
  const { resources, ask, told } = resourcesOf({ a: {}, b: {}, c: {}, unused: {} });
  for (const name of ["b", "c", "a", "b"]) await (await ask(name)).body.json(100);
  await resources.close();
  assertEquals(told, ["open b", "open c", "open a", "close a", "close c", "close b"]);
});

Deno.test("each is closed whatever becomes of the others, and the log has what failed", async () => {
  const close = () => Promise.reject(REASON);
  const { resources, ask, told } = resourcesOf({ a: {}, b: { close }, c: {} });
  for (const name of ["a", "b", "c"]) await ask(name);
  await resources.close();
  assertEquals(told.slice(3), ["close c", `b: ${REASON}`, "close a"]);
});

Deno.test("one caller's leaving does not end an opening that others wait for", async () => {
  const opening = Promise.withResolvers<string>();
  const { ask, told, resources } = resourcesOf({ a: { open: () => opening.promise } });
  const leaver = new AbortController();
  const leaving = ask("a", { signal: leaver.signal });
  const staying = ask("a");
  await settled();
  const left = new GatewayError("cancelled", "the client went away");
  leaver.abort(left);
  assertStrictEquals(await assertRejects(() => leaving), left);
  opening.resolve("it");
  assertEquals(await (await staying).body.json(100), "it");
  await resources.close();
  assertEquals(told, ["close a"]);
});

Deno.test("an opening goes on when all callers have left, and calls no function", async () => {
  const opening = Promise.withResolvers<string>();
  let asked = 0;
  const { ask, told, resources } = resourcesOf({
    a: {
      open: () => opening.promise,
      source: (_call, _ctx, it) => {
        asked++;
        return Promise.resolve(json(it));
      },
    },
  });
  const late = new GatewayError("upstream-timeout", "no response within 5 ms");
  const leaver = new AbortController();
  const leaving = ask("a", { signal: leaver.signal });
  leaver.abort(late);
  assertStrictEquals(await assertRejects(() => leaving), late);
  opening.resolve("it");
  await settled();
  assertEquals(asked, 0);
  await ask("a");
  assertEquals(asked, 1);
  await resources.close();
  assertEquals(told, ["close a"]);
});

Deno.test("a failure to open is logged once, with the upstream's name", async () => {
  let fails = true;
  const open = () => fails ? Promise.reject(REASON) : Promise.resolve("it");
  const { ask, told } = resourcesOf({ a: { open } });
  const results = await Promise.allSettled([ask("a"), ask("a"), ask("a")]);
  for (const result of results) {
    assertEquals(result.status === "rejected" && result.reason.kind, "upstream-unreachable");
  }
  assertEquals(told, [`a: ${REASON}`]);
  fails = false;
  assertEquals(await (await ask("a")).body.json(100), "it");
});

Deno.test("what is to be open at the start is; the rest is not", async () => {
  const { resources, told, ask } = resourcesOf({ a: { openAt: "start" }, b: {} });
  await resources.openAtStart();
  assertEquals(told, ["open a"]);
  await ask("a");
  await resources.close();
  assertEquals(told, ["open a", "close a"]);
});

Deno.test("a start tells of each upstream that it could not open; what it opened is closed", async () => {
  const open = () => Promise.reject(REASON);
  const { resources, told, clock } = resourcesOf({
    a: { openAt: "start" },
    b: { openAt: "start", open },
    c: { openAt: "start", open: () => new Promise(() => {}), timeout: "2s" },
  });
  const starting = assertRejects(() => resources.openAtStart(), StartError);
  await clock.advance(2_000);
  assertEquals((await starting).message.split("\n"), [
    "upstreams.b cannot be opened: no such database",
    "upstreams.c cannot be opened: not done within 2000 ms",
  ]);
  resources.close();
  await clock.advance(LINGER_MS);
  assertEquals(told, ["open a", "close a"]);
  assertEquals(clock.sleeping, 0);
});

Deno.test("a call under way is waited for before its thing is closed, also one that was left", async () => {
  const work = Promise.withResolvers<void>();
  const { resources, told, ask, clock } = resourcesOf({
    a: {
      source: async (_call, { signal }) => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
        await work.promise;
        told.push("rolled back");
        throw signal.reason;
      },
    },
  });
  const leaver = new AbortController();
  const leaving = ask("a", { signal: leaver.signal });
  await settled();
  leaver.abort(new GatewayError("cancelled", "the client went away"));
  await assertRejects(() => leaving, GatewayError);

  const closed = resources.close();
  await clock.advance(LINGER_MS - 1);
  assertEquals(told, ["open a"]);
  work.resolve();
  await closed;
  assertEquals(told, ["open a", "rolled back", "close a"]);
  assertEquals(clock.sleeping, 0);
});

Deno.test("a call that never ends holds the closing no longer than it may", async () => {
  const { resources, told, ask, clock } = resourcesOf({
    a: { source: () => new Promise(() => {}) },
  });
  const leaver = new AbortController();
  const leaving = ask("a", { signal: leaver.signal });
  await settled();
  leaver.abort(new GatewayError("cancelled", "the client went away"));
  await assertRejects(() => leaving, GatewayError);
  const closed = resources.close();
  await clock.advance(LINGER_MS - 1);
  assertEquals(told, ["open a"]);
  await clock.advance(1);
  await closed;
  assertEquals(told, ["open a", "close a"]);
});

Deno.test("an opening under way at the end is waited for, then closed, before what opened earlier", async () => {
  const opening = Promise.withResolvers<string>();
  const { resources, told, ask } = resourcesOf({ a: {}, b: { open: () => opening.promise } });
  await ask("a");
  const asked = ask("b").catch(({ kind }) => kind);
  await settled();
  const closed = resources.close();
  await settled();
  assertEquals(told, ["open a"]);
  opening.resolve("it");
  await closed;
  await asked;
  assertEquals(told, ["open a", "close b", "close a"]);
});

Deno.test("an opening that takes long at the end keeps nothing else open", async () => {
  const opening = Promise.withResolvers<string>();
  const { resources, told, ask, clock } = resourcesOf({
    a: {},
    b: { open: () => opening.promise },
  });
  await ask("a");
  const asked = ask("b").catch(({ kind }) => kind);
  await settled();
  const closed = resources.close();
  await clock.advance(LINGER_MS);
  assertEquals(told, ["open a", "close a"]);
  opening.resolve("it");
  await Promise.all([closed, asked]);
  assertEquals(told, ["open a", "close a", "close b"]);
});

Deno.test("after the end nothing is opened any more", async () => {
  const { resources, told, ask } = resourcesOf({ a: {} });
  await resources.close();
  const error = await assertRejects(() => ask("a"), GatewayError);
  assertEquals([error.kind, told], ["upstream-unreachable", []]);
});
