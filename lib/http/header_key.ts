import { digest } from "../core/digest.ts";

/**
 * Headers that reach an upstream but are not part of a cache key, each with the reason. Every other
 * header that the config, the defaults or the gateway adds to a call is; other headers of a
 * forwarded request count if the response's `Vary` names them.
 */
export const NOT_KEYED: Readonly<Record<string, string>> = {
  "traceparent": "names the request in traces, not its content",
  "tracestate": "extends traceparent",
  "x-request-id": "names the request in logs, not its content",
  "via": "lists the gateways on the way; responses do not depend on it",
  "x-envoy-expected-rq-timeout-ms": "states how long this caller waits",
  "cache-control": "is evaluated by the cache",
  "pragma": "is evaluated by the cache",
  "if-none-match": "is evaluated by the cache",
  "if-modified-since": "is evaluated by the cache",
  "if-match": "is evaluated by the cache",
  "if-unmodified-since": "is evaluated by the cache",
  "if-range": "is evaluated by the cache",
  "range": "is evaluated by the cache",
};

const NONE: readonly string[] = [];

/** Builds cache keys for calls of a part or route that differ in more than method and path. */
export class HeaderKey {
  readonly #fixed: string;
  readonly #names: readonly string[];

  /**
   * @param target the target of the calls: stored responses outlive the config
   * @param fixed headers that are the same in every call
   * @param names headers that may differ from call to call
   */
  constructor(target: string, fixed: Readonly<Record<string, string>>, names: readonly string[]) {
    const keyed = Object.entries(fixed).map(([name, value]) => [name.toLowerCase(), value])
      .filter(([name]) => isKeyed(name)).sort();
    this.#fixed = digest(JSON.stringify([target, keyed]));
    this.#names = [...new Set(names.map((name) => name.toLowerCase()))].filter(isKeyed).sort();
  }

  /**
   * Returns a text that is equal for calls with equal headers, and does not reveal their values.
   * @param names further headers of this call, in lower case
   */
  of(headers: Headers, names: readonly string[] = NONE): string {
    let text = "";
    for (const name of names.length === 0 ? this.#names : [...this.#names, ...names]) {
      const value = name === "forwarded" ? targetIn(headers.get(name)) : headers.get(name);
      if (value !== null) text += `${name}: ${value}\n`; // values have no line breaks
    }
    return text === "" ? this.#fixed : this.#fixed + digest(text);
  }
}

/** Returns what `Forwarded` (RFC 7239) says about the requested URL, without the client. */
function targetIn(forwarded: string | null): string | null {
  return forwarded && (forwarded.match(/\b(?:host|proto)=(?:"[^"]*"|[^;,]*)/gi)?.join() ?? null);
}

function isKeyed(name = ""): boolean {
  return !Object.hasOwn(NOT_KEYED, name);
}
