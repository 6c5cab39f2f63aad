import { GatewayError } from "../lib/core/errors.ts";
import { type AddressTrust, clientAddress } from "../lib/http/client_address.ts";
import type { Log } from "../lib/log/log.ts";
import type { Exchange } from "../middleware/exchange.ts";

/** A change by an operator, or one that was refused. */
export interface AuditEntry {
  /** The request's id. */
  readonly id: string;
  /** The name of the operator's token; undefined if there was none that is valid. */
  readonly operator: string | undefined;
  /** What was asked for: the method, the path and the query. */
  readonly action: string;
  /** The operator's address. */
  readonly address: string;
  /** The response's status. */
  readonly status: number;
}

const READING: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** Whether a request to the operator's routes belongs in the audit log. */
export function isAudited({ method }: Exchange): boolean {
  return !READING.has(method);
}

/** Returns the entry for a request that has ended. @param outcome its status, or the error */
export function auditEntry(c: Exchange, outcome: unknown, trust: AddressTrust): AuditEntry {
  const { pathname, search } = c.target;
  return {
    id: c.trace.id,
    operator: c.operator?.name,
    action: `${c.method} ${pathname}${search}`,
    address: clientAddress(c.env.remoteAddress, c.headers, trust),
    status: statusOf(outcome),
  };
}

/** Writes an entry to the log: at `warn` if it was refused. */
export function logAudit(log: Log, { id, operator, action, address, status }: AuditEntry): void {
  const who = operator ?? "nobody";
  const level = status < 400 ? "info" : "warn";
  log.write(level, `audit: ${who} from ${address}: ${action}: ${status}`, {
    id,
    operator,
    action,
    address,
    status,
  });
}

function statusOf(outcome: unknown): number {
  if (typeof outcome === "number") return outcome;
  return outcome instanceof GatewayError ? outcome.status : 500;
}
