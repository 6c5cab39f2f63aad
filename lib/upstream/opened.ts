import { GatewayError } from "../core/errors.ts";

/** How something is opened and closed. */
export interface Lifetime<T> {
  readonly open: () => T | PromiseLike<T>;
  /** Undefined: it is disposed of, if it can be. */
  readonly close?: ((it: T) => unknown) | undefined;
}

/** Something that is opened once, on first use, and shared by all that use it. */
export class Opened<T> {
  readonly #lifetime: Lifetime<T>;
  readonly #onError: (error: unknown) => void;
  #opening: Promise<T> | undefined;

  /** @param onError told why an opening failed, which those who wait for it are not */
  constructor(lifetime: Lifetime<T>, onError: (error: unknown) => void) {
    this.#lifetime = lifetime;
    this.#onError = onError;
  }

  /**
   * What was opened; an opening under way is shared.
   * It rejects with `upstream-unreachable` when the opening failed; the next call opens again.
   */
  get(): Promise<T> {
    return this.#opening ??= this.#open();
  }

  /** Ends what is open, and waits for an opening under way. Nothing happens when nothing is open. */
  async close(): Promise<void> {
    const opening = this.#opening;
    if (opening === undefined) return;
    this.#opening = undefined;
    let it: T;
    try {
      it = await opening;
    } catch {
      return; // whoever opened it was told
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
