import type { Bytes } from "../core/bytes.ts";
import { documentOf } from "../json/json_bytes.ts";
import type { PartProblem } from "../http/problem.ts";

const ENCODER = new TextEncoder();
const OPEN_DATA = ENCODER.encode('{"data":');
const OPEN = ENCODER.encode("{");
const COMMA = ENCODER.encode(",");
const CLOSE = ENCODER.encode("}");
const COMPLETE = ENCODER.encode(',"complete":true}');

/** What an answer says beside its data. */
export interface Completeness {
  readonly isComplete: boolean;
  /** One for each part, or item, that failed. */
  readonly problems: readonly PartProblem[];
  /** The parts that are out of date, because their upstreams failed (default none). */
  readonly stale?: readonly string[];
}

/** Writes the answer of an aggregate around what its parts answered. */
export class Envelope {
  readonly #keys: readonly Bytes[];

  /** @param names the parts, in the order of the answer */
  constructor(names: readonly string[]) {
    this.#keys = names.map((name) => ENCODER.encode(`${JSON.stringify(name)}:`));
  }

  /**
   * The answer with a member for each part.
   * @param answers what each part answered, in the same order: a JSON document, or empty for null;
   * undefined for a part that is not in the answer
   * @returns its bytes in order, those of the parts as they are
   */
  write(answers: readonly (Bytes | undefined)[], completeness: Completeness): Bytes[] {
    const chunks: Bytes[] = [OPEN_DATA, OPEN];
    this.#keys.forEach((key, index) => {
      const answer = answers[index];
      if (answer === undefined) return;
      if (chunks.length > 2) chunks.push(COMMA);
      chunks.push(key, documentOf(answer));
    });
    chunks.push(CLOSE, closing(completeness));
    return chunks;
  }
}

/** The answer whose data is what one part answered. */
export function writeOnly(answer: Bytes, completeness: Completeness): Bytes[] {
  return [OPEN_DATA, documentOf(answer), closing(completeness)];
}

function closing({ isComplete, problems, stale = [] }: Completeness): Bytes {
  if (isComplete && problems.length === 0 && stale.length === 0) return COMPLETE;
  const staleParts = stale.length === 0 ? "" : `,"stale":${JSON.stringify(stale)}`;
  const failed = problems.length === 0 ? "" : `,"problems":${JSON.stringify(problems)}`;
  return ENCODER.encode(`,"complete":${isComplete}${staleParts}${failed}}`);
}
