import type { Bytes } from "../core/bytes.ts";
import { Semaphore } from "../async/semaphore.ts";
import { type Timer, TimerQueue } from "../core/timer_queue.ts";
import { WorkerThread, type WorkerThreadOptions } from "./worker_thread.ts";

/** What the threads of a pool run, and how many there are. */
export interface WorkerPoolOptions extends WorkerThreadOptions {
  /** How many threads there are at most; those that are ending count. */
  readonly max: number;
  /** How long a thread waits for its next call before it is ended (ms). */
  readonly idleMs: number;
}

/** Threads that run one module's function: started when they are needed, ended when they idle. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #slots: Semaphore;
  readonly #timers: TimerQueue;
  readonly #threads = new Set<WorkerThread>();
  /** Since when each idles; the one that has worked last is taken first, so that the rest can end. */
  readonly #idle = new Map<WorkerThread, Timer>();
  #isEnded = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    // Whoever waits here was let in by the upstream's bulkhead, and waits for what is ending.
    this.#slots = new Semaphore({ max: options.max, queue: Infinity });
    this.#timers = new TimerQueue(options.idleMs, options.clock);
  }

  /** How many threads there are. */
  get size(): number {
    return this.#threads.size;
  }

  /** Calls the function in a thread that is free, as {@linkcode WorkerThread.ask} does. */
  async ask(input: string, signal: AbortSignal): Promise<Bytes> {
    await this.#slots.acquire(signal);
    try {
      const thread = this.#takeIdle() ?? await this.#start();
      try {
        return await thread.ask(input, signal);
      } finally {
        if (thread.isEnded) await thread.ended;
        else this.#keep(thread);
      }
    } finally {
      this.#slots.release();
    }
  }

  /** Ends all threads, whatever they do. */
  async end(): Promise<void> {
    this.#isEnded = true;
    for (const timer of this.#idle.values()) this.#timers.stop(timer);
    this.#idle.clear();
    await Promise.all([...this.#threads].map((thread) => thread.end()));
  }

  async #start(): Promise<WorkerThread> {
    const thread = await WorkerThread.start(this.#options);
    if (this.#isEnded) await thread.end(); // the stop came meanwhile
    this.#threads.add(thread);
    thread.ended.then(() => {
      this.#threads.delete(thread);
      this.#forget(thread); // it may end while it idles
    });
    return thread;
  }

  #takeIdle(): WorkerThread | undefined {
    const thread = [...this.#idle.keys()].findLast(({ isEnded }) => !isEnded);
    if (thread) this.#forget(thread);
    return thread;
  }

  #keep(thread: WorkerThread): void {
    const timer = this.#timers.set(() => {
      this.#forget(thread);
      thread.end();
    });
    this.#idle.set(thread, timer);
  }

  #forget(thread: WorkerThread): void {
    const timer = this.#idle.get(thread);
    if (timer) this.#timers.stop(timer);
    this.#idle.delete(thread);
  }
}
