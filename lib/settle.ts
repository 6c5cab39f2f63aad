import type { Clock } from "./clock.ts";
import { GatewayError, toGatewayError } from "./errors.ts";
import { Scope } from "./scope.ts";
import type { Call, Context, Reply, Source } from "./source.ts";

/** A named question. */
export interface Part {
  readonly name: string;
  readonly source: Source;
  readonly call: Call;
}

/** A settled part: it has a reply, or the error it failed with. */
export type Outcome =
  & { readonly part: string; readonly durationMs: number }
  & ({ readonly reply: Reply; readonly error?: never } | {
    readonly error: GatewayError;
    readonly reply?: never;
  });

/**
 * Asks all parts at once and yields their outcomes as they come, each exactly once.
 *
 * A consumer that stops early cancels what still runs. Either way, when the iteration has ended,
 * nothing that it started is still running.
 */
export async function* settle(
  parts: Iterable<Part>,
  ctx: Context,
  clock: Clock,
): AsyncGenerator<Outcome, void, void> {
  using scope = new Scope(ctx.signal);
  const inner = { ...ctx, signal: scope.signal };
  const asked = [...parts];
  const settled: Outcome[] = [];
  let arrival = Promise.withResolvers<void>();
  let running = 0;
  for (const part of asked) {
    running++;
    ask(part, inner, clock).then((outcome) => {
      running--;
      settled.push(outcome);
      arrival.resolve();
    });
  }
  try {
    while (running > 0 || settled.length > 0) {
      const outcome = settled.shift();
      if (outcome !== undefined) {
        ctx.trace.parts.push(outcome);
        yield outcome;
      } else {
        await arrival.promise;
        arrival = Promise.withResolvers();
      }
    }
  } finally {
    if (running > 0) scope.cancel(new GatewayError("cancelled", "the rest was no longer needed"));
    while (running > 0) {
      arrival = Promise.withResolvers();
      await arrival.promise;
    }
  }
}

async function ask({ name, source, call }: Part, ctx: Context, clock: Clock): Promise<Outcome> {
  const begun = clock.monotonic();
  try {
    const reply = await source(call, ctx);
    return { part: name, durationMs: clock.monotonic() - begun, reply };
  } catch (thrown) {
    return { part: name, durationMs: clock.monotonic() - begun, error: toGatewayError(thrown) };
  }
}
