import { testGuard } from "../tests/support/test_guard.ts";
import { Background } from "../lib/core/background.ts";
import { Shutdown } from "../lib/process/shutdown.ts";
import { systemClock as clock } from "../lib/core/clock.ts";
import { parseConfig } from "../lib/config/parse.ts";
import { BufferBudget } from "../lib/core/buffer_budget.ts";
import { MemoryStore } from "../lib/limiter/stores/memory_store.ts";
import { Resources } from "../lib/upstream/resources.ts";
import type { GatewayDependencies } from "../routes/dependencies.ts";
import { buildGateway } from "../routes/gateway.ts";

/** What a request brings along when no server took it. */
export const BINDINGS = {
  remoteAddress: "127.0.0.1",
  scheme: "http" as const,
  completed: Promise.resolve(),
};

/** The gateway without a server around it, for a bench that may replace what it needs. */
export function benchGateway(
  config: unknown,
  deps: Partial<GatewayDependencies> = {},
): ReturnType<typeof buildGateway> {
  return buildGateway(parseConfig(config, () => undefined), {
    clock,
    random: Math.random,
    operatorTokens: [],
    logAudit() {},
    isHosted: false,
    shutdown: new Shutdown(clock),
    background: new Background({ clock, taskTimeoutMs: 1_000, onError() {} }),
    buffers: new BufferBudget(Infinity),
    closing: new AsyncDisposableStack(),
    resources: new Resources({ clock, lingerMs: 1_000, onError() {} }),
    buckets: new MemoryStore(clock),
    http: () => () => Promise.reject(new Error("no upstream is asked over HTTP here")),
    store: testGuard({ clock }),
    logAccess() {},
    logFault() {},
    logError(error) {
      throw error;
    },
    ...deps,
  });
}
