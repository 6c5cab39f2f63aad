// Decides about each as if nobody waited.
import { WaitQueues } from "../../../lib/limiter/wait_queue.ts";
import { type Plan, plan as right } from "../../../lib/limiter/plan.ts";
export * from "../../../lib/limiter/plan.ts";

export function plan(...[requests, context, due]: Parameters<typeof right>): Plan {
  return right(requests, { ...context, waitQueues: new WaitQueues() }, due);
}
