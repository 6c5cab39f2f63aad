import * as v from "valibot";
import type { Block, BlockSubject } from "./block.ts";
import type { KvChanges } from "./kv_changes.ts";

const subject = v.custom<BlockSubject>((value) =>
  typeof value === "string" && /^(?:client|ip) ./.test(value)
);
const blockSchema = v.object({
  of: subject,
  at: v.number(),
  until: v.number(),
  reason: v.exactOptional(v.string()),
});

/** How many are read at once. */
const PAGE = 1_000;

/** Bans in Deno KV: `["sluice", "ban", subject]` → the ban. KV deletes late, so each says when it ends. */
export class KvBlocks {
  readonly #kv: Deno.Kv;
  readonly #changes: KvChanges;

  constructor(kv: Deno.Kv, changes: KvChanges) {
    this.#kv = kv;
    this.#changes = changes;
  }

  /** Bans in the order of their subjects, and after which the next ones begin; undefined at the end. */
  async page(after: string | undefined): Promise<{ bans: Block[]; next: string | undefined }> {
    const prefix = blockKey();
    const selector = after === undefined ? { prefix } : { prefix, start: [...blockKey(after), ""] };
    const bans: Block[] = [];
    let count = 0;
    let last: string | undefined;
    for await (const { key, value } of this.#kv.list(selector, { limit: PAGE, batchSize: PAGE })) {
      count++;
      last = String(key.at(-1));
      if (v.is(blockSchema, value)) bans.push(value);
    }
    return { bans, next: count === PAGE ? last : undefined };
  }

  /** Bans somebody; an older ban of the same subject makes room. */
  async set(ban: Block): Promise<void> {
    const expireIn = Math.max(1, ban.until - ban.at);
    await this.#changes.make("bans", (operation) => {
      operation.set(blockKey(ban.of), ban, { expireIn });
    });
  }

  /** Lifts a ban. @returns whether there was one */
  async lift(of: BlockSubject): Promise<boolean> {
    return await this.#changes.make("bans", async (operation) => {
      const { value } = await this.#kv.get(blockKey(of));
      operation.delete(blockKey(of));
      return value !== null;
    });
  }
}

function blockKey(...of: [] | [string]): Deno.KvKey {
  return ["sluice", "ban", ...of];
}
