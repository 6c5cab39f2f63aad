import { GatewayError } from "../core/errors.ts";

/** How a resource is opened and closed. */
export interface Lifetime<T> {
  readonly open: () => T | PromiseLike<T>;
  /** Undefined: it is disposed of, if it is disposable. */
  readonly close?: ((it: T) => unknown) | undefined;
}

/** A resource that is opened once, on first use, and shared by all calls. */
export class Opened<T> {
  readonly #lifetime: Lifetime<T>;
  readonly #onError: (error: unknown) => void;
  #opening: Promise<T> | undefined;

  /** @param onError called with the cause of a failed opening, which callers do not receive */
  constructor(lifetime: Lifetime<T>, onError: (error: unknown) => void) {
    this.#lifetime = lifetime;
    this.#onError = onError;
  }

  /**
   * Returns the opened resource; concurrent calls share one opening. Rejects with
   * `upstream-unreachable` if opening fails; the next call opens again.
   */
  get(): Promise<T> {
    return this.#opening ??= this.#open();
  }

  /** Closes the resource, after an opening in progress. Does nothing if it was never opened. */
  async close(): Promise<void> {
    const opening = this.#opening;
    if (opening === undefined) return;
    this.#opening = undefined;
    let it: T;
    try {
      it = await opening;
    } catch {
      return; // reported when it was opened
    }
    if (this.#lifetime.close) await this.#lifetime.close(it);
    else await dispose(it);
  }

  async #open(): Promise<T> {
    try {
      return await Promise.try(this.#lifetime.open);
    } catch (cause) {
      this.#opening = undefined;
      this.#onError(cause);
      throw new GatewayError("upstream-unreachable", "what the source needs cannot be opened", {
        cause,
      });
    }
  }
}

async function dispose(it: unknown): Promise<void> {
  if (typeof it !== "object" && typeof it !== "function" || it === null) return;
  const end: unknown = Reflect.get(it, Symbol.asyncDispose) ?? Reflect.get(it, Symbol.dispose);
  if (typeof end === "function") await end.call(it);
}
