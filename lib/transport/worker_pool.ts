import type { Bytes } from "../core/bytes.ts";
import { Semaphore } from "../async/semaphore.ts";
import { type Timer, TimerQueue } from "../core/timer_queue.ts";
import { WorkerThread, type WorkerThreadOptions } from "./worker_thread.ts";

/** Options of {@linkcode WorkerPool}. */
export interface WorkerPoolOptions extends WorkerThreadOptions {
  /** Maximum threads, including those that are ending. */
  readonly max: number;
  /** Idle time after which a thread is stopped (ms). */
  readonly idleMs: number;
}

/** A pool of threads that run one module's function: started on demand, stopped when idle. */
export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #slots: Semaphore;
  readonly #timers: TimerQueue;
  readonly #threads = new Set<WorkerThread>();
  /**
   * Idle threads with the start of their idle time; the last one used is reused first, so that
   * others can stop.
   */
  readonly #idle = new Map<WorkerThread, Timer>();
  #isEnded = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    // Calls that wait here have passed the upstream's bulkhead, and wait for a thread that is ending.
    this.#slots = new Semaphore({ max: options.max, queue: Infinity });
    this.#timers = new TimerQueue(options.idleMs, options.clock);
  }

  /** The number of threads. */
  get size(): number {
    return this.#threads.size;
  }

  /** Calls the function in a free thread, as {@linkcode WorkerThread.call} does. */
  async call(input: string, signal: AbortSignal): Promise<Bytes> {
    await this.#slots.acquire(signal);
    try {
      const thread = this.#takeIdle() ?? await this.#start();
      try {
        return await thread.call(input, signal);
      } finally {
        if (thread.isEnded) await thread.ended;
        else this.#keep(thread);
      }
    } finally {
      this.#slots.release();
    }
  }

  /** Terminates all threads. */
  async end(): Promise<void> {
    this.#isEnded = true;
    for (const timer of this.#idle.values()) this.#timers.stop(timer);
    this.#idle.clear();
    await Promise.all([...this.#threads].map((thread) => thread.end()));
  }

  async #start(): Promise<WorkerThread> {
    const thread = await WorkerThread.start(this.#options);
    if (this.#isEnded) await thread.end(); // the pool ended meanwhile
    this.#threads.add(thread);
    thread.ended.then(() => {
      this.#threads.delete(thread);
      this.#forget(thread); // it may end while idle
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
