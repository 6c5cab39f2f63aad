import type { ClientDirectory } from "./client_directory.ts";
import { ClientHashes } from "./client_hashes.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { StoreCallKind } from "../store/breaker.ts";
import type { StoreGuard } from "../store/store_guard.ts";
import type { Block, BlockSubject } from "./block.ts";
import { BlockList } from "./block_list.ts";
import type { KvBlocks } from "./kv_blocks.ts";
import type { KvChanges, Marks } from "./kv_changes.ts";
import type { KvClients } from "./kv_clients.ts";
import type { KvLogKey } from "./kv_log_key.ts";
import { CachedClients } from "./cached_clients.ts";

/** Dependencies of an Operator. */
export interface OperatorOptions {
  readonly changes: Pick<KvChanges, "read">;
  readonly clients: KvClients;
  readonly blocks: KvBlocks;
  readonly logKey: KvLogKey;
  readonly clock: Clock;
  /** Logs why a request of the operator failed. */
  readonly onError: (error: unknown) => void;
  readonly guard: Pick<StoreGuard, "call">;
}

/** How often changes of other processes are looked for (ms): they take effect within a second. */
const REFRESH_MS = 800;
/** How many blocks there may be. */
const MAX_BLOCKS = 10_000;

/**
 * Holds what the operator changes at runtime: clients and blocks. Requests are decided in memory.
 * Every process looks for changes with one small read of the store, however many requests there are.
 */
export class Operator {
  readonly #options: OperatorOptions;
  readonly #clients: CachedClients;
  #blocks = new BlockList([]);
  #marks: Marks = {};
  #hasLogKey = false;
  #refreshing: Promise<void> = Promise.resolve();

  constructor(options: OperatorOptions) {
    this.#options = options;
    this.#clients = new CachedClients(
      (hash) => options.guard.call("read", () => options.clients.find(hash)),
      options.clock,
    );
  }

  /** What stands for clients in the log: the same in all processes once the store was read. */
  readonly clientHashes = new ClientHashes();

  /** The clients in the store. */
  get clients(): ClientDirectory {
    return this.#clients;
  }

  /** The blocks, as this process last read them. */
  get blocks(): BlockList {
    return this.#blocks;
  }

  /** Reads what has changed. When the store fails, everything stays as it was. */
  async refresh(): Promise<void> {
    // The guard has logged why.
    await this.#refresh().catch(() => {});
  }

  /** Refreshes every 0.8 s until the signal aborts. */
  async follow(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(REFRESH_MS, signal).catch(() => {});
      if (!signal.aborted) await this.refresh();
    }
  }

  /** Reads clients from the store. @throws {GatewayError} `limiter-unavailable` */
  async readClients<T>(
    work: (clients: Pick<KvClients, "get" | "list">) => Promise<T>,
  ): Promise<T> {
    return await this.#useStore("read", () => work(this.#options.clients));
  }

  /**
   * Changes clients. A change takes effect here at once, elsewhere within a second.
   * @throws {GatewayError} what `work` throws; `limiter-unavailable` when the store fails
   */
  async changeClients<T>(work: (clients: KvClients) => Promise<T>): Promise<T> {
    const result = await this.#useStore("write", () => work(this.#options.clients));
    await this.refresh();
    return result;
  }

  /**
   * Sets a block. It takes effect here at once, elsewhere within a second.
   * @throws {GatewayError} `bad-request` when there are too many blocks; `limiter-unavailable`
   */
  async block(block: Block): Promise<void> {
    await this.#orUnavailable(this.#refresh());
    if (!this.#blocks.has(block.of, block.at) && this.#blocks.list(block.at).length >= MAX_BLOCKS) {
      throw new GatewayError(
        "bad-request",
        `there are already ${MAX_BLOCKS} bans; lift some first`,
      );
    }
    await this.#useStore("write", () => this.#options.blocks.set(block));
    await this.refresh();
  }

  /** Lifts a block. @returns whether there was one. @throws {GatewayError} `limiter-unavailable` */
  async lift(of: BlockSubject): Promise<boolean> {
    const wasBlocked = await this.#useStore("write", () => this.#options.blocks.lift(of));
    await this.refresh();
    return wasBlocked;
  }

  /**
   * Replaces the key of the hashes that stand for clients in the log.
   * @throws {GatewayError} `limiter-unavailable`
   */
  async rotateLogKey(): Promise<void> {
    await this.#useStore("write", () => this.#options.logKey.rotate());
    await this.refresh();
  }

  /** Refreshes one after the other, so that an older read never replaces a newer one. */
  #refresh(): Promise<void> {
    return this.#refreshing = this.#refreshing.catch(() => {}).then(() => this.#readChanges());
  }

  async #readChanges(): Promise<void> {
    const { changes, blocks, logKey, guard } = this.#options;
    const marks = await guard.call("read", () => changes.read());
    if (marks.clients !== this.#marks.clients) this.#clients.forget();
    if (marks.bans !== this.#marks.bans) {
      const read: Block[] = [];
      let after: string | undefined;
      do {
        const page = await guard.call("read", () => blocks.page(after));
        read.push(...page.blocks);
        after = page.next;
      } while (after !== undefined);
      this.#blocks = new BlockList(read);
    }
    const isNewKey = marks.logKey !== this.#marks.logKey || !this.#hasLogKey;
    this.#marks = marks;
    if (!isNewKey) return;
    this.#hasLogKey = false;
    this.clientHashes.use(await guard.call("write", () => logKey.read()));
    this.#hasLogKey = true;
  }

  #useStore<T>(kind: StoreCallKind, work: () => Promise<T>): Promise<T> {
    return this.#orUnavailable(this.#options.guard.call(kind, work));
  }

  /** Logs why the store failed, and responds that it did. */
  async #orUnavailable<T>(result: Promise<T>): Promise<T> {
    try {
      return await result;
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      this.#options.onError(error);
      throw new GatewayError(
        "limiter-unavailable",
        "the store does not respond; check later whether the change was made",
        { headers: { "retry-after": "1" }, cause: error },
      );
    }
  }
}
