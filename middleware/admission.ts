import type { Admission } from "../lib/async/admission.ts";
import { waitIn } from "../lib/core/span.ts";
import type { Middleware } from "./middleware.ts";

/**
 * Begins the request when a turn of the event loop has a place for it. While it queues, its deadline
 * and the disconnection of its client count as always.
 * @param queue shared by all routes
 */
export function admission(queue: Admission): Middleware {
  return {
    before(c) {
      const place = queue.enter(c.ctx.signal);
      if (place) {
        return waitIn(c.trace.span, "admission", place).then(() => {
          c.turn = queue.turn;
        });
      }
      c.turn = queue.turn;
    },
    after: (c) => queue.leave(c.turn),
  };
}
