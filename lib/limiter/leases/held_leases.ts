import { ageMs, type Instant } from "../instant.ts";

/** Tokens that a process may spend without the store, for a while. */
export interface Lease {
  /** What is left of it. */
  tokens: number;
  /** When it was decided upon, before the store was asked. */
  readonly grantedAt: Instant;
  /** When the bucket had been filled last by the operator; undefined for never. */
  readonly resetAt: number | undefined;
}

/** What was spent of a lease. */
export interface Spent {
  readonly lease: Lease;
  readonly tokens: number;
}

const NONE: readonly Lease[] = [];
/** Of what nobody spent for this part of a term, nobody is likely to. */
const IDLE_TERMS = 1 / 2;

/** The leases that this process holds of one bucket. */
export class HeldLeases {
  readonly termMs: number;
  /** The oldest first: it is spent first, for it ends first. */
  #leases = NONE;
  /** They are to be renewed when so few tokens are left, or at that moment (monotonic ms). */
  #renewTokens = -1;
  #renewAt = Infinity;
  /** When something was leased, or spent of it, last (monotonic ms). */
  #usedAt = -Infinity;

  /** @param termMs how long a lease may be spent (ms) */
  constructor(termMs: number) {
    this.termMs = termMs;
  }

  get isEmpty(): boolean {
    return this.#leases.length === 0;
  }

  /** Tokens that may be spent now. */
  available(now: Instant): number {
    let tokens = 0;
    for (const lease of this.#leases) if (!this.#isExpired(lease, now)) tokens += lease.tokens;
    return tokens;
  }

  /**
   * Adds a lease that was granted.
   * @param renewTokens it is renewed when so few are left
   * @param renewMs or when it may be spent for so long only
   */
  add(lease: Lease, renewTokens: number, renewMs: number): void {
    this.#leases = [...this.#leases, lease];
    this.#usedAt = lease.grantedAt.monotonic;
    this.#renewTokens = renewTokens;
    this.#renewAt = lease.grantedAt.monotonic + this.termMs - renewMs;
  }

  /** There is nothing to renew them with: they are spent, and that is all. */
  stopRenewing(): void {
    this.#renewTokens = -1;
    this.#renewAt = Infinity;
  }

  /** Spends tokens that are available; undefined, and nothing is spent, when they are not. */
  spend(tokens: number, now: Instant): Spent[] | undefined {
    if (this.available(now) < tokens) return undefined;
    const spent: Spent[] = [];
    let missing = tokens;
    for (const lease of this.#leases) {
      if (missing === 0) break;
      if (this.#isExpired(lease, now) || lease.tokens === 0) continue;
      const part = Math.min(missing, lease.tokens);
      lease.tokens -= part;
      missing -= part;
      spent.push({ lease, tokens: part });
    }
    this.#usedAt = now.monotonic;
    return spent;
  }

  /** Puts back what was spent of a lease; false when that is void. */
  unspend({ lease, tokens }: Spent, now: Instant): boolean {
    if (this.#isExpired(lease, now)) return false;
    if (!this.#leases.includes(lease)) this.#leases = [lease, ...this.#leases];
    lease.tokens += tokens;
    return true;
  }

  /** Whether nobody has spent of them for a while. */
  isIdle(now: Instant): boolean {
    return now.monotonic - this.#usedAt > this.termMs * IDLE_TERMS;
  }

  /**
   * Whether they are to be renewed.
   * @param tokens how many are left of them
   */
  isLow(now: Instant, tokens = this.available(now)): boolean {
    return now.monotonic >= this.#renewAt || tokens <= this.#renewTokens;
  }

  /** Takes out what can be spent no more. */
  takeExpired(now: Instant): Spent[] {
    const ended = this.#leases.filter((lease) => this.#isExpired(lease, now));
    if (ended.length > 0) this.#leases = this.#leases.filter((lease) => !ended.includes(lease));
    return ended.map(emptied);
  }

  /** Takes out all. */
  takeAll(): Spent[] {
    const all = this.#leases;
    this.#leases = NONE;
    return all.map(emptied);
  }

  #isExpired({ grantedAt }: Lease, now: Instant): boolean {
    return ageMs(grantedAt, now) >= this.termMs;
  }
}

/** What is left of a lease leaves it: what was spent before may still come back to it, and no more. */
function emptied(lease: Lease): Spent {
  const { tokens } = lease;
  lease.tokens = 0;
  return { lease, tokens };
}
