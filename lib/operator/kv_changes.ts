import { isRecord } from "../core/is_record.ts";
import { retryWhileLocked } from "../store/kv_locked.ts";

/** What the operator can change at runtime, as the record names it: `bans` are the blocks. */
export type Changeable = "clients" | "bans" | "logKey";

/** A mark for each kind, new after every change of that kind; undefined before the first. */
export type Marks = Readonly<Partial<Record<Changeable, string>>>;

/** The one record with the marks of all kinds, so that looking for changes costs one read. */
const CHANGED: Deno.KvKey = ["sluice", "operator-changed"];
/** Attempts of a change while others are made, and the maximum of the first random pause (ms). */
const TRIES = 40;
const WAIT_MS = 2;

/**
 * Serializes the operator's changes in Deno KV. Every change checks the version of one record, so
 * that changes of all processes happen one after the other, and none is based on outdated reads.
 */
export class KvChanges {
  readonly #kv: Deno.Kv;

  constructor(kv: Deno.Kv) {
    this.#kv = kv;
  }

  /** Reads the marks of the latest changes. */
  async read(): Promise<Marks> {
    return marksOf((await this.#kv.get(CHANGED)).value);
  }

  /**
   * Makes a change atomically.
   * @param prepare reads what it needs and adds its writes to the operation; called again, with a new
   * operation, when another change came first
   * @throws what `prepare` throws
   */
  async make<T>(
    what: Changeable,
    prepare: (operation: Deno.AtomicOperation) => T | Promise<T>,
  ): Promise<T> {
    for (let tried = 1; tried <= TRIES; tried++) {
      const changed = await this.#kv.get(CHANGED);
      const operation = this.#kv.atomic().check(changed);
      const result = await prepare(operation);
      operation.set(CHANGED, { ...marksOf(changed.value), [what]: crypto.randomUUID() });
      if ((await retryWhileLocked(() => operation.commit())).ok) return result;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * WAIT_MS * tried));
    }
    throw new Error(`gave up after ${TRIES} attempts: another change was always first`);
  }
}

function marksOf(value: unknown): Marks {
  if (!isRecord(value)) return {};
  const { clients, bans, logKey } = value;
  return {
    ...(typeof clients === "string" && { clients }),
    ...(typeof bans === "string" && { bans }),
    ...(typeof logKey === "string" && { logKey }),
  };
}
