import type { Bindings } from "../middleware/bindings.ts";

/** A request's info, as `Deno.serve` gives it. */
export interface ServedInfo {
  readonly remoteAddr: { readonly hostname: string };
  readonly completed: Promise<void>;
}

/** What `Deno.serve` knows of a request, read only when it is needed: it costs a promise. */
export class Served implements Bindings {
  readonly scheme: Bindings["scheme"];
  readonly #info: ServedInfo;

  constructor(info: ServedInfo, scheme: Bindings["scheme"]) {
    this.#info = info;
    this.scheme = scheme;
  }

  /** @inheritdoc */
  get remoteAddress(): string {
    return this.#info.remoteAddr.hostname;
  }

  /** @inheritdoc */
  get completed(): Promise<void> {
    return this.#info.completed;
  }
}
