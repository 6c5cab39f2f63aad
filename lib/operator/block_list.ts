import { formatRange, isIpv4, parseAddress, parseRange } from "../http/address.ts";
import type { Client } from "../core/source.ts";
import type { Block, BlockSubject } from "./block.ts";

/** An immutable set of blocks with a lookup for every request; a change replaces it as a whole. */
export class BlockList {
  readonly #bySubject: ReadonlyMap<string, Block>;
  /** The prefix lengths of all blocked ranges (leading bits); a lookup tries each. */
  readonly #prefixes: { readonly v4: readonly number[]; readonly v6: readonly number[] };

  constructor(blocks: readonly Block[]) {
    this.#bySubject = new Map(blocks.map((block) => [block.of, block]));
    const v4 = new Set<number>();
    const v6 = new Set<number>();
    for (const { of } of blocks) {
      const range = of.startsWith("ip ") ? parseRange(of.slice(3)) : undefined;
      if (range) (isIpv4(range.bytes) ? v4 : v6).add(range.bits);
    }
    this.#prefixes = { v4: [...v4], v6: [...v6] };
  }

  /** The blocks that hold at `now` (wall clock, ms), sorted by subject. */
  list(now: number): Block[] {
    return [...this.#bySubject.values()]
      .filter(({ until }) => until > now)
      .sort((a, b) => a.of < b.of ? -1 : 1);
  }

  /** Whether exactly this subject is blocked. */
  has(subject: BlockSubject, now: number): boolean {
    return (this.#bySubject.get(subject)?.until ?? 0) > now;
  }

  /** The longest-lasting block that matches a client; undefined when none does. */
  of({ address, name }: Partial<Client>, now: number): Block | undefined {
    if (this.#bySubject.size === 0) return undefined;
    let longest: Block | undefined;
    const consider = (block: Block | undefined) => {
      if (block && block.until > Math.max(now, longest?.until ?? 0)) longest = block;
    };
    if (name !== undefined) consider(this.#bySubject.get(`client ${name}`));
    const bytes = address === undefined ? undefined : parseAddress(address);
    if (bytes) {
      for (const bits of isIpv4(bytes) ? this.#prefixes.v4 : this.#prefixes.v6) {
        consider(this.#bySubject.get(`ip ${formatRange({ bytes, bits })}`));
      }
    }
    return longest;
  }
}
