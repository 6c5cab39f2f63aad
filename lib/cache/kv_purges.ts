import * as v from "valibot";
import { unlocked } from "../store/kv_locked.ts";
import type { Purge, PurgeSubject } from "./purges.ts";

const subject = v.custom<PurgeSubject>((value) =>
  typeof value === "string" && (value === "all" || /^(?:url|tag):/.test(value))
);
const purgesSchema = v.array(v.object({ of: subject, isSoft: v.boolean(), at: v.number() }));

/** Changes with each record, so that looking for new ones costs one read. It is kept for ever. */
const CHANGE: Deno.KvKey = ["sluice", "cache-bans-changed"];
const PURGES: Deno.KvKey = ["sluice", "cache-bans"];

/** What the subjects of one record may take: below the 64 KiB that Deno KV takes as one value. */
const RECORD_CHARS = 30_000;
/** What a ban takes besides its subject, at most. */
const OVERHEAD_CHARS = 50;

/**
 * Bans in Deno KV: a log of records. Each stands under the version that the one before it made, so
 * that the store alone says which came after which, and no process's clock.
 */
export class KvPurges {
  readonly #kv: Deno.Kv;
  /** Undefined before the first look: all that is there is new then. */
  #version: string | null | undefined;

  constructor(kv: Deno.Kv) {
    this.#kv = kv;
  }

  /**
   * Tells every process of bans.
   * @param keepMs for how long they can be of use
   */
  async add(bans: readonly Purge[], keepMs: number): Promise<void> {
    for (const record of recordsOf(bans)) while (!await this.#append(record, keepMs));
  }

  /** The bans that were added since they were last read; some of them may come twice. */
  async readNew(): Promise<Purge[]> {
    const { versionstamp } = await this.#kv.get(CHANGE);
    if (versionstamp === this.#version) return [];
    const bans: Purge[] = [];
    const prefix = { prefix: PURGES };
    const selector = this.#version ? { ...prefix, start: [...PURGES, this.#version] } : prefix;
    for await (const { value } of this.#kv.list(selector)) {
      if (v.is(purgesSchema, value)) bans.push(...value);
    }
    this.#version = versionstamp;
    return bans;
  }

  /** Whether nobody else came first. */
  async #append(bans: readonly Purge[], keepMs: number): Promise<boolean> {
    const change = await this.#kv.get(CHANGE);
    const atomic = this.#kv.atomic()
      .check(change)
      .set([...PURGES, change.versionstamp ?? ""], bans, { expireIn: keepMs })
      .set(CHANGE, true);
    return (await unlocked(() => atomic.commit())).ok;
  }
}

/** The bans in groups, each small enough for one value. */
function recordsOf(bans: readonly Purge[]): Purge[][] {
  const records: Purge[][] = [];
  let room = 0;
  for (const ban of bans) {
    const size = ban.of.length + OVERHEAD_CHARS;
    const last = records.at(-1);
    if (last && size <= room) last.push(ban);
    else records.push([ban]);
    room = (last && size <= room ? room : RECORD_CHARS) - size;
  }
  return records;
}
