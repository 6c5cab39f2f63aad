import * as v from "valibot";
import { retryWhileLocked } from "../store/kv_locked.ts";
import type { Purge, PurgeSubject } from "./purges.ts";

const subject = v.custom<PurgeSubject>((value) =>
  typeof value === "string" && (value === "all" || /^(?:url|tag):/.test(value))
);
const purgesSchema = v.array(v.object({ of: subject, isSoft: v.boolean(), at: v.number() }));

/** Changes with each record, so that a check for new ones costs one read. It never expires. */
const CHANGE: Deno.KvKey = ["sluice", "cache-bans-changed"];
const PURGES: Deno.KvKey = ["sluice", "cache-bans"];

/** The subjects of one record (characters): below the 64 KiB of a KV value. */
const RECORD_CHARS = 30_000;
/** What a purge takes besides its subject, at most (characters). */
const OVERHEAD_CHARS = 50;

/**
 * Purges in Deno KV: a log of records. The key of each is the version that the one before it made, so
 * that the store orders them, and no process's clock.
 */
export class KvPurges {
  readonly #kv: Deno.Kv;
  /** Undefined before the first read: every record is new then. */
  #version: string | null | undefined;

  constructor(kv: Deno.Kv) {
    this.#kv = kv;
  }

  /**
   * Publishes purges to every process.
   * @param lifetimeMs how long they matter (ms)
   */
  async add(purges: readonly Purge[], lifetimeMs: number): Promise<void> {
    for (const record of recordsOf(purges)) while (!await this.#append(record, lifetimeMs));
  }

  /** Reads the purges added since the last read; some may come twice. */
  async readNew(): Promise<Purge[]> {
    const { versionstamp } = await this.#kv.get(CHANGE);
    if (versionstamp === this.#version) return [];
    const purges: Purge[] = [];
    const prefix = { prefix: PURGES };
    const selector = this.#version ? { ...prefix, start: [...PURGES, this.#version] } : prefix;
    for await (const { value } of this.#kv.list(selector)) {
      if (v.is(purgesSchema, value)) purges.push(...value);
    }
    this.#version = versionstamp;
    return purges;
  }

  /** Appends a record; false when another process appended first. */
  async #append(purges: readonly Purge[], lifetimeMs: number): Promise<boolean> {
    const change = await this.#kv.get(CHANGE);
    const atomic = this.#kv.atomic()
      .check(change)
      .set([...PURGES, change.versionstamp ?? ""], purges, { expireIn: lifetimeMs })
      .set(CHANGE, true);
    return (await retryWhileLocked(() => atomic.commit())).ok;
  }
}

/** Groups purges, each group small enough for one value. */
function recordsOf(purges: readonly Purge[]): Purge[][] {
  const records: Purge[][] = [];
  let room = 0;
  for (const purge of purges) {
    const size = purge.of.length + OVERHEAD_CHARS;
    const last = records.at(-1);
    if (last && size <= room) last.push(purge);
    else records.push([purge]);
    room = (last && size <= room ? room : RECORD_CHARS) - size;
  }
  return records;
}
