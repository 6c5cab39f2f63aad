import { GatewayError } from "../core/errors.ts";
import { JsonDocument, JsonTooDeep } from "../json/json_document.ts";
import { follow } from "../json/pointer.ts";
import type { Reference, TemplateName } from "./reference.ts";
import { readRequestBody } from "../http/request_body.ts";
import type { Call, Context } from "../core/source.ts";

/** Stands for what parts will answer, where what the client sent is tried. */
const STAND_IN = "x";

/** What there is besides the client's request. */
interface Given {
  /** What parts have answered, by their names. */
  readonly outputs: Map<string, JsonDocument>;
  /** The item that is asked for; undefined where there is none. */
  readonly item?: unknown;
  /** Whether parts' values are stood in for. */
  readonly isTrial?: boolean;
  /** Whether the client's values are known to be right. */
  readonly isTried?: boolean;
}

/** The values that templates are filled with: the client's own, and what parts have answered. */
export class Inputs {
  readonly #call: Call;
  readonly #body: JsonDocument | undefined;
  #query: { parsed?: URLSearchParams } = {};
  #given: Given = { outputs: new Map() };

  /** @param body the client's JSON body; undefined without one */
  constructor(call: Call, body: JsonDocument | undefined) {
    this.#call = call;
    this.#body = body;
  }

  /** The client's own request. */
  get call(): Call {
    return this.#call;
  }

  /** What parts have answered so far, by their names. */
  get outputs(): Map<string, JsonDocument> {
    return this.#given.outputs;
  }

  /** The same values, for templates that were tried: what is still wrong there, a part gave. */
  afterTrial(): Inputs {
    return this.#with({ isTried: true });
  }

  /** The client's values, with a harmless text for each that is still to come. */
  trial(): Inputs {
    return this.#with({ isTrial: true });
  }

  /** The same values, and one item of a list. */
  withItem(item: unknown): Inputs {
    return this.#with({ item });
  }

  /**
   * The value that a reference names; undefined when the client did not send it. A number that
   * JavaScript would change is an ExactNumber.
   * @throws {GatewayError} when a part's answer, or the item, does not have it, and when the client
   * sent several values where one can stand
   */
  get(reference: Reference): unknown {
    switch (reference.from) {
      case "query": {
        const values = this.#queryOf().getAll(reference.name);
        if (reference.isList) return values;
        if (values.length > 1) {
          const times = `it came ${values.length} times`;
          throw this.fault(`query.${reference.name}: must come only once; ${times}`);
        }
        return values[0];
      }
      case "header":
        return this.#call.headers.get(reference.name) ?? undefined;
      case "body":
        return this.#body && this.#read("body", this.#body, reference.path);
      case "item":
        if (this.#given.item === undefined && this.#given.isTrial) return STAND_IN;
        return this.#present("item", reference.path, follow(this.#given.item, reference.path));
      case "param or part":
        return this.#output(reference.name, reference.path);
    }
  }

  /**
   * The values that a reference names, where there may be several: all of a query parameter, all
   * items of a list; undefined for each that the client did not send.
   * @throws {GatewayError} as {@linkcode get} does
   */
  all(reference: Reference): readonly unknown[] {
    if (reference.from === "query") return this.#queryOf().getAll(reference.name);
    const value = this.get(reference);
    return Array.isArray(value) ? value : [value];
  }

  /**
   * The list that a reference names; every value of a query parameter that comes several times.
   * @throws {GatewayError} when it is no list
   */
  list({ name, reference }: TemplateName): readonly unknown[] {
    if (reference.from === "query") return this.all(reference);
    const value = this.get(reference);
    if (!Array.isArray(value)) throw this.fault(`${name}: must be a list`);
    return value;
  }

  /** The client's query as it was sent, without the `?`; empty when there is none. */
  get rawQuery(): string {
    const start = this.#call.path.indexOf("?");
    return start < 0 ? "" : this.#call.path.slice(start + 1);
  }

  /**
   * That a value cannot be used.
   * @param kind what to call it when a part gave it
   */
  fault(detail: string, kind: "input-invalid" | "too-many-items" = "input-invalid"): GatewayError {
    return new GatewayError(this.#given.isTried ? kind : "bad-request", detail);
  }

  #with(given: Partial<Given>): Inputs {
    const derived = new Inputs(this.#call, this.#body);
    derived.#query = this.#query;
    derived.#given = { ...this.#given, ...given };
    return derived;
  }

  #output(name: string, path: readonly string[]): unknown {
    const { outputs, isTrial } = this.#given;
    const { params = {} } = this.#call;
    if (path.length === 0 && Object.hasOwn(params, name)) return params[name];
    if (isTrial) return STAND_IN;
    const output = outputs.get(name);
    return output && this.#present(name, path, this.#read(name, output, path));
  }

  #read(name: string, document: JsonDocument, path: readonly string[]): unknown {
    try {
      return document.at(path);
    } catch (error) {
      if (!(error instanceof JsonTooDeep)) throw error;
      throw this.fault(`${[name, ...path].join(".")}: ${error.message}`);
    }
  }

  #present(name: string, path: readonly string[], found: unknown): unknown {
    if (found === undefined) throw this.fault(`${[name, ...path].join(".")}: is missing`);
    return found;
  }

  #queryOf(): URLSearchParams {
    return this.#query.parsed ??= new URLSearchParams(`?${this.rawQuery}`);
  }
}

/**
 * The inputs of a call.
 * @param readsBody the largest body that is read (bytes); absent when nothing refers to the body
 * @throws {GatewayError} `bad-request` when the body is not JSON, `payload-too-large`
 */
export async function readInputs(call: Call, ctx: Context, readsBody?: number): Promise<Inputs> {
  if (readsBody === undefined || call.body === undefined) return new Inputs(call, undefined);
  const mediaType = call.headers.get("content-type");
  if (mediaType !== null && !/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(mediaType)) {
    throw new GatewayError("bad-request", "the request body must be application/json");
  }
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
