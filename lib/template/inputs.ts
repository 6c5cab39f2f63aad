import { GatewayError } from "../core/errors.ts";
import { JsonDocument, JsonTooDeep } from "../json/json_document.ts";
import { follow } from "../json/pointer.ts";
import { readEach } from "./read_each.ts";
import type { Reference, TemplateName } from "./reference.ts";
import { readRequestBody } from "../http/request_body.ts";
import type { Call, Context } from "../core/source.ts";

/** Replaces the values of parts in a dry run. */
const PLACEHOLDER = "x";

/** The values besides the client's request. */
interface Given {
  /** The parts' results so far, by name. */
  readonly outputs: Map<string, JsonDocument>;
  /** The list item that the call is made for; undefined outside of an `each`. */
  readonly item?: unknown;
  /** Whether placeholders replace the parts' values. */
  readonly isDryRun?: boolean;
  /** Whether the client's values have passed a dry run. */
  readonly isChecked?: boolean;
  /** Whether all parts have ended, so that what is missing of them is null. */
  readonly isEnded?: boolean;
}

/** The values that templates are expanded with: those of the client's request and of other parts. */
export class Inputs {
  readonly #call: Call;
  readonly #body: JsonDocument | undefined;
  #query: { parsed?: URLSearchParams } = {};
  #given: Given;

  /**
   * @param body the client's JSON body; undefined without one
   * @param given default: no results of parts yet
   */
  constructor(call: Call, body: JsonDocument | undefined, given: Given = { outputs: new Map() }) {
    this.#call = call;
    this.#body = body;
    this.#given = given;
  }

  /** The client's own request. */
  get call(): Call {
    return this.#call;
  }

  /** The parts' results so far, by name. */
  get outputs(): Map<string, JsonDocument> {
    return this.#given.outputs;
  }

  /** The same values after a dry run: a value that is still invalid came from a part. */
  afterDryRun(): Inputs {
    return this.#with({ isChecked: true });
  }

  /** The same values when all parts have ended: what is missing of them is null. */
  afterGather(): Inputs {
    return this.#with({ isChecked: true, isEnded: true });
  }

  /** Whether a value is null because a part does not have it. */
  isMissing(value: unknown): boolean {
    return value === null && this.#given.isEnded === true;
  }

  /** The client's values, with a harmless placeholder for each value that is not known yet. */
  dryRun(): Inputs {
    return this.#with({ isDryRun: true });
  }

  /** The same values with one item of a list. */
  withItem(item: unknown): Inputs {
    return this.#with({ item });
  }

