import type { Bytes } from "../core/bytes.ts";
import { documentOf } from "../json/json_bytes.ts";
import type { PartProblem } from "../http/problem.ts";

const ENCODER = new TextEncoder();
const OPEN_DATA = ENCODER.encode('{"data":');
const OPEN = ENCODER.encode("{");
const COMMA = ENCODER.encode(",");
const CLOSE = ENCODER.encode("}");
const COMPLETE = ENCODER.encode(',"complete":true}');

/** What a response says besides its data. */
export interface Completeness {
  readonly isComplete: boolean;
  /** One for each part, or item, that failed. */
  readonly problems: readonly PartProblem[];
  /** The parts that were served stale because their upstreams failed (default none). */
  readonly stale?: readonly string[];
}

/** Writes the body of an aggregate's response around the bodies of its parts. */
export class Envelope {
  readonly #keys: readonly Bytes[];

  /** @param names the parts, in the order of the response */
  constructor(names: readonly string[]) {
    this.#keys = names.map((name) => ENCODER.encode(`${JSON.stringify(name)}:`));
  }

  /**
   * Writes the response with a member for each part.
   * @param bodies each part's body, in the same order: a JSON document, or empty for null; undefined
   * for a part that the response leaves out
   * @returns the chunks in order; the parts' bytes are not copied
   */
  write(bodies: readonly (Bytes | undefined)[], completeness: Completeness): Bytes[] {
    const chunks: Bytes[] = [OPEN_DATA, OPEN];
    this.#keys.forEach((key, index) => {
      const body = bodies[index];
      if (body === undefined) return;
      if (chunks.length > 2) chunks.push(COMMA);
      chunks.push(key, documentOf(body));
    });
    chunks.push(CLOSE, closing(completeness));
    return chunks;
  }
}

/** Writes the response whose data is the body of a single part. */
export function writeOnly(body: Bytes, completeness: Completeness): Bytes[] {
  return [OPEN_DATA, documentOf(body), closing(completeness)];
}

function closing({ isComplete, problems, stale = [] }: Completeness): Bytes {
  if (isComplete && problems.length === 0 && stale.length === 0) return COMPLETE;
  const staleParts = stale.length === 0 ? "" : `,"stale":${JSON.stringify(stale)}`;
  const failed = problems.length === 0 ? "" : `,"problems":${JSON.stringify(problems)}`;
  return ENCODER.encode(`,"complete":${isComplete}${staleParts}${failed}}`);
}
