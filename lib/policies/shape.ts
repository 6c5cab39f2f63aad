import { abortable } from "@std/async";
import { turns } from "../async/turns.ts";
import { Body } from "../core/body.ts";
import type { Bytes } from "../core/bytes.ts";
import { GatewayError } from "../core/errors.ts";
import { locate } from "../json/locate.ts";
import { readExactly } from "../json/read_exactly.ts";
import { writeJson } from "../json/write_json.ts";
import { documentOf } from "../json/json_bytes.ts";
import { MapError, type MapFunction } from "../core/map_function.ts";
import { pick, type Selection } from "../json/pick.ts";
import { rename, type Renaming } from "../json/rename.ts";
import { writePointer } from "../json/pointer.ts";
import type { Call, Policy } from "../core/source.ts";

/** The transformations of a response, in this order. */
export interface ShapeOptions {
  /** Selects the value at this path of keys. */
  readonly select?: readonly string[];
  /** Picks these members. */
  readonly pick?: Selection;
  /** Renames these members. */
  readonly rename?: Renaming;
  readonly map?: MapFunction;
  /** Whether `map` receives every number as an ExactNumber (default false). */
  readonly isExact?: boolean;
}

const DECODER = new TextDecoder();
const ENCODER = new TextEncoder();

/**
 * Transforms an accepted response. `select`, `pick` and `rename` work on the received bytes, so
 * that numbers keep their digits.
 * It rejects with `upstream-invalid` when the response does not have what they select, or `map`
 * throws.
 */
export function shape(options: ShapeOptions): Policy {
  return (next) =>
    async function shape({ parts = {}, ...call }, ctx) {
      const reply = await next(call, ctx);
      const turn = turns.take(reply.body.length ?? 0);
      if (turn) await turn;
      const narrow = narrowed(documentOf(await reply.body.bytes(Infinity)), options);
      const { map, isExact = false } = options;
      const bytes = map ? await mapped({ map, isExact }, narrow, parts, ctx.signal) : narrow;
      return { ...reply, body: Body.of(bytes) };
    };
}

function narrowed(
  document: Bytes,
  { select, pick: selection, rename: renaming }: ShapeOptions,
): Bytes {
  const place = select && locate(document, select);
  if (select && !place) {
    const pointer = writePointer(select);
    throw new GatewayError("upstream-invalid", `the upstream's response has nothing at ${pointer}`);
  }
  const selected = place ? document.subarray(place.start, place.end) : document;
  const picked = selection ? pick(selected, selection) : selected;
  return renaming ? rename(picked, renaming) : picked;
}

async function mapped(
  { map, isExact }: { readonly map: MapFunction; readonly isExact: boolean },
  document: Bytes,
  parts: NonNullable<Call["parts"]>,
  signal: AbortSignal,
): Promise<Bytes> {
  // Parsed for each call: the function may change what it receives.
  const read = (document: Bytes): unknown => {
    const text = DECODER.decode(document);
    return isExact ? readExactly(text, "all") : JSON.parse(text);
  };
  const readParts = () =>
    Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, read(part)]));
  try {
    const mapped = Promise.try(() => map(read(document), readParts()));
    return ENCODER.encode(writeJson(await abortable(mapped, signal)) ?? "null");
  } catch (error) {
    signal.throwIfAborted();
    throw new GatewayError("upstream-invalid", "the part's map failed on the upstream's response", {
      cause: new MapError("map failed", { cause: error }),
    });
  }
}
