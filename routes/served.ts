import type { Bindings } from "../middleware/bindings.ts";

/** A request's info, as `Deno.serve` gives it. */
export interface ServedInfo {
  readonly remoteAddr: { readonly hostname: string };
  readonly completed: Promise<void>;
}

/** What `Deno.serve` knows of a request. */
export class Served implements Bindings {
  readonly remoteAddress: string;
  readonly scheme: Bindings["scheme"];
  readonly #info: ServedInfo;

  constructor(info: ServedInfo, scheme: Bindings["scheme"]) {
    // The server forgets the address when the response has been sent.
    this.remoteAddress = info.remoteAddr.hostname;
    this.scheme = scheme;
    this.#info = info;
  }

  /** Read when there is a response: until then it would only be one more promise to keep. */
  get completed(): Promise<void> {
    return this.#info.completed;
  }
}
