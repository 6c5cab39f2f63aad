import type { ClientDirectory } from "./client_directory.ts";
import type { Clock } from "../core/clock.ts";
import { DEFAULTS } from "../core/defaults.ts";
import { GatewayError } from "../core/errors.ts";
import { StoreTimeout } from "../store/store_timeout.ts";
import { within } from "../core/within.ts";
import type { Block, BlockSubject } from "./block.ts";
import { BlockList } from "./block_list.ts";
import type { KvBlocks } from "./kv_blocks.ts";
import type { KvChanges, Marks } from "./kv_changes.ts";
import type { KvClients } from "./kv_clients.ts";
import { CachedClients } from "./cached_clients.ts";

/** What the operator needs. */
export interface OperatorOptions {
  readonly changes: Pick<KvChanges, "read">;
  readonly clients: KvClients;
  readonly blocks: KvBlocks;
  readonly clock: Clock;
  /** Told why something that the operator asked for failed. */
  readonly onError: (error: unknown) => void;
  /** Told when the store cannot be read any more. */
  readonly onLost: (error: unknown) => void;
}

/** How often is looked whether another process changed something (ms): felt within a second. */
const LOOK_MS = 800;
/** How many bans there may be. */
const MAX_BLOCKS = 10_000;

/**
 * What the operator changes while the gateway runs: the clients of the store, and who is banned.
 * Requests are decided by what this process knows of it; whether that has changed is one read of
 * the store, in all processes, however many requests there are.
 */
export class Operator {
  readonly #options: OperatorOptions;
  readonly #clients: CachedClients;
  #bans = new BlockList([]);
  #marks: Marks = {};
  #looking: Promise<void> = Promise.resolve();
  #isLost = false;

  constructor(options: OperatorOptions) {
    this.#options = options;
    this.#clients = new CachedClients(
      (hash) => this.#bounded(options.clients.find(hash)),
      options.clock,
    );
  }

  /** Finds the clients that the store knows. */
  get clients(): ClientDirectory {
    return this.#clients;
  }

  /** Who is banned, as far as this process knows. */
  get blocks(): BlockList {
    return this.#bans;
  }

  /** Learns what has changed. A store that cannot be asked leaves everything as it was. */
  async look(): Promise<void> {
    try {
      await this.#look();
      this.#isLost = false;
    } catch (error) {
      if (!this.#isLost) this.#options.onLost(error);
      this.#isLost = true;
    }
  }

  /** Learns of changes as they come, until the signal aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(LOOK_MS, signal).catch(() => {});
      if (!signal.aborted) await this.look();
    }
  }

  /**
   * Asks for clients, or changes them: felt here at once, in other processes within a second.
   * @throws {GatewayError} what `work` does; `limiter-unavailable` when the store cannot be asked
   */
  async withClients<T>(work: (clients: KvClients) => Promise<T>): Promise<T> {
    const result = await this.#ask(() => work(this.#options.clients));
    await this.look();
    return result;
  }

  /**
   * Bans somebody: felt here at once, in other processes within a second.
   * @throws {GatewayError} `bad-request` when there are too many bans; `limiter-unavailable`
   */
  async block(ban: Block): Promise<void> {
    await this.#ask(() => this.#look());
    if (!this.#bans.has(ban.of, ban.at) && this.#bans.list(ban.at).length >= MAX_BLOCKS) {
      throw new GatewayError(
        "bad-request",
        `there are ${MAX_BLOCKS} bans already; lift some first`,
      );
    }
    await this.#ask(() => this.#options.blocks.set(ban));
    await this.look();
  }

  /** Lifts a ban. @returns whether there was one. @throws {GatewayError} `limiter-unavailable` */
  async lift(of: BlockSubject): Promise<boolean> {
    const wasBanned = await this.#ask(() => this.#options.blocks.lift(of));
    await this.look();
    return wasBanned;
  }

  /** One look after the other, so that what is learned last was read last. */
  #look(): Promise<void> {
    return this.#looking = this.#looking.catch(() => {}).then(() => this.#learn());
  }

  async #learn(): Promise<void> {
    const { changes, blocks: bans } = this.#options;
    const marks = await this.#bounded(changes.read());
    if (marks.clients !== this.#marks.clients) this.#clients.forget();
    if (marks.bans !== this.#marks.bans) {
      const read: Block[] = [];
      let after: string | undefined;
      do {
        const page = await this.#bounded(bans.page(after));
        read.push(...page.bans);
        after = page.next;
      } while (after !== undefined);
      this.#bans = new BlockList(read);
    }
    this.#marks = marks;
  }

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await this.#bounded(work());
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      this.#options.onError(error);
      throw new GatewayError(
        "limiter-unavailable",
        "the store cannot be asked; look later whether a change was made after all",
        { headers: { "retry-after": "1" }, cause: error },
      );
    }
  }

  #bounded<T>(answer: Promise<T>): Promise<T> {
    const { storeTimeoutMs } = DEFAULTS;
    return within(
      answer,
      storeTimeoutMs,
      this.#options.clock,
      () => new StoreTimeout(storeTimeoutMs),
    );
  }
}
