import { Ajv2020 } from "ajv/dist/2020.js";
import { assert } from "@std/assert";
import { isRecord } from "../../lib/core/is_record.ts";

const NDJSON = "application/x-ndjson";

/** A document's schemas, by pointers into it. */
export class OpenApiSchemas {
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });
  readonly #document: unknown;

  constructor(document: Record<string, unknown>) {
    this.#document = document;
    this.#ajv.addFormat("uri-reference", true).addSchema({ $id: "openapi", ...document });
  }

  /** The response of an operation to which a status belongs; `default` is the last resort. */
  response(path: string, method: string, status: number): string {
    const responses = ["paths", path, method, "responses"];
    for (const key of [String(status), `${Math.floor(status / 100)}XX`, "default"]) {
      const found = this.#at([...responses, key]);
      if (!isRecord(found)) continue;
      const { $ref } = found;
      return typeof $ref === "string" ? $ref : pointer([...responses, key]);
    }
    throw new Error(`${method} ${path} has no response of ${status}`);
  }

  /** Holds that a body is one that the response describes. */
  assertValid(response: string, type: string, body: unknown, what: string): void {
    const media = [...keysOf(response), "content", type];
    const known = this.#at(media);
    assert(known !== undefined, `${what}: ${response} has no ${type}`);
    const reference = `openapi${pointer([...media, "schema"])}`;
    const validate = this.#ajv.compile({ $ref: reference });
    assert(
      validate(body),
      `${what}: ${this.#ajv.errorsText(validate.errors)}\n${Deno.inspect(body)}`,
    );
  }

  /** Holds that a response describes a body of that type, in any of its forms. */
  assertDescribes(response: string, contentType: string | null, text: string, what: string): void {
    const type = contentType?.split(";")[0] ?? "";
    if (!this.#has(response, type)) {
      assert(text === "" || this.#has(response, "*/*"), `${what}: ${type} of ${response}`);
    } else if (type === NDJSON) {
      const lines = text.trimEnd().split("\n");
      for (const line of lines) this.assertValid(response, type, JSON.parse(line), what);
    } else if (type === "text/event-stream") {
      this.assertValid(response, type, text, what);
      for (const [, data = ""] of text.matchAll(/^data: (.*)$/gm)) {
        this.assertValid(response, NDJSON, JSON.parse(data), what);
      }
    } else this.assertValid(response, type, JSON.parse(text), what);
  }

  #has(response: string, type: string): boolean {
    return this.#at([...keysOf(response), "content", type]) !== undefined;
  }

  #at(keys: readonly string[]): unknown {
    return keys.reduce(
      (value: unknown, key) => isRecord(value) ? value[key] : undefined,
      this.#document,
    );
  }
}

function pointer(keys: readonly string[]): string {
  return `#/${keys.map((key) => key.replaceAll("~", "~0").replaceAll("/", "~1")).join("/")}`;
}

function keysOf(pointer: string): string[] {
  return pointer.slice(2).split("/").map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}
