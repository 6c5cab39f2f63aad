import type { CallRecord } from "../../core/trace.ts";
import type { EndedRequest } from "../ended_request.ts";
import type { Observer } from "../observer.ts";
import { Registry } from "./registry.ts";
import { routePattern } from "./route_pattern.ts";

/** RFC 9110 section 9 and RFC 5789; any other method is one that a client invented. */
const METHODS: ReadonlySet<string> = new Set(
  ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "QUERY", "OPTIONS", "CONNECT", "TRACE"],
);
/** What OpenTelemetry calls a method that is not known. */
const OTHER_METHOD = "_OTHER";
/** The route of the gateway's own pages: health, problems, the operator API. */
const OWN_ROUTE = "/_gateway/*";

/**
 * Counts what happens often, when a request or an attempt ends; all else is read at each scrape.
 *
 * Why no library: prom-client 15 takes 540 ns an observation (it hashes an object of labels) and 55 ms
 * to load, and bounds no series. A fan-out of three has eight observations.
 */
export class Metrics implements Observer {
  readonly #requests;
  readonly #batched;
  readonly #parts;
  readonly #calls;
  readonly #waits;
  readonly #cached;
  readonly #attempts;
  readonly #faults;
  readonly #activeCalls;
  readonly #activeRequests;
  readonly #decisions;
  readonly #storeCalls;

  /** @param registry where the values are counted */
  constructor(readonly registry: Registry = new Registry()) {
    this.#requests = registry.histogram("http_server_request_duration_seconds");
    this.#batched = registry.histogram("sluice_batched_request_duration_seconds");
    this.#parts = registry.histogram("sluice_part_duration_seconds");
    this.#calls = registry.histogram("http_client_request_duration_seconds");
    this.#waits = registry.histogram("sluice_wait_duration_seconds");
    this.#cached = registry.count("sluice_cache_responses_total");
    this.#attempts = registry.count("sluice_upstream_attempts_total");
    this.#faults = registry.count("sluice_upstream_faults_total");
    this.#activeCalls = registry.count("http_client_active_requests");
    this.#activeRequests = registry.count("http_server_active_requests").at([]);
    this.#decisions = registry.count("sluice_limiter_decisions_total");
    this.#storeCalls = registry.histogram("sluice_store_call_duration_seconds");
  }

  requestStarted(): void {
    this.#activeRequests.value++;
  }

  requestEnded(request: EndedRequest): void {
    const { isOwn, isInBatch, method, status, problem = "", durationMs, traceId, time } = request;
    this.#activeRequests.value--;
    const route = isOwn ? OWN_ROUTE : routePattern(request.route);
    const duration = (isInBatch ? this.#batched : this.#requests).at([
      METHODS.has(method) ? method : OTHER_METHOD,
      route,
      String(status),
      problem,
    ]);
    if (traceId === undefined) duration.observe(durationMs);
    else duration.observeWithTrace(durationMs, traceId, time + durationMs);
    if (request.cache) this.#cached.at([route, "", request.cache]).value++;
    for (const { part, problem = "", durationMs, cache, isSkipped } of request.parts) {
      if (isSkipped) continue;
      this.#parts.at([route, part, problem]).observe(durationMs);
      if (cache) this.#cached.at([route, part, cache]).value++;
    }
    for (const wait of request.waits) {
      this.#waits.at([wait.for, wait.upstream ?? ""]).observe(wait.durationMs);
    }
  }

  /** Counts a decision of a limit. */
  limitDecided(limit: string, decision: string): void {
    this.#decisions.at([limit, decision]).value++;
  }

  /** Counts a call to the store (ms). */
  storeCalled(call: string, outcome: string, durationMs: number): void {
    this.#storeCalls.at([call, outcome]).observe(durationMs);
  }

  callStarted({ upstream }: CallRecord): void {
    this.#activeCalls.at([upstream]).value++;
  }

  callEnded(call: CallRecord): void {
    const { upstream, status, problem = "", reason, durationMs = 0, attempt, isHedge } = call;
    this.#activeCalls.at([upstream]).value--;
    this.#calls.at([upstream, status === undefined ? "" : String(status), problem])
      .observe(durationMs);
    this.#attempts.at([upstream, isHedge ? "hedge" : attempt > 1 ? "retry" : "first"]).value++;
    if (reason) this.#faults.at([upstream, reason]).value++;
  }
}
