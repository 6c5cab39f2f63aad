/** Options of {@linkcode delay}. */
export interface DelayOptions {
  /** Ends the delay early; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Whether the timer alone keeps the process alive (default true). */
  persistent?: boolean;
}

/** Resolves after `ms` milliseconds, or rejects with the signal's reason. */
export function delay(ms: number, options?: DelayOptions): Promise<void>;

/** Settles like `promise`, unless the signal aborts first: then rejects with its reason. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T>;
