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

/** How many records are read at once. */
const PAGE = 1_000;

/**
 * The blocks in Deno KV: `["sluice", "ban", subject]` → the block. Each has its own end, because KV
 * deletes expired records late.
 */
export class KvBlocks {
  readonly #kv: Deno.Kv;
  readonly #changes: KvChanges;

  constructor(kv: Deno.Kv, changes: KvChanges) {
    this.#kv = kv;
    this.#changes = changes;
  }

  /** One page of blocks, sorted by subject, and the cursor of the next page; undefined at the end. */
  async page(after: string | undefined): Promise<{ blocks: Block[]; next: string | undefined }> {
    const prefix = blockKey();
    const selector = after === undefined ? { prefix } : { prefix, start: [...blockKey(after), ""] };
    const blocks: Block[] = [];
    let count = 0;
    let last: string | undefined;
    for await (const { key, value } of this.#kv.list(selector, { limit: PAGE, batchSize: PAGE })) {
      count++;
      last = String(key.at(-1));
      if (v.is(blockSchema, value)) blocks.push(value);
    }
    return { blocks, next: count === PAGE ? last : undefined };
  }

  /** Sets a block; it replaces an older one of the same subject. */
  async set(block: Block): Promise<void> {
    const expireIn = Math.max(1, block.until - block.at);
    await this.#changes.make("bans", (operation) => {
      operation.set(blockKey(block.of), block, { expireIn });
    });
  }

  /** Lifts a block. @returns whether there was one */
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
