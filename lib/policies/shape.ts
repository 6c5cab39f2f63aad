import { abortable } from "@std/async";
import { Body } from "../body.ts";
import type { Bytes } from "../bytes.ts";
import { GatewayError } from "../errors.ts";
import { jsonBytes } from "../json_bytes.ts";
import { MapError, type MapFunction } from "../map_function.ts";
import { pick, type Selection } from "../pick.ts";
import { follow, writePointer } from "../pointer.ts";
import type { Policy } from "../source.ts";

/** What becomes of an answer, in this order. */
export interface ShapeOptions {
  /** Takes what these keys lead to. */
  readonly select?: readonly string[];
  /** Keeps these members. */
  readonly pick?: Selection;
  readonly map?: MapFunction;
}

/**
 * Gives an answer, which must have been accepted, the form that the config wants.
 * It rejects with `upstream-invalid` when the answer cannot be given that form, or `map` throws.
 */
export function shape(options: ShapeOptions): Policy {
  return (next) =>
    async function shape({ parts = {}, ...call }, ctx) {
      const reply = await next(call, ctx);
      const data = narrowed(await reply.body.json(Infinity) ?? null, options);
      const bytes = options.map === undefined
        ? jsonBytes(data)
        : await mapped(options.map, data, parts, ctx.signal);
      return { ...reply, body: Body.of(bytes) };
    };
}

function narrowed(answer: unknown, { select, pick: selection }: ShapeOptions): unknown {
  const selected = select === undefined ? answer : follow(answer, select);
  if (selected === undefined) {
    const pointer = writePointer(select ?? []);
    throw new GatewayError("upstream-invalid", `the upstream's answer has nothing at ${pointer}`);
  }
  return selection === undefined ? selected : pick(selected, selection);
}

async function mapped(
  map: MapFunction,
  data: unknown,
  parts: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<Bytes> {
  try {
    // The function may change what it is given, which others share.
    const mapped = Promise.try(map, structuredClone(data), structuredClone(parts));
    return jsonBytes(await abortable(mapped, signal) ?? null);
  } catch (error) {
    signal.throwIfAborted();
    throw new GatewayError("upstream-invalid", "the part's map failed on the upstream's answer", {
      cause: new MapError("map failed", { cause: error }),
    });
  }
}