  /**
   * The value of a reference; undefined when the client did not send it. A number that JavaScript
   * would change is an ExactNumber.
   * @throws {GatewayError} when a part's result, or the item, lacks the value, and when the client
   * sent several values where only one is allowed
   */
  get(reference: Reference): unknown {
    switch (reference.from) {
      case "query": {
        const values = this.#queryOf().getAll(reference.name);
        if (reference.isList) return values;
        if (values.length > 1) {
          const detail = `must be sent only once; got ${values.length} values`;
          throw this.fault(`query.${reference.name}: ${detail}`);
        }
        return values[0];
      }
      case "header":
        return this.#call.headers.get(reference.name) ?? undefined;
      case "body":
        return this.#body && this.#read("body", this.#body, reference.path);
      case "claims":
        return this.#claim(reference.path);
      case "item":
        if (this.#given.item === undefined && this.#given.isDryRun) return PLACEHOLDER;
        return this.#present("item", reference.path, follow(this.#given.item, reference.path));
      case "param or part":
        return this.#output(reference.name, reference.path);
    }
  }

  /**
   * The value of a reference; undefined if there is none, whoever should have sent it.
   * @throws {GatewayError} when the client sent several values where only one is allowed
   */
  peek(reference: Reference): unknown {
    switch (reference.from) {
      case "claims":
        return follow(this.#call.claims, reference.path);
      case "item":
        return follow(this.#given.item, reference.path);
      case "param or part": {
        const { name, path } = reference;
        const { params = {} } = this.#call;
        if (path.length === 0 && Object.hasOwn(params, name)) return params[name];
        const output = this.#given.outputs.get(name);
        return output && this.#read(name, output, path);
      }
      default:
        return this.get(reference);
    }
  }

  /**
   * All values of a reference: those of a repeated query parameter, or the items of a list;
   * undefined for each that the client did not send.
   * @throws {GatewayError} as {@linkcode get} does
   */
  all(reference: Reference): readonly unknown[] {
    if (reference.from === "query") return this.#queryOf().getAll(reference.name);
    const value = this.get(reference);
    return Array.isArray(value) ? value : [value];
  }

  /**
   * The value of a reference as a list; for a query parameter, all of its values.
   * @throws {GatewayError} when it is not a list
   */
  list({ name, reference }: TemplateName): readonly unknown[] {
    if (reference.from === "query") return this.all(reference);
    const value = this.get(reference);
    if (!Array.isArray(value)) throw this.fault(`${name}: must be a list`);
    return value;
  }

  /** The client's query, not decoded, without the `?`; empty when there is none. */
  get rawQuery(): string {
    const start = this.#call.path.indexOf("?");
    return start < 0 ? "" : this.#call.path.slice(start + 1);
  }

  /**
   * Creates the error for a value that cannot be used: `bad-request` when it is the client's.
   * @param kind the kind when the value came from a part
   */
  fault(detail: string, kind: "input-invalid" | "too-many-items" = "input-invalid"): GatewayError {
    return new GatewayError(this.#given.isChecked ? kind : "bad-request", detail);
  }

  #with(given: Partial<Given>): Inputs {
    const derived = new Inputs(this.#call, this.#body, { ...this.#given, ...given });
    derived.#query = this.#query;
    return derived;
  }

  /** @throws {GatewayError} `forbidden` when the client has no such claim: it is not one it chose to omit */
  #claim(path: readonly string[]): unknown {
    const value = follow(this.#call.claims, path);
    if (value !== undefined && value !== null) return value;
    throw new GatewayError("forbidden", `the client has no claim ${path.join(".")}`);
  }

  #output(name: string, path: readonly string[]): unknown {
    const { outputs, isDryRun } = this.#given;
    const { params = {} } = this.#call;
    if (path.length === 0 && Object.hasOwn(params, name)) return params[name];
    if (isDryRun) return PLACEHOLDER;
    const output = outputs.get(name);
    return output && this.#present(name, path, this.#read(name, output, path));
  }

  #read(name: string, document: JsonDocument, path: readonly string[]): unknown {
    try {
      return readEach(document, path);
    } catch (error) {
      if (!(error instanceof JsonTooDeep)) throw error;
      throw this.fault(`${[name, ...path].join(".")}: ${error.message}`);
    }
  }

  #present(name: string, path: readonly string[], value: unknown): unknown {
    if (value !== undefined) return value;
    if (this.#given.isEnded) return null;
    throw this.fault(`${[name, ...path].join(".")}: is missing`);
  }

  #queryOf(): URLSearchParams {
    return this.#query.parsed ??= new URLSearchParams(`?${this.rawQuery}`);
  }
}

/**
 * Reads the inputs of a client's request.
 * @param readsBody maximum body size (bytes); absent when no template refers to the body
 * @throws {GatewayError} `bad-request` when the body is not JSON, `payload-too-large`
 */
export async function readInputs(call: Call, ctx: Context, readsBody?: number): Promise<Inputs> {
  if (readsBody === undefined || call.body === undefined) return new Inputs(call, undefined);
  checkMediaType(call);
  ctx.buffers?.hold(call.body);
  await readRequestBody(call.body, readsBody, ctx.signal);
  try {
    const value = await call.body.json(readsBody);
    if (value === undefined) return new Inputs(call, undefined);
    return new Inputs(call, new JsonDocument(await call.body.bytes(readsBody), value));
  } catch (error) {
    throw new GatewayError("bad-request", "the request body is not JSON", { cause: error });
  }
}

/** RFC 10008 section 2.2: a QUERY must say what its content is. */
function checkMediaType({ method, headers }: Call): void {
  const mediaType = headers.get("content-type");
  const isQuery = method === "QUERY";
  if (mediaType === null) {
    if (!isQuery) return;
    throw new GatewayError("bad-request", "a QUERY must have a Content-Type: application/json");
  }
  if (/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(mediaType)) return;
  const kind = isQuery ? "unsupported-media-type" : "bad-request";
  throw new GatewayError(kind, "the request body must be application/json");
}
