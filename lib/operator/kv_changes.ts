import { isRecord } from "../core/is_record.ts";
import { unlocked } from "../store/kv_locked.ts";

/** What the operator can change while the gateway runs. */
export type Changeable = "clients" | "bans";

/** Each is another one after every change of its kind; undefined before the first. */
export type Marks = Readonly<Partial<Record<Changeable, string>>>;

/** The one record that tells of all changes, so that looking for them costs one read. */
const CHANGED: Deno.KvKey = ["sluice", "operator-changed"];
/** How often a change is tried while others are made, and how long it waits in between (ms). */
const TRIES = 40;
const WAIT_MS = 2;

/**
 * What the operator changes in Deno KV. Every change is made over the version of one record, so
 * that one comes after the other whoever makes them, and nothing that was read for it is out of date.
 */
export class KvChanges {
  readonly #kv: Deno.Kv;

  constructor(kv: Deno.Kv) {
    this.#kv = kv;
  }

  /** What was changed last. */
  async read(): Promise<Marks> {
    return marksOf((await this.#kv.get(CHANGED)).value);
  }

  /**
   * Makes a change, all of it or nothing.
   * @param prepare reads what it needs and says what is written; called again, with a new operation,
   * when another change came between
   * @throws what `prepare` does
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
      if ((await unlocked(() => operation.commit())).ok) return result;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * WAIT_MS * tried));
    }
    throw new Error(`another change came between ${TRIES} times`);
  }
}

function marksOf(value: unknown): Marks {
  if (!isRecord(value)) return {};
  const { clients, bans } = value;
  return {
    ...(typeof clients === "string" && { clients }),
    ...(typeof bans === "string" && { bans }),
  };
}
