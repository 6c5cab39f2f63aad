import type { Background } from "../lib/background.ts";
import type { Clock } from "../lib/clock.ts";
import { GatewayError } from "../lib/errors.ts";
import { Scope } from "../lib/scope.ts";
import type { Middleware } from "./env.ts";

/** What a route's deadline needs. */
export interface DeadlineOptions {
  /** The route's key, for the log. */
  readonly route: string;
  /** What the whole request may take, counted from its arrival (ms). */
  readonly deadlineMs: number;
  readonly clock: Clock;
  readonly background: Background;
}

/** Gives the request its Context, whose signal aborts at the deadline or when the client leaves. */
export function deadline(options: DeadlineOptions): Middleware {
  const { route, deadlineMs, clock, background } = options;
  const run = background.run.bind(background);
  return async function deadline(c, next) {
    const at = c.get("arrivedAt") + deadlineMs;
    using scope = new Scope(c.req.raw.signal, clientLeft);
    scope.cancelAfter(
      at - clock.monotonic(),
      clock,
      () =>
        new GatewayError(
          "deadline-exceeded",
          `no answer within the ${deadlineMs} ms of this route`,
        ),
    );
    c.set("route", route);
    c.set("ctx", {
      signal: scope.signal,
      deadline: at,
      client: { address: c.env.remoteAddress },
      trace: c.get("trace"),
      background: run,
    });
    await next();
  };
}

function clientLeft(): GatewayError {
  return new GatewayError("cancelled", "the client went away");
}
