import { ageMs, type Instant } from "../instant.ts";

/** Tokens that a process may spend without the store, until the term ends. */
export interface Lease {
  /** What is left of it. */
  tokens: number;
  /** When it was planned, before the call to the store. */
  readonly grantedAt: Instant;
  /** The last reset of the bucket; undefined for never. */
  readonly resetAt: number | undefined;
}

/** What was spent of a lease. */
export interface Spent {
  readonly lease: Lease;
  readonly tokens: number;
}

const NONE: readonly Lease[] = [];
/** Leases unused for this part of a term count as idle. */
const IDLE_TERMS = 1 / 2;

/** The leases of one bucket that this process holds. */
export class HeldLeases {
  readonly termMs: number;
  /** The oldest first: it ends first, and is spent first. */
  #leases = NONE;
  /** They are renewed at this number of tokens, or at this moment (monotonic ms). */
  #renewTokens = -1;
  #renewAt = Infinity;
  /** When tokens were last leased or spent (monotonic ms). */
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
   * @param renewTokens renewed when this few are left
   * @param renewMs or when the term has only this long to go (ms)
   */
  add(lease: Lease, renewTokens: number, renewMs: number): void {
    this.#leases = [...this.#leases, lease];
    this.#usedAt = lease.grantedAt.monotonic;
    this.#renewTokens = renewTokens;
    this.#renewAt = lease.grantedAt.monotonic + this.termMs - renewMs;
  }

  /** Stops renewal: the bucket has no tokens for it. */
  stopRenewing(): void {
    this.#renewTokens = -1;
    this.#renewAt = Infinity;
  }

  /** Spends tokens; undefined, with nothing spent, when too few are available. */
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

  /** Returns spent tokens to their lease; false when it has expired. */
  unspend({ lease, tokens }: Spent, now: Instant): boolean {
    if (this.#isExpired(lease, now)) return false;
    if (!this.#leases.includes(lease)) this.#leases = [lease, ...this.#leases];
    lease.tokens += tokens;
    return true;
  }

  /** Whether nothing was spent for a while. */
  isIdle(now: Instant): boolean {
    return now.monotonic - this.#usedAt > this.termMs * IDLE_TERMS;
  }

  /**
   * Whether they need renewal.
   * @param tokens how many are left of them
   */
  isLow(now: Instant, tokens = this.available(now)): boolean {
    return now.monotonic >= this.#renewAt || tokens <= this.#renewTokens;
  }

  /** Takes out expired leases. */
  takeExpired(now: Instant): Spent[] {
    const ended = this.#leases.filter((lease) => this.#isExpired(lease, now));
    if (ended.length > 0) this.#leases = this.#leases.filter((lease) => !ended.includes(lease));
    return ended.map(emptied);
  }

  /** Takes out all leases. */
  takeAll(): Spent[] {
    const all = this.#leases;
    this.#leases = NONE;
    return all.map(emptied);
  }

  #isExpired({ grantedAt }: Lease, now: Instant): boolean {
    return ageMs(grantedAt, now) >= this.termMs;
  }
}

/** Empties a lease; tokens spent before may still be returned to it. */
function emptied(lease: Lease): Spent {
  const { tokens } = lease;
  lease.tokens = 0;
  return { lease, tokens };
}
