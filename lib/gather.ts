import { Body } from "./body.ts";
import type { Bytes } from "./bytes.ts";
import type { Clock } from "./clock.ts";
import { Envelope } from "./envelope.ts";
import { GatewayError, type PartFailure } from "./errors.ts";
import { type Inputs, readInputs } from "./inputs.ts";
import { partProblemOf } from "./problem.ts";
import { Scope } from "./scope.ts";
import { settle } from "./settle.ts";
import type { Call, Reply, Source } from "./source.ts";

/** A member of a gather: whom to ask, and what. */
export interface GatherPart {
  readonly name: string;
  readonly source: Source;
  /** The part's own question, made of what the client asked. Throws when that is unusable. */
  readonly call: (inputs: Inputs) => Call;
  /** Whether the rest is worth having without it. */
  readonly optional: boolean;
  /** The JSON value that stands in for an optional part that failed (default null). */
  readonly otherwise?: unknown;
}

/** What a gather needs besides its parts. */
export interface GatherOptions {
  readonly clock: Clock;
  /** The largest client body that is read (bytes); absent when no part refers to the body. */
  readonly readsBody?: number;
}

const NOTHING = new Uint8Array();
const ENCODER = new TextEncoder();

/**
 * Several Sources as one: asks all parts at once, and answers with one JSON envelope.
 *
 * It rejects as soon as a required part fails, or when the client's own request is at fault; what
 * still runs is then cancelled. The error carries every part's failure.
 */
export function gather(parts: readonly GatherPart[], options: GatherOptions): Source {
  const { clock, readsBody } = options;
  const envelope = new Envelope(parts.map(({ name }) => name));
  const places = new Map(parts.map((part, index) => [part.name, index]));
  const standIns = parts.map(({ otherwise }) =>
    otherwise === undefined ? NOTHING : ENCODER.encode(JSON.stringify(otherwise))
  );

  return async function gather(call, ctx) {
    const inputs = await readInputs(call, ctx, readsBody);
    // Every question is made before any is asked: a request at fault then reaches no upstream.
    const questions = parts.map(({ name, source, call }) => ({ name, source, call: call(inputs) }));

    const values: Bytes[] = [...standIns];
    const failures: PartFailure[] = [];
    let fatal: PartFailure | undefined;
    using scope = new Scope(ctx.signal);
    for await (const outcome of settle(questions, { ...ctx, signal: scope.signal }, clock)) {
      const place = places.get(outcome.part) ?? 0;
      if (outcome.reply) {
        values[place] = await outcome.reply.body.bytes(Infinity);
        continue;
      }
      if (outcome.error.kind !== "cancelled") failures.push(outcome);
      if (!fatal && (!parts[place]?.optional || outcome.error.blame === "client")) {
        fatal = outcome;
        scope.cancel(new GatewayError("cancelled", "a part that is required failed"));
      }
    }
    if (fatal) throw failureOf(fatal, failures);
    return replyOf(envelope.write(values, failures.map(partProblemOf)), failures.length === 0);
  };
}

function failureOf({ part, error }: PartFailure, failures: readonly PartFailure[]): GatewayError {
  return new GatewayError(error.kind, `the part ${part} is required: ${error.message}`, {
    status: error.status,
    headers: error.headers,
    failures,
    cause: error,
  });
}

function replyOf(bytes: Bytes, isComplete: boolean): Reply {
  const headers = new Headers({ "content-type": "application/json" });
  headers.set("gateway-complete", isComplete ? "?1" : "?0");
  // Nobody may keep the answer of a bad moment (RFC 9111 section 5.2.2.5).
  if (!isComplete) headers.set("cache-control", "no-store");
  return { status: 200, headers, body: Body.of(bytes) };
}
