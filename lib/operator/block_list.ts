import { formatRange, isIpv4, parseAddress, parseRange } from "../http/address.ts";
import type { Client } from "../core/source.ts";
import type { Block, BlockSubject } from "./block.ts";

/** The bans that hold, to be looked up at each request: it never changes, and is replaced as a whole. */
export class BlockList {
  readonly #bySubject: ReadonlyMap<string, Block>;
  /** How long the prefixes are of which addresses are banned (leading bits): the fewer, the cheaper. */
  readonly #prefixes: { readonly v4: readonly number[]; readonly v6: readonly number[] };

  constructor(bans: readonly Block[]) {
    this.#bySubject = new Map(bans.map((ban) => [ban.of, ban]));
    const v4 = new Set<number>();
    const v6 = new Set<number>();
    for (const { of } of bans) {
      const range = of.startsWith("ip ") ? parseRange(of.slice(3)) : undefined;
      if (range) (isIpv4(range.bytes) ? v4 : v6).add(range.bits);
    }
    this.#prefixes = { v4: [...v4], v6: [...v6] };
  }

  /** The bans of that moment (wall clock, ms), in the order of their subjects. */
  list(now: number): Block[] {
    return [...this.#bySubject.values()]
      .filter(({ until }) => until > now)
      .sort((a, b) => a.of < b.of ? -1 : 1);
  }

  /** Whether just that subject is banned. */
  has(subject: BlockSubject, now: number): boolean {
    return (this.#bySubject.get(subject)?.until ?? 0) > now;
  }

  /** The ban that keeps a client out longest; undefined when none does. */
  of({ address, name }: Partial<Client>, now: number): Block | undefined {
    if (this.#bySubject.size === 0) return undefined;
    let longest: Block | undefined;
    const consider = (ban: Block | undefined) => {
      if (ban && ban.until > Math.max(now, longest?.until ?? 0)) longest = ban;
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
