import { retryWhileLocked } from "../store/kv_locked.ts";
import { randomKey } from "./client_hashes.ts";
import type { KvChanges } from "./kv_changes.ts";

/** The one record: `["sluice", "log-key"]` → 32 random bytes. */
const KEY: Deno.KvKey = ["sluice", "log-key"];

/** The key of the hashes that stand for clients in the log, which all processes on a store share. */
export class KvLogKey {
  readonly #kv: Deno.Kv;
  readonly #changes: KvChanges;

  constructor(kv: Deno.Kv, changes: KvChanges) {
    this.#kv = kv;
    this.#changes = changes;
  }

  /** Reads the key; the first process makes it. */
  async read(): Promise<Uint8Array> {
    const found = await this.#kv.get(KEY);
    if (found.value instanceof Uint8Array) return found.value;
    const made = randomKey();
    const operation = this.#kv.atomic().check(found).set(KEY, made);
    return (await retryWhileLocked(() => operation.commit())).ok ? made : await this.read();
  }

  /** Replaces the key, in every process within a second. */
  async rotate(): Promise<void> {
    await this.#changes.make("logKey", (operation) => {
      operation.set(KEY, randomKey());
    });
  }
}
