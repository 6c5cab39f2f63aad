import { GatewayError } from "./errors.ts";
import type { Reference } from "./reference.ts";
import { readRequestBody } from "./request_body.ts";
import type { Call, Context } from "./source.ts";

/** The values that a client's request gives to templates. */
export class Inputs {
  readonly #call: Call;
  readonly #body: unknown;
  #query: URLSearchParams | undefined;

  /** @param body the client's JSON body, parsed; undefined without one */
  constructor(call: Call, body: unknown) {
    this.#call = call;
    this.#body = body;
  }

  /** The client's own request. */
  get call(): Call {
    return this.#call;
  }

  /** The value that a reference names; undefined when the request does not have it. */
  get(reference: Reference): unknown {
    switch (reference.from) {
      case "param":
        return this.#call.params?.[reference.name];
      case "query":
        return this.#queryOf().get(reference.name) ?? undefined;
      case "header":
        return this.#call.headers.get(reference.name) ?? undefined;
      case "body":
        return walk(this.#body, reference.path);
    }
  }

  #queryOf(): URLSearchParams {
    if (this.#query === undefined) {
      const start = this.#call.path.indexOf("?");
      this.#query = new URLSearchParams(start < 0 ? "" : this.#call.path.slice(start));
    }
    return this.#query;
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
  await readRequestBody(call.body, readsBody, ctx.signal);
  try {
    return new Inputs(call, await call.body.json(readsBody));
  } catch (error) {
    throw new GatewayError("bad-request", "the request body is not JSON", { cause: error });
  }
}

/** Follows a path of own properties: what an object inherits is no data. */
function walk(value: unknown, path: readonly string[]): unknown {
  let current = value;
  for (const key of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, key)) {
      return undefined;
    }
    current = Reflect.get(current, key);
  }
  return current;
}
