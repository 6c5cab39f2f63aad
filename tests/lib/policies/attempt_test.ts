import { assertEquals } from "@std/assert";
import { Body } from "../../../lib/core/body.ts";
import { BufferAccount, BufferBudget } from "../../../lib/core/buffer_budget.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import type { Bytes } from "../../../lib/core/bytes.ts";
import { guard, type Reply } from "../../../lib/core/source.ts";
import { buffer, buffering } from "../../../lib/policies/buffer.ts";
import { timeout } from "../../../lib/policies/timeout.ts";
import { testCall, testContext } from "../../support/context.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";
import { ScriptedStream } from "../../support/scripted_stream.ts";

const MAX_BYTES = 4;
const TIMEOUT_MS = 100;
const POLICIES = {
  "in two policies": (clock: ManualClock, log: Log) => (script: ScriptedSource) =>
    guard(
      script.source,
      timeout({ timeoutMs: TIMEOUT_MS, clock, log }),
      buffer({ maxBytes: MAX_BYTES }),
    ),
  "in one": (clock: ManualClock, log: Log) => (script: ScriptedSource) => {
    const complete = buffering({ maxBytes: MAX_BYTES });
    return timeout({ timeoutMs: TIMEOUT_MS, clock, log, complete })(script.source);
  },
};

/** What an attempt's log was told. */
class Log {
  readonly told: string[] = [];
  succeeded(): void {
    this.told.push("succeeded");
  }
  failed(error: unknown): void {
    this.told.push(String(error));
  }
}

const BODIES = ["", "1234", "12345", "late", "late and long", "broken", "never"] as const;
const ENDS = ["reply", "coded", "failure", "timeout", "client left", "no room"] as const;

/** Plays one attempt, and returns all that can be seen of it. */
async function outcomeOf(
  policies: keyof typeof POLICIES,
  body: (typeof BODIES)[number],
  end: (typeof ENDS)[number],
): Promise<unknown> {
  const clock = new ManualClock();
  const log = new Log();
  const script = new ScriptedSource();
  const origin = new ScriptedStream();
  const client = new AbortController();
  const budget = new BufferBudget(end === "no room" ? 1 : 1_000_000);
  const buffers = new BufferAccount(budget);
  const source = POLICIES[policies](clock, log)(script);
  const pending = source(testCall(), testContext({ signal: client.signal, buffers })).then(
    async ({ status, body }: Reply) => [status, new TextDecoder().decode(await body.bytes(99))],
    (error) => [String(error), error instanceof GatewayError ? error.kind : undefined],
  );
  if (end === "failure") script.at(0).fail(new GatewayError("upstream-error", "no"));
  else {
    const isWhole = /^\d*$/.test(body);
    const headers = new Headers(end === "coded" ? { "content-encoding": "gzip" } : {});
    const bytes: Bytes = new TextEncoder().encode(body);
    const whole = isWhole ? Body.of(bytes) : Body.from({ stream: origin.stream });
    script.at(0).answer({ status: 200, headers, body: whole });
    await settled();
    if (body.startsWith("late") && !origin.isCancelled) origin.deliver(body);
    await settled();
    if (body.startsWith("late") && !origin.isCancelled) origin.end();
    if (body === "broken" && !origin.isCancelled) origin.fail(new TypeError("broken"));
  }
  await settled();
  if (end === "client left") client.abort(new GatewayError("cancelled", "the client went away"));
  await clock.advance(TIMEOUT_MS);
  const seen = await pending;
  buffers.close();
  const { aborted } = script.at(0).ctx.signal;
  return { seen, told: log.told, aborted, sleeping: clock.sleeping, used: budget.used };
}

for (const end of ENDS) {
  Deno.test(`an attempt that reads the body itself ends as with a buffer in it: ${end}`, async () => {
    for (const body of BODIES) {
      const one = await outcomeOf("in one", body, end);
      assertEquals(one, await outcomeOf("in two policies", body, end), body);
    }
  });
}
