import type { Background } from "../lib/core/background.ts";
import type { BufferBudget } from "../lib/core/buffer_budget.ts";
import type { Clock } from "../lib/core/clock.ts";
import { readPreferences } from "../lib/http/prefer.ts";
import type { Shutdown } from "../lib/process/shutdown.ts";
import { Lifetime } from "./lifetime.ts";
import type { Middleware } from "./middleware.ts";

/** A route's deadline and what it ends. */
export interface DeadlineOptions {
  /** The route's key, for the log. */
  readonly route: string;
  /** The longest that the whole request may take, from its arrival (ms). */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly background: Background;
  readonly shutdown: Shutdown;
  /** How much later than other requests it ends at shutdown (ms). */
  readonly lateMs: number;
  /** Bounds the buffered bodies of all requests together. */
  readonly buffers: BufferBudget;
}

/**
 * Gives the request its Context, whose signal aborts at the deadline or when the client disconnects.
 * The deadline is earlier for a client that sends `Prefer: wait` (RFC 7240 section 4.3), and for
 * every request at shutdown.
 */
export function deadline(options: DeadlineOptions): Middleware {
  const { route, deadlineMs, lateMs, background, shutdown } = options;
  const shared = {
    ...options,
    run: background.run.bind(background),
    timers: shutdown.timers(deadlineMs, lateMs),
  };
  return {
    before(c) {
      const { waitMs = Infinity } = readPreferences(c.headers);
      c.lifetime = new Lifetime(shared, c, waitMs);
      c.route = route;
      c.trace.route = route;
    },
    after(c, { headers }) {
      const { lifetime, streaming, sending = streaming } = c;
      if (!lifetime) return;
      const { waitMs } = lifetime;
      if (waitMs !== undefined) headers.append("preference-applied", `wait=${waitMs / 1000}`);
      // Without this the server closes the connection unannounced (RFC 9112 section 9.6).
      if (shutdown.isBegun && !c.env.batch) headers.set("connection", "close");
      if (streaming) streaming.then(() => lifetime.stop());
      else lifetime.stop();
      if (sending) sending.then(() => lifetime.release());
      else lifetime.release();
    },
  };
}
