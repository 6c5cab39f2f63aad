import { assertEquals, assertRejects } from "@std/assert";
import { Overload } from "../../../lib/async/overload.ts";
import { Body } from "../../../lib/core/body.ts";
import type { GatewayConfig } from "../../../lib/config/gateway.ts";
import type { Part } from "../../../lib/config/part.ts";
import { parseConfig } from "../../../lib/config/parse.ts";
import type { PartSettings } from "../../../lib/config/part.ts";
import type { ForwardSettings } from "../../../lib/config/route.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import {
  describeForwardStack,
  describePartStack,
  forwardStack,
  partStack,
} from "../../../lib/upstream/stack.ts";
import type { StackDependencies } from "../../../lib/upstream/stack_dependencies.ts";
import { type UpstreamState, upstreamState } from "../../../lib/upstream/upstream_state.ts";
import { testCache } from "../../support/test_cache.ts";
import { testLimiter } from "../../support/test_limiter.ts";
import { testCall, testContext } from "../../support/context.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";
import { ScriptedStream } from "../../support/scripted_stream.ts";

const UPSTREAM = { url: "http://127.0.0.1:9001", timeout: "100ms", maxBody: "8B" } as const;

/** A part's settings, as the config makes them. */
function settingsOf(part: Partial<Part> = {}): PartSettings {
  const config: GatewayConfig = {
    upstreams: { up: UPSTREAM },
    routes: { "GET /": { gather: { it: { from: "up", ...part } } } },
  };
  const [route] = parseConfig(config, () => undefined).routes;
  if (!route || !("parts" in route) || !route.parts[0]) throw new Error("there is no part");
  return route.parts[0];
}

/** A forward route's settings, as the config makes them. */
function forwardSettings(): ForwardSettings {
  const config: GatewayConfig = {
    upstreams: { up: UPSTREAM },
    routes: { "ANY /*": { forward: "up" } },
  };
  const [route] = parseConfig(config, () => undefined).routes;
  if (!route || !("to" in route)) throw new Error("there is no forward route");
  return route;
}

function depsOf(upstream: UpstreamState, clock: ManualClock): StackDependencies {
  const overload = new Overload({ lagMs: () => 0, now: () => 0 });
  return {
    upstream,
    cache: testCache(clock),
    limiter: testLimiter(clock),
    knowsClients: false,
    clock,
    random: () => 0,
    overload,
  };
}

/** A part's stack around an upstream that the test plays. */
function play(part: Partial<Part> = {}) {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const settings = settingsOf(part);
  const upstream = upstreamState(settings.upstream, script.source, clock);
  return { clock, script, source: partStack(settings, depsOf(upstream, clock)) };
}

async function kindOf(asked: Promise<unknown>): Promise<string> {
  const error = await assertRejects(() => asked, GatewayError);
  return `${error.kind} ${error.status}`;
}

Deno.test("a part's stack is accept, timeout, buffer, from the outside in", () => {
  assertEquals(describePartStack(settingsOf()), [
    "accept json",
    "coalesce",
    "timeout 100ms",
    "buffer 8B",
  ]);
  assertEquals(describePartStack(settingsOf({ as: "text", timeout: "2s" })), [
    "accept text",
    "coalesce",
    "timeout 2s",
    "buffer 8B",
  ]);
});

Deno.test("a forward's stack is its timeout alone", () => {
  assertEquals(describeForwardStack(forwardSettings()), ["timeout 100ms"]);
});

Deno.test("accept is outside: it judges the body that was buffered", async () => {
  const { script, source } = play();
  const asked = source(testCall(), testContext());
  const origin = new ScriptedStream();
  script.at(0).answer({
    status: 200,
    headers: new Headers(),
    body: Body.from({ stream: origin.stream }),
  });
  await settled();
  origin.deliver("{");
  await settled();
  origin.end();
  assertEquals(await kindOf(asked), "upstream-invalid 502");
});

Deno.test("timeout is outside buffer: it covers a body that does not come", async () => {
  const { clock, script, source } = play();
  const kind = kindOf(source(testCall(), testContext()));
  const origin = new ScriptedStream();
  const { signal } = script.at(0).ctx;
  signal.addEventListener("abort", () => origin.fail(signal.reason));
  script.at(0).answer({
    status: 200,
    headers: new Headers(),
    body: Body.from({ stream: origin.stream }),
  });
  await clock.advance(100);
  assertEquals(await kind, "upstream-timeout 504");
  assertEquals(clock.sleeping, 0);
});

Deno.test("buffer is inside: an error's body counts too", async () => {
  const { script, source } = play();
  const asked = source(testCall(), testContext());
  script.at(0).answerJson("far too long", 404);
  assertEquals(await kindOf(asked), "upstream-invalid 502");
});

Deno.test("a part that is taken as text becomes a JSON string", async () => {
  const { script, source } = play({ as: "text" });
  const asked = source(testCall(), testContext());
  const body = Body.of(new TextEncoder().encode("plain"));
  script.at(0).answer({ status: 200, headers: new Headers(), body });
  assertEquals(await (await asked).body.json(100), "plain");
});

Deno.test("a part's own timeout replaces its upstream's", async () => {
  const { clock, source } = play({ timeout: "50ms" });
  const asked = source(testCall(), testContext());
  const failure = assertRejects(() => asked, GatewayError);
  await clock.advance(50);
  assertEquals((await failure).message, "no response within 50 ms");
});

Deno.test("forward: the upstream's response passes unchanged and unparsed", async () => {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const settings = forwardSettings();
  const upstream = upstreamState(settings.to, script.source, clock);
  const source = forwardStack(settings, depsOf(upstream, clock));
  const asked = source(testCall(), testContext());
  const origin = new ScriptedStream();
  const reply = { status: 500, headers: new Headers(), body: Body.from({ stream: origin.stream }) };
  script.at(0).answer(reply);
  assertEquals(await asked, reply);
  assertEquals(origin.pulls, 0);
});

Deno.test("forward: the timeout ends with the head", async () => {
  const clock = new ManualClock();
  const script = new ScriptedSource();
  const settings = forwardSettings();
  const upstream = upstreamState(settings.to, script.source, clock);
  const source = forwardStack(settings, depsOf(upstream, clock));
  const asked = source(testCall(), testContext());
  script.at(0).answerJson(1);
  await asked;
  await clock.advance(1000);
  assertEquals(script.at(0).ctx.signal.aborted, false);
  const late = kindOf(source(testCall(), testContext()));
  await clock.advance(100);
  assertEquals(await late, "upstream-timeout 504");
});
