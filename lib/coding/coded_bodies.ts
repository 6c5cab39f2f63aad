import type { Body } from "../core/body.ts";
import { LruCache } from "../core/lru_cache.ts";
import type { Coding } from "./codings.ts";

/** Memory per body besides its bytes (bytes). */
const OVERHEAD_BYTES = 512;

/** One coded form of a stored body: the key of its bytes. */
interface CodedForm {
  /** Set while it is being encoded. */
  pending: Promise<Body> | undefined;
}

/**
 * The coded forms of stored bodies, so that a cache hit is not encoded again. Bounded in bytes; evicts
 * the least recently used first. It does not retain the stored bodies themselves.
 */
export class CodedBodies {
  readonly #forms = new WeakMap<Body, Map<Coding, CodedForm>>();
  readonly #coded: LruCache<CodedForm, Body>;

  /** @param maxBytes the bound on all coded bodies together (bytes) */
  constructor(readonly maxBytes: number) {
    this.#coded = new LruCache({
      maxSize: Math.max(1, Math.floor(maxBytes)),
      sizeOf: (body) => OVERHEAD_BYTES + (body.length ?? 0),
    });
  }

  /** The number of coded bodies. */
  get size(): number {
    return this.#coded.size;
  }

  /** The memory that they take (bytes). */
  get bytes(): number {
    return this.#coded.totalSize;
  }

  /** Returns the coded form of a stored body, encoded once even for concurrent requests. */
  get(body: Body, coding: Coding, encode: () => Promise<Body>): Body | Promise<Body> {
    const forms = this.#forms.get(body) ?? new Map<Coding, CodedForm>();
    const form = forms.get(coding) ?? { pending: undefined };
    const known = this.#coded.get(form) ?? form.pending;
    if (known) return known;
    this.#forms.set(body, forms.set(coding, form));
    return form.pending = encode().then((coded) => {
      this.#coded.set(form, coded);
      return coded;
    }).finally(() => form.pending = undefined);
  }

  /** Removes everything. */
  clear(): void {
    this.#coded.clear();
  }
}
