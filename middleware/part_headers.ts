import type { Item } from "structured-headers";
import type { GatewayError } from "../lib/core/errors.ts";
import { addProxyStatus, proxyStatusOf } from "../lib/http/proxy_status.ts";
import { MapError } from "../lib/core/map_function.ts";
import { readPreferences } from "../lib/http/prefer.ts";
import type { LogFacts } from "../lib/log/log_entry.ts";
import { requestFacts } from "../lib/log/request_facts.ts";
import type { PartRecord, Trace } from "../lib/core/trace.ts";
import type { Middleware } from "./middleware.ts";

/** Dependencies of the headers and the log of an aggregate. */
export interface PartHeadersOptions {
  /** The gateway's name in `Via` and `Proxy-Status`. */
  readonly pseudonym: string;
  /** Whether `Prefer: handling=strict` may make any failed part fail the whole response. */
  readonly honoursHandling: boolean;
  /** Logs a defect of a part's function or of the gateway, which the problem does not show. */
  readonly logError: (error: unknown, about: LogFacts) => void;
}

/** Reports in the headers of an aggregate how each part went, also when the aggregate failed. */
export function partHeaders(options: PartHeadersOptions): Middleware {
  const { pseudonym, honoursHandling } = options;
  return {
    after(c, { headers }) {
      const { trace, streaming } = c;
      const { parts } = trace;
      if (c.error) headers.set("gateway-complete", "?0");
      headers.append("vary", "Accept, Prefer");
      const { handling } = readPreferences(c.headers);
      if (handling && honoursHandling) headers.append("preference-applied", `handling=${handling}`);
      addCacheStatus(headers, parts);
      if (parts.length > 0) headers.set("server-timing", parts.map(timing).join(", "));
      addProxyStatus(headers, parts.flatMap((part) => statusOf(part, pseudonym)));
      if (streaming) streaming.then(() => logMistakes(trace, options));
      else logMistakes(trace, options);
    },
  };
}

/** The parts' caches come before the aggregate's own, which is nearest to the client. */
function addCacheStatus(headers: Headers, parts: readonly PartRecord[]): void {
  const members = parts.flatMap(({ part, reply }) => {
    const status = reply?.cached && reply.headers.get("cache-status");
    return status ? `${status}; detail="${part}"` : [];
  });
  const own = headers.get("cache-status");
  if (members.length === 0) return;
  headers.set("cache-status", [...members, ...own === null ? [] : [own]].join(", "));
}

function logMistakes(trace: Trace, { logError }: PartHeadersOptions): void {
  for (const { error, reply } of trace.parts) {
    const failures = reply?.failures ?? error?.failures ?? [];
    for (const failed of [error, ...failures.map(({ error }) => error)]) {
      for (const mistake of mistakeOf(failed)) logError(mistake, requestFacts(trace));
    }
  }
}

/** The cause of an unexpected failure: a defect of the gateway or of a function of the config. */
function mistakeOf(error: GatewayError | undefined): unknown[] {
  if (error?.kind === "internal") return [error.cause];
  return error?.cause instanceof MapError ? [error.cause.cause] : [];
}

/** W3C Server Timing, section 2. */
function timing({ part, durationMs, error, isSkipped }: PartRecord): string {
  const description = error ? `;desc="${error.kind}"` : isSkipped ? ';desc="skipped"' : "";
  return `${part};dur=${durationMs.toFixed(1)}${description}`;
}

/** One member for each failed part, named in `details`. */
function statusOf({ part, error }: PartRecord, pseudonym: string): Item[] {
  const details = `${part}: ${error?.kind}`;
  const member = error && proxyStatusOf(pseudonym, { error, details });
  return member ? [member] : [];
}
