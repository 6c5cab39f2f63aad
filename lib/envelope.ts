import { type Bytes, joinBytes } from "./bytes.ts";
import type { PartProblem } from "./problem.ts";

const ENCODER = new TextEncoder();
const OPEN = ENCODER.encode('{"data":{');
const NULL = ENCODER.encode("null");
const COMPLETE = ENCODER.encode('},"complete":true}');
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf] as const;

/**
 * Writes the answer of an aggregate around the bytes that its parts answered, which are spliced in
 * as they came: they are known to be JSON, and writing them anew would cost most of the answer.
 */
export class Envelope {
  readonly #keys: readonly Bytes[];

  /** @param names the parts, in the order of the answer */
  constructor(names: readonly string[]) {
    this.#keys = names.map((name, index) =>
      ENCODER.encode(`${index === 0 ? "" : ","}${JSON.stringify(name)}:`)
    );
  }

  /**
   * The answer.
   * @param values a JSON document for each part, in the same order; empty means null
   * @param problems one for each failed part; none means that the answer is complete
   */
  write(values: readonly Bytes[], problems: readonly PartProblem[]): Bytes {
    const chunks: Bytes[] = [OPEN];
    this.#keys.forEach((key, index) => {
      const value = values[index];
      chunks.push(key, value && value.length > 0 ? withoutMark(value) : NULL);
    });
    chunks.push(problems.length === 0 ? COMPLETE : incomplete(problems));
    return joinBytes(chunks);
  }
}

function incomplete(problems: readonly PartProblem[]): Bytes {
  return ENCODER.encode(`},"complete":false,"problems":${JSON.stringify(problems)}}`);
}

/** A byte order mark may begin a document, but not stand within one (RFC 8259 section 8.1). */
function withoutMark(document: Bytes): Bytes {
  return BYTE_ORDER_MARK.every((byte, index) => document[index] === byte)
    ? document.subarray(BYTE_ORDER_MARK.length)
    : document;
}
