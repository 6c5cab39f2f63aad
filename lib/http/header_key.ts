import { digest } from "../core/digest.ts";

/**
 * Headers that reach an upstream and tell no two calls apart, each with the reason. Every other
 * header that the config, the defaults or the gateway puts into a call is part of its cache key;
 * what else a client sends through a forward counts where the response's `Vary` names it.
 */
export const NOT_KEYED: Readonly<Record<string, string>> = {
  "traceparent": "names the request in traces, not what it asks for",
  "tracestate": "goes with traceparent",
  "x-request-id": "names the request in logs, not what it asks for",
  "via": "names the gateways on the way, which no response is made of",
  "x-envoy-expected-rq-timeout-ms": "says how long this caller waits",
  "cache-control": "is said to caches, which act on it",
  "pragma": "is said to caches, which act on it",
  "if-none-match": "is answered by the cache itself",
  "if-modified-since": "is answered by the cache itself",
  "if-match": "is answered by the cache itself",
  "if-unmodified-since": "is answered by the cache itself",
  "if-range": "is answered by the cache itself",
  "range": "is answered by the cache itself",
};

const NONE: readonly string[] = [];

/** Tells apart the calls of one part or route that differ in more than method and path. */
export class HeaderKey {
  readonly #fixed: string;
  readonly #names: readonly string[];

  /**
   * @param target whom the calls are sent to: stored responses outlive the config
   * @param fixed the headers that are the same in each call
   * @param names those that may differ from call to call
   */
  constructor(target: string, fixed: Readonly<Record<string, string>>, names: readonly string[]) {
    const keyed = Object.entries(fixed).map(([name, value]) => [name.toLowerCase(), value])
      .filter(([name]) => isKeyed(name)).sort();
    this.#fixed = digest(JSON.stringify([target, keyed]));
    this.#names = [...new Set(names.map((name) => name.toLowerCase()))].filter(isKeyed).sort();
  }

  /**
   * A text that is equal for calls with equal headers, and does not show what they say.
   * @param names more of them, in lower case, which this call may have
   */
  of(headers: Headers, names: readonly string[] = NONE): string {
    let text = "";
    for (const name of names === NONE ? this.#names : [...this.#names, ...names]) {
      const value = name === "forwarded" ? targetIn(headers.get(name)) : headers.get(name);
      if (value !== null) text += `${name}: ${value}\n`; // no value holds a line break
    }
    return text === "" ? this.#fixed : this.#fixed + digest(text);
  }
}

/** What `Forwarded` (RFC 7239) says of the URL that the client asked for, and not of who asked. */
function targetIn(forwarded: string | null): string | null {
  return forwarded && (forwarded.match(/\b(?:host|proto)=(?:"[^"]*"|[^;,]*)/gi)?.join() ?? null);
}

function isKeyed(name = ""): boolean {
  return !Object.hasOwn(NOT_KEYED, name);
}
